package main

import (
	"fmt"
	"os"
	"os/exec"
	"os/user"
	"slices"
	"strings"
	"testing"
)

// dropTo is the environment variable that makes this test a process that drops
// its privileges to the user that it names.
const dropTo = "TEST_DROP_PRIVILEGES_TO"

// TestDropPrivileges: a user without a group leaves no group of root's behind.
func TestDropPrivileges(t *testing.T) {
	if name := os.Getenv(dropTo); name != "" {
		err := dropPrivileges(name, "")
		groups, groupsErr := os.Getgroups()
		fmt.Println("dropped:", err, groupsErr, os.Getuid(), os.Getgid(), len(groups) <= 1 || !slices.Contains(groups, 0))
		return
	}
	target, err := user.Lookup("nobody")
	if err != nil || os.Geteuid() != 0 { // only root has something to drop
		if target, err = user.Current(); err != nil {
			t.Fatal(err)
		}
	}
	child := exec.Command(os.Args[0], "-test.run=^TestDropPrivileges$")
	child.Env = append(os.Environ(), dropTo+"="+target.Username)
	out, err := child.CombinedOutput()
	want := fmt.Sprintf("dropped: <nil> <nil> %s %s true\n", target.Uid, target.Gid)
	if err != nil || !strings.Contains(string(out), want) {
		t.Errorf("%v: got %s, want %s", err, out, want)
	}
}

func TestIdentity(t *testing.T) {
	if uid, gid, err := identity("", ""); err != nil || uid != os.Getuid() || gid != os.Getgid() {
		t.Errorf("nothing is named: %d, %d, %v", uid, gid, err)
	}
	for _, names := range [][2]string{{"no-such-user", ""}, {"", "no-such-group"}} {
		if _, _, err := identity(names[0], names[1]); err == nil || !strings.Contains(err.Error(), strings.Join(names[:], "")) {
			t.Errorf("%q: error %v", names, err)
		}
	}
}

package test

import (
	"os"
	"os/exec"
	"path/filepath"
	"regexp"
	"runtime"
	"strconv"
	"strings"
	"syscall"
	"testing"
)

// buildPackage makes a Debian package of the programs and returns its file.
func buildPackage(t *testing.T, version string) string {
	t.Helper()
	dir := t.TempDir()
	for _, name := range []string{"cc-metric-store", "cc-metric-generator"} {
		if err := os.Symlink(filepath.Join(staticBinaries(t), name), filepath.Join(dir, name)); err != nil {
			t.Fatal(err)
		}
	}
	cmd := exec.Command("../deploy/deb/build.sh", version, runtime.GOARCH, dir)
	cmd.Stderr = os.Stderr
	out, err := cmd.Output()
	if err != nil {
		t.Fatalf("build.sh: %v\n%s", err, out)
	}
	return strings.TrimSpace(string(out))
}

// machine is this one, as it seems to programs that are started in it: what they change is
// kept in memory, and gone with the test.
type machine struct {
	t    *testing.T
	root string
	pid  string // of a process that keeps it
}

// newMachine returns a machine with the files of this one, and with the given ones in /put.
// The test is skipped where nobody may make one.
func newMachine(t *testing.T, put ...string) *machine {
	t.Helper()
	if out, err := exec.Command("unshare", "--mount", "mount", "-t", "tmpfs", "tmpfs", t.TempDir()).CombinedOutput(); err != nil {
		t.Skipf("this user may not mount file systems, as root may: %v %s", err, out)
	}
	dir := t.TempDir()
	// The directory is a file system of the machine alone, so that all is gone with its last process.
	const script = `
		mount -t tmpfs tmpfs "$0"
		mkdir "$0"/upper "$0"/work "$0"/root
		mount -t overlay overlay -o "lowerdir=/,upperdir=$0/upper,workdir=$0/work" "$0"/root
		mount --bind /dev "$0"/root/dev
		mount -t proc proc "$0"/root/proc
		mount -t tmpfs tmpfs "$0"/root/tmp
		mount -t tmpfs tmpfs "$0"/root/run
		mkdir "$0"/root/put
		cp -r "$@" "$0"/root/put
		echo made
		exec sleep infinity`
	keeper := exec.Command("sh", append([]string{"-euc", script, dir}, put...)...)
	keeper.SysProcAttr = &syscall.SysProcAttr{Unshareflags: syscall.CLONE_NEWNS, Pdeathsig: syscall.SIGKILL}
	said := &output{}
	keeper.Stdout, keeper.Stderr = said, said
	if err := keeper.Start(); err != nil {
		t.Fatal(err)
	}
	ended := make(chan error, 1)
	go func() { ended <- keeper.Wait() }()
	t.Cleanup(func() {
		_ = keeper.Process.Kill()
		<-ended
	})
	waitFor(t, "the machine", func() error {
		select {
		case err := <-ended:
			ended <- err
			t.Fatalf("make the machine: %v\n%s", err, said)
		default:
		}
		if !said.hasLine("made") {
			return os.ErrNotExist
		}
		return nil
	})
	return &machine{t: t, root: filepath.Join(dir, "root"), pid: strconv.Itoa(keeper.Process.Pid)}
}

// enter returns a command that sees the files of the machine below its root.
func (m *machine) enter(args ...string) []string {
	return append([]string{"nsenter", "--target", m.pid, "--mount", "--"}, args...)
}

// command returns a command of the machine, as one of this one.
func (m *machine) command(args ...string) []string {
	return m.enter(append([]string{"chroot", m.root}, args...)...)
}

// try runs a command as root and returns what it writes.
func (m *machine) try(args ...string) (string, error) {
	args = m.command(args...)
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = append(os.Environ(), "DEBIAN_FRONTEND=noninteractive", "LC_ALL=C", "PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin")
	out, err := cmd.CombinedOutput()
	return string(out), err
}

// boot starts the systemd of the machine with a unit that turns it off in the end, and
// returns what the console says.
func (m *machine) boot(unit string) (string, error) {
	m.t.Helper()
	var mounts []string // in whose place there are systemd's own
	for _, name := range []string{"dev", "proc", "tmp", "run"} {
		mounts = append(mounts, filepath.Join(m.root, name))
	}
	umount := m.enter(append([]string{"umount"}, mounts...)...)
	if out, err := exec.Command(umount[0], umount[1:]...).CombinedOutput(); err != nil {
		return string(out), err
	}
	args := m.enter("timeout", "--signal", "KILL", "300", "systemd-nspawn", "--quiet", "--register=no", "--keep-unit", "--private-network",
		"--console=pipe", "--directory", m.root, "--boot", "--", "--unit="+unit)
	out, err := exec.Command(args[0], args[1:]...).CombinedOutput()
	return string(out), err
}

// must is try for what has to succeed.
func (m *machine) must(args ...string) string {
	m.t.Helper()
	out, err := m.try(args...)
	if err != nil {
		m.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return out
}

// wantFile checks mode, owner and group of a file.
func (m *machine) wantFile(path, want string) {
	m.t.Helper()
	if got := strings.TrimSpace(m.must("stat", "-c", "%a %U %G", path)); got != want {
		m.t.Errorf("%s: %s, want %s", path, got, want)
	}
}

// wantGone checks that a file is not there.
func (m *machine) wantGone(path string) {
	m.t.Helper()
	if out, err := m.try("stat", path); err == nil {
		m.t.Errorf("%s is there: %s", path, out)
	}
}

var setting = regexp.MustCompile(`(?m)^(\w+)=(.*)$`)

// startService runs the command of the installed unit, as its user and in its directory, and
// returns when the node is ready.
func (m *machine) startService() *node {
	m.t.Helper()
	unit := map[string]string{}
	for _, s := range setting.FindAllStringSubmatch(m.must("cat", "/usr/lib/systemd/system/cc-metric-store.service"), -1) {
		unit[s[1]] = s[2]
	}
	command := os.Expand(unit["ExecStart"], func(name string) string {
		_, value, _ := strings.Cut(unit["Environment"], name+"=")
		return value
	})
	words := append([]string{"setpriv", "--reuid", unit["User"], "--regid", unit["Group"], "--init-groups", "--no-new-privs", "env", "--chdir", unit["WorkingDirectory"]}, strings.Fields(command)...)
	n := begin(m.t, launch{program: m.command(words...), args: []string{"-loglevel", "info"}})
	n.awaitReady()
	return n
}

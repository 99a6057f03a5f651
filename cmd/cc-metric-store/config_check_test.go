package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
)

func TestPermits(t *testing.T) {
	const writeAndSearch = 3
	for _, c := range []struct {
		mode, uid, gid uint32
		want           bool
	}{
		{0o700, 1, 2, true}, {0o500, 1, 2, false}, {0o070, 1, 2, false}, // the owner has the owner's rights alone
		{0o070, 3, 2, true}, {0o707, 3, 2, false}, {0o007, 3, 3, true}, {0o775, 3, 3, false}, {0o777, 3, 3, true},
	} {
		if got := permits(&syscall.Stat_t{Mode: c.mode, Uid: 1, Gid: 2}, c.uid, c.gid, writeAndSearch); got != c.want {
			t.Errorf("%o for %d:%d: %v", c.mode, c.uid, c.gid, got)
		}
	}
}

func TestCheckDirectory(t *testing.T) {
	dir := t.TempDir()
	uid, gid := uint32(os.Getuid()), uint32(os.Getgid())
	if err := checkDirectory(filepath.Join(dir, "a", "b"), uid, gid); err != nil {
		t.Error(err)
	}
	if err := os.Chmod(dir, 0o500); err != nil {
		t.Fatal(err)
	}
	other := uid + 12345 // of somebody whom main.user may name
	for _, path := range []string{dir, filepath.Join(dir, "a", "b")} {
		err := checkDirectory(path, other, gid+12345)
		if err == nil || !strings.Contains(err.Error(), dir+": permission denied") {
			t.Errorf("%s: %v", path, err)
		}
	}
}

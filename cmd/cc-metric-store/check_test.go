package main

import (
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"
)

func TestGrants(t *testing.T) {
	const writeAndSearch = 3
	for _, c := range []struct {
		mode, uid, gid uint32
		want           bool
	}{
		{0o700, 1, 2, true}, {0o500, 1, 2, false}, {0o070, 1, 2, false}, // the owner has the owner's rights alone
		{0o070, 3, 2, true}, {0o707, 3, 2, false}, {0o007, 3, 3, true}, {0o775, 3, 3, false}, {0o777, 3, 3, true},
	} {
		if got := grants(&syscall.Stat_t{Mode: c.mode, Uid: 1, Gid: 2}, c.uid, c.gid, writeAndSearch); got != c.want {
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

// TestNoTimesThatAreNone: what never was has no date in the log.
func TestNoTimesThatAreNone(t *testing.T) {
	var out output
	log, err := newLogger(&out, options{logLevel: "info"})
	if err != nil {
		t.Fatal(err)
	}
	log.With("a", time.Time{}).WithGroup("g").Info("x", "b", time.Time{}.UTC(), "c", time.Unix(0, 0).UTC())
	if got := out.String(); got != "level=INFO msg=x a=none g.b=none g.c=1970-01-01T00:00:00.000Z\n" {
		t.Errorf("got %s", got)
	}
}

func TestShown(t *testing.T) {
	for d, want := range map[time.Duration]string{
		48 * time.Hour: "48h", 90 * time.Minute: "1h30m", time.Minute: "1m", time.Second: "1s", 10 * time.Hour: "10h", 1500 * time.Millisecond: "1.5s",
		time.Hour + time.Second: "1h0m1s", 30 * time.Minute: "30m",
	} {
		if got := shown(d); got != want {
			t.Errorf("%v: got %s, want %s", d, got, want)
		}
	}
}

func TestReach(t *testing.T) {
	for address, want := range map[string]string{
		":1": "on all addresses of this machine", "0.0.0.0:1": "on all addresses of this machine", "[::]:1": "on all addresses of this machine",
		"localhost:1": "from this machine alone", "127.0.0.9:1": "from this machine alone", "[::1]:1": "from this machine alone", "ms1:1": "on ms1",
	} {
		if got := reach(address); got != want {
			t.Errorf("%s: got %s, want %s", address, got, want)
		}
	}
}

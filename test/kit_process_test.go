package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
	"time"
)

// resident returns the resident memory of the program in bytes.
func (n *node) resident() int64 {
	n.t.Helper()
	return n.statusBytes("VmRSS")
}

// peak returns the most resident memory that the program has had, in bytes.
func (n *node) peak() int64 {
	n.t.Helper()
	return n.statusBytes("VmHWM")
}

// statusBytes returns a size that the kernel knows of the program, by its name in
// /proc/PID/status.
func (n *node) statusBytes(name string) int64 {
	n.t.Helper()
	path := fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid)
	status, err := os.ReadFile(path)
	if err != nil {
		n.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), name+":")
	text, _, ok := strings.Cut(rest, "kB")
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if !ok || err != nil {
		n.t.Fatalf("no %s in %s:\n%s", name, path, status)
	}
	return kilobytes << 10
}

// processCPU returns the time of all cores that the program has taken.
func (n *node) processCPU() time.Duration {
	n.t.Helper()
	_, rest, _ := strings.Cut(n.send("GET", "/metrics", "").body, "\nprocess_cpu_seconds_total ")
	text, _, _ := strings.Cut(rest, "\n")
	s, err := strconv.ParseFloat(text, 64)
	if err != nil {
		n.t.Fatalf("CPU time of the program: %v", err)
	}
	return seconds(s)
}

func seconds(s float64) time.Duration {
	return time.Duration(s * float64(time.Second)).Round(time.Millisecond)
}

// treeSize returns the bytes of all files below dir.
func treeSize(t *testing.T, dir string) (size int64) {
	t.Helper()
	err := filepath.WalkDir(dir, func(path string, entry os.DirEntry, err error) error {
		if err != nil || entry.IsDir() {
			return err
		}
		info, err := entry.Info()
		if os.IsNotExist(err) {
			return nil // the log rewrites its files
		}
		if err == nil {
			size += info.Size()
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return size
}

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

// Resident memory in bytes per sample, over all samples, that 200 hosts may
// take after so many ticks of 60 s: what is in open blocks weighs more.
var residentLimits = map[int]float64{100: 14, 1440: 2.4}

// TestResidentMemory starts the program with its embedded log, lets the
// generator fill it with hosts of 518 series, and reads what the process takes.
// MEMORY_HOSTS makes it the documented load: so many hosts (200) instead of a
// few, 24 h instead of 100 minutes, and the limits hold.
func TestResidentMemory(t *testing.T) {
	hosts, full := sizeFromEnvironment(t, "MEMORY_HOSTS", 4)
	stages := []int{100}
	if full {
		stages = []int{100, 1440}
	} else {
		t.Parallel()
	}
	n := startGenerated(t, hosts, stages[len(stages)-1], true)
	t.Logf("%d hosts, %d series; before: %d MB", hosts, hosts*generatedSeries, n.resident()>>20)
	for _, ticks := range stages {
		began := time.Now()
		samples := n.fill(ticks)
		took := time.Since(began)
		loaded := n.resident()
		settled := loaded
		if full {
			settled = n.usedResident(n.query())
		}
		perSample := float64(settled) / float64(samples)
		t.Logf("%4d minutes, %9d samples in %v: resident %.2f B/sample (%d MB; %d MB when the load ends), held by the store %.2f B/sample, log on disk %.2f B/sample",
			ticks, samples, took.Round(time.Second), perSample, settled>>20, loaded>>20, n.metric("held_bytes")/float64(samples),
			float64(treeSize(t, filepath.Join(n.launch.dir, "nats")))/float64(samples))
		if limit := residentLimits[ticks]; hosts >= 200 && perSample > limit {
			t.Errorf("%d minutes: resident %.2f B/sample, want at most %v", ticks, perSample, limit)
		}
	}
	if got, want := int(n.metric("series")), hosts*generatedSeries; got != want {
		t.Errorf("%d series, want %d", got, want)
	}
}

// resident returns the resident memory of the program in bytes.
func (n *node) resident() int64 {
	n.t.Helper()
	path := fmt.Sprintf("/proc/%d/status", n.cmd.Process.Pid)
	status, err := os.ReadFile(path)
	if err != nil {
		n.t.Fatal(err)
	}
	_, rest, _ := strings.Cut(string(status), "VmRSS:")
	text, _, ok := strings.Cut(rest, "kB")
	kilobytes, err := strconv.ParseInt(strings.TrimSpace(text), 10, 64)
	if !ok || err != nil {
		n.t.Fatalf("no VmRSS in %s:\n%s", path, status)
	}
	return kilobytes << 10
}

// usedResident returns the least resident memory while the program answers
// queries, for so long that what loading left behind is given back: until the
// collector has run a few times and the memory does not shrink any more. The
// log keeps what was written to it for some seconds, and without any request
// the runtime collects every two minutes only.
func (n *node) usedResident(query string) int64 {
	n.t.Helper()
	const collections, quiet = 3, 10 * time.Second
	first := n.collections()
	least, at := n.resident(), time.Now()
	n.waitFor("the memory to settle", func() error {
		if a := n.send("POST", "/api/query/", query); a.status != 200 {
			n.t.Fatalf("query: %d %s", a.status, clip(a.body))
		}
		if now := n.resident(); now < least-least/200 {
			least, at = now, time.Now()
		}
		if ran := n.collections() - first; ran < collections || time.Since(at) < quiet {
			return fmt.Errorf("%d MB after %d collections", least>>20, ran)
		}
		return nil
	})
	return least
}

// collections returns how often the garbage collector of the program ran.
func (n *node) collections() int {
	n.t.Helper()
	_, rest, _ := strings.Cut(n.send("GET", "/metrics", "").body, "\ngo_gc_duration_seconds_count ")
	text, _, _ := strings.Cut(rest, "\n")
	count, err := strconv.Atoi(text)
	if err != nil {
		n.t.Fatalf("collections of the program: %v", err)
	}
	return count
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

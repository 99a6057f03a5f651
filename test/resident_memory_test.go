package test

import (
	"fmt"
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
		settled, used := loaded, loaded
		if full {
			settled = n.settledResident()
			used = n.usedResident(n.query())
		}
		perSample := float64(settled) / float64(samples)
		t.Logf("%4d minutes, %9d samples in %v: resident %.2f B/sample (%d MB; %d MB when the load ends, %d MB after queries), held by the store %.2f B/sample, log on disk %.2f B/sample",
			ticks, samples, took.Round(time.Second), perSample, settled>>20, loaded>>20, used>>20, n.metric("held_bytes")/float64(samples),
			float64(treeSize(t, filepath.Join(n.launch.dir, "nats")))/float64(samples))
		if limit := residentLimits[ticks]; hosts >= 200 && perSample > limit {
			t.Errorf("%d minutes: resident %.2f B/sample, want at most %v", ticks, perSample, limit)
		}
	}
	if got, want := int(n.metric("series")), hosts*generatedSeries; got != want {
		t.Errorf("%d series, want %d", got, want)
	}
}

// settledResident returns the least resident memory after a load, when the program
// has given back what that left behind: until it does not shrink any more for
// longer than the program waits to do so.
func (n *node) settledResident() int64 {
	n.t.Helper()
	const quiet = 20 * time.Second
	least, at := n.resident(), time.Now()
	n.waitFor("the memory to settle", func() error {
		if now := n.resident(); now < least-least/200 {
			least, at = now, time.Now()
		}
		if time.Since(at) < quiet {
			return fmt.Errorf("%d MB", least>>20)
		}
		return nil
	})
	return least
}

// usedResident returns the resident memory when queries have made the garbage
// collector run a few times.
func (n *node) usedResident(query string) int64 {
	n.t.Helper()
	const collections = 3
	first := n.collections()
	n.waitFor("the garbage collector", func() error {
		if a := n.send("POST", "/api/query/", query); a.status != 200 {
			n.t.Fatalf("query: %d %s", a.status, clip(a.body))
		}
		if ran := n.collections() - first; ran < collections {
			return fmt.Errorf("%d collections", ran)
		}
		return nil
	})
	return n.resident()
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

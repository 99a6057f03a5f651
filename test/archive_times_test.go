package test

import (
	"fmt"
	"path/filepath"
	"testing"
	"time"
)

// TestArchiveTimes measures how quickly samples go to the archive, what they take there, and the
// queries of cc-backend when all samples are there. ARCHIVE_HOSTS makes it the documented size: 24 h
// of so many hosts (200), and 30 days of one host, instead of some hours of a few.
func TestArchiveTimes(t *testing.T) {
	hosts, full := sizeFromEnvironment(t, "ARCHIVE_HOSTS", 2)
	ticks, long, rounds := 130, 300, 2
	if full {
		ticks, long, rounds = 1440, 30*1440, 50
	} else {
		t.Parallel()
	}
	g := archivedTicks(t, hosts, ticks)
	for _, q := range g.timedQueries()[:4] {
		t.Logf("%s, of the archive: %s", q.name, g.ask(q, func(asked int) bool { return asked < rounds }))
	}
	g.stop()
	g = archivedTicks(t, 1, long)
	one := timedQuery{fmt.Sprintf("cpu_load of one host, %d h", long/60), object{"cluster": "fritz", "from": g.first, "to": g.first + int64(long)*60,
		"queries": []object{{"metric": "cpu_load", "host": fritzNames(t, 1)[0]}}}, 1, long - 1}
	t.Logf("%s, of the archive: %s", one.name, g.ask(one, func(asked int) bool { return asked < 3*rounds }))
}

// archivedTicks returns a node all samples of which are in its archive, and logs what it took to
// write them.
func archivedTicks(t *testing.T, hosts, ticks int) *generated {
	t.Helper()
	g := startGeneratedWith(t, archiving(generatedConfig()), hosts, ticks)
	g.first -= 3 * 3600 // so that the newest block has ended
	samples := g.fill(ticks)
	g.stop()
	g.node = g.begin("1m")
	g.awaitReady()
	before, cpu, began := g.resident(), g.processCPU(), time.Now()
	g.awaitEmpty()
	took := time.Since(began)
	cpu = g.processCPU() - cpu
	t.Logf("%d samples of %d hosts to the archive: %v, %.1f million/s, %.3f CPU s a million, %.2f B/sample; resident %d MB before, at most %d MB",
		samples, hosts, took.Round(time.Millisecond), float64(samples)/took.Seconds()/1e6, cpu.Seconds()/float64(samples)*1e6,
		float64(treeSize(t, filepath.Join(g.launch.dir, "archive")))/float64(samples), before>>20, g.peak()>>20)
	return g
}

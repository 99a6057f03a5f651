package test

import (
	"fmt"
	"path/filepath"
	"slices"
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
	times := fmt.Sprintf("start=%d&end=%d", g.first, g.first+int64(ticks)*60)
	for _, path := range []string{
		"query_range?step=60&" + times + "&query=sum(cpu_load)",
		"series?" + times + "&match[]=cpu_load",
		"label/hostname/values?" + times + "&match[]=cpu_load",
		"label/__name__/values?" + times,
		"labels?" + times,
	} {
		g.timeGet("/api/v1/"+path, rounds/2)
	}
	g.stop()
	g = archivedTicks(t, 1, long)
	one := timedQuery{fmt.Sprintf("cpu_load of one host, %d h", long/60), object{"cluster": "fritz", "from": g.first, "to": g.first + int64(long)*60,
		"queries": []object{{"metric": "cpu_load", "host": fritzNames(t, 1)[0]}}}, 1, long - 1}
	t.Logf("%s, of the archive: %s", one.name, g.ask(one, func(asked int) bool { return asked < 3*rounds }))
}

// timeGet logs how long a request takes.
func (g *generated) timeGet(path string, rounds int) {
	g.t.Helper()
	took := make([]time.Duration, rounds)
	cpu := g.processCPU()
	for i := range took {
		began := time.Now()
		g.answers([]question{{"GET", path, ""}})
		took[i] = time.Since(began)
	}
	cpu = (g.processCPU() - cpu) / time.Duration(rounds)
	slices.Sort(took)
	g.t.Logf("%s: first or slowest %v, median %v, CPU %v", path, took[rounds-1], took[rounds/2], cpu)
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

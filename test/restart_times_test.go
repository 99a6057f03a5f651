package test

import (
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"
)

// What a restart may take with 149 million samples.
const (
	crashLimit      = 5 * time.Second // from the start to the first complete answer
	stopLimit       = 5 * time.Second
	cleanStartLimit = 3 * time.Second
	checkpointLimit = 2.0 // bytes per sample on the disk
)

// TestRestartTimes fills the program and measures how it stops and starts: after
// a crash under load, after a stop in order, after a crash when the checkpoint
// has everything, and after one when only the log is left. RESTART_HOSTS
// makes it 24 h of so many hosts instead of an hour of a few; the limits hold
// for 200, those of speed and size for any number.
func TestRestartTimes(t *testing.T) {
	hosts, full := sizeFromEnvironment(t, "RESTART_HOSTS", 2)
	ticks := 60
	if full {
		ticks = 1440
	} else {
		t.Parallel()
	}
	g := startGenerated(t, hosts, ticks, false)
	stored := float64(g.fill(ticks)) / 1e6
	t.Logf("%d hosts, %d minutes: %.1f million samples; %.0f checkpoints while they came, the last one took %v for %.1f MB of open and %.1f MB of sealed blocks",
		hosts, ticks, stored, g.metric("checkpoints_total"), seconds(g.metric("checkpoint_duration_seconds")).Round(time.Millisecond),
		g.metric(`checkpoint_bytes{blocks="open"}`)/1e6, g.metric(`checkpoint_bytes{blocks="sealed"}`)/1e6)
	want := g.send("POST", "/api/query", g.query())
	if want.status != 200 {
		t.Fatalf("query: %d %s", want.status, clip(want.body))
	}
	limit := func(what string, took, most time.Duration) {
		t.Helper()
		if hosts >= 200 && took > most {
			t.Errorf("%s took %v, want at most %v", what, took, most)
		}
	}

	g.kill()
	took, replayed := g.again(want.body)
	t.Logf("start after kill -9 under load: %v, %.1f million samples of them from the log", took, replayed)
	limit("the start after kill -9", took, crashLimit)

	begin := time.Now()
	g.stop()
	took = time.Since(begin)
	t.Logf("stop in order: %v", took.Round(time.Millisecond))
	limit("the stop", took, stopLimit)
	var needed int64 // by the newest checkpoint: the other one shares its segments
	for _, suffix := range []string{".checkpoint", ".segment"} {
		files := g.checkpointFiles(suffix)
		if suffix == ".checkpoint" {
			files = files[len(files)-1:]
		}
		for _, path := range files {
			needed += treeSize(t, path)
		}
	}
	perSample := float64(needed) / stored / 1e6
	t.Logf("checkpoint on the disk: %.2f B/sample", perSample)
	if full && perSample > checkpointLimit {
		t.Errorf("the checkpoint takes %.2f B/sample, want at most %v", perSample, checkpointLimit)
	}

	took, _ = g.again(want.body)
	t.Logf("start after the stop: %v", took)
	limit("the start after a stop", took, cleanStartLimit)

	g.kill()
	took, replayed = g.again(want.body)
	t.Logf("start after kill -9, checkpoint only: %v, %.1f ms per million stored samples", took, took.Seconds()*1e3/stored)
	if replayed != 0 {
		t.Errorf("%.1f million samples were read from the log, want none", replayed)
	}

	g.stop()

	g = startGenerated(t, hosts, ticks/4, true)
	stored = float64(g.fill(ticks/4)) / 1e6
	want = g.send("POST", "/api/query", g.query())
	g.kill()
	t.Logf("log on the disk: %.2f B/sample", float64(treeSize(t, filepath.Join(g.launch.dir, "nats")))/stored/1e6)
	if err := os.RemoveAll(filepath.Join(g.launch.dir, "var/checkpoints")); err != nil {
		t.Fatal(err)
	}
	took, replayed = g.again(want.body)
	t.Logf("start after kill -9, log only: %v and %v of CPU for %.1f million samples, the recovery of the server included", took, g.processCPU(), replayed)
}

// again starts the program and returns after how long it gives the whole answer,
// and how many million samples it has read from the log until then.
func (g *generated) again(want string) (took time.Duration, replayed float64) {
	g.t.Helper()
	begun := time.Now()
	g.node = begin(g.t, g.launch)
	for deadline := begun.Add(10 * time.Minute); ; time.Sleep(10 * time.Millisecond) { // to look more often takes time from the replay
		a := g.send("POST", "/api/query", g.query())
		if a.status == 200 {
			took = time.Since(begun).Round(time.Millisecond)
			if a.body != want {
				g.t.Error("the answer is another one than before")
			}
			break
		}
		if time.Now().After(deadline) {
			g.t.Fatalf("no answer: %d %s", a.status, clip(a.body))
		}
	}
	replayed = g.metric("samples_total") / 1e6
	g.awaitReady()
	if _, rest, ok := strings.Cut(g.log.String(), `msg="loaded a checkpoint"`); ok {
		text, _, _ := strings.Cut(rest, "\n")
		_, loading, _ := strings.Cut(text, "duration=")
		g.t.Logf("  of the next line, loading the checkpoint: %s", loading)
	}
	return took, replayed
}

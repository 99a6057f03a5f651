package test

import (
	"encoding/json"
	"fmt"
	"math/rand/v2"
	"net/url"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// question is a request whose answer is compared.
type question struct{ method, path, body string }

// archivedDay is a node with some ticks of two generated hosts and an archive that is empty yet, and
// questions whose answers do not depend on where the samples are.
func archivedDay(t *testing.T, hosts, ticks int, rnd *rand.Rand) (g *generated, questions []question) {
	t.Helper()
	g = startGeneratedWith(t, archiving(generatedConfig()), hosts, ticks)
	// The newest block has ended. Of 600 ticks, a pass with a retention of 8 h, which drops what is 8 to 12 h
	// old, drops a part, whatever the time of day.
	g.first -= 6*3600 + 1800
	g.fill(ticks)
	end := g.first + int64(ticks)*60
	ask := func(from, to int64, q object) {
		text, err := json.Marshal(object{"cluster": "fritz", "from": from, "to": to, "queries": []object{q}})
		if err != nil {
			t.Fatal(err)
		}
		questions = append(questions, question{"POST", "/api/query", string(text)})
	}
	names := fritzNames(t, hosts)
	for range 30 {
		from := g.first + rnd.Int64N(int64(ticks)*60)
		to := from + rnd.Int64N(end-from) + 1
		q := object{"host": names[rnd.IntN(hosts)], "metric": []string{"cpu_load", "flops_any", "mem_bw", "clock"}[rnd.IntN(4)]}
		switch rnd.IntN(3) {
		case 0:
			q["type"], q["type-ids"] = "hwthread", []string{"0", "71", "5"}
		case 1:
			q["type"], q["type-ids"], q["aggreg"] = "hwthread", []string{"1", "2", "3"}, true
		}
		if rnd.IntN(4) == 0 {
			q["resolution"] = 600
		}
		ask(from, to, q)
	}
	ask(g.first, end, object{"host": names[0], "metric": "flops_any"})
	return g, append(questions, question{"POST", "/api/query", g.query()})
}

func (n *node) answers(questions []question) (all []string) {
	n.t.Helper()
	for _, q := range questions {
		a := n.send(q.method, q.path, q.body)
		if a.status != 200 {
			n.t.Fatalf("%+v: %d %s", q, a.status, clip(a.body))
		}
		all = append(all, a.body)
	}
	return all
}

func (n *node) wantAnswers(questions []question, want []string) {
	n.t.Helper()
	for i, got := range n.answers(questions) {
		if got != want[i] {
			n.t.Errorf("%+v is answered with\n%s\nand was before with\n%s", questions[i], clip(got), clip(want[i]))
		}
	}
}

// askPrometheus are requests of Prometheus' API for the whole day, whose answers do not depend on where the
// samples are.
func (g *generated) askPrometheus(ticks int) (questions []question) {
	times := fmt.Sprintf("start=%d&end=%d", g.first, g.first+int64(ticks)*60)
	get := func(path string) { questions = append(questions, question{"GET", "/api/v1/" + path, ""}) }
	for _, expression := range []string{`cpu_load`, `sum by (hostname) (flops_any{type="hwthread"})`, `flops_any{type="node"}`, `avg_over_time(mem_bw{type="socket"}[10m])`} {
		get("query_range?step=300&" + times + "&query=" + url.QueryEscape(expression))
	}
	get("series?" + times + "&match[]=" + url.QueryEscape(`{type=~"node|socket"}`))
	get("series?limit=100&" + times + "&match[]=flops_any")
	get("labels?" + times)
	get("label/hostname/values?" + times)
	get("label/__name__/values?" + times)
	get("label/type_id/values?" + times + "&match[]=clock")
	return questions
}

// metricsOnPage returns what the page lists of a host for the whole day.
func (n *node) metricsOnPage(host string, from, to int64) string {
	n.t.Helper()
	a := n.send("GET", fmt.Sprintf("/api/page/host?cluster=fritz&host=%s&from=%d&to=%d", host, from, to), "")
	_, metrics, ok := strings.Cut(a.body, `"metrics":`)
	if a.status != 200 || !ok {
		n.t.Fatalf("the page's list of %s: %d %s", host, a.status, clip(a.body))
	}
	return metrics
}

// TestArchivedDay: what has left memory is answered as before, byte by byte, in one piece with what
// is in memory, over both query interfaces.
func TestArchivedDay(t *testing.T) {
	t.Parallel()
	rnd := rand.New(rand.NewPCG(testkit.Seed(t), 0))
	g, questions := archivedDay(t, 2, 600, rnd)
	questions = append(questions, g.askPrometheus(600)...)
	want := g.answers(questions)
	host, end := fritzNames(t, 1)[0], g.first+600*60
	listed := g.metricsOnPage(host, g.first, end)
	g.stop()
	// Half of it leaves memory, then all of it.
	half := g.begin("8h")
	half.awaitReady()
	half.waitFor("the archive to be written", func() error {
		if n := half.metric("samples_archived_total"); n == 0 {
			return fmt.Errorf("%v samples are archived", n)
		}
		return nil
	})
	half.wantAnswers(questions, want)
	if half.metric("series") == 0 {
		t.Error("nothing is left in memory")
	}
	half.stop()
	n := half.forget()
	n.wantAnswers(questions, want)
	if now := n.metricsOnPage(host, g.first, end); now != listed {
		t.Errorf("the page lists\n%s\nand listed before\n%s", clip(now), clip(listed))
	}
	if got := len(n.readArchive()); got != 2*600*generatedSeries {
		t.Errorf("%d samples are in the archive, %d were sent", got, 2*600*generatedSeries)
	}
	n.kill()
	n.restart().wantAnswers(questions, want)
}

// TestKilledWhileArchiving: whenever the process dies, each sample is in memory or once in a file.
func TestKilledWhileArchiving(t *testing.T) {
	t.Parallel()
	rounds := 3
	if stressed() {
		rounds = 10
	}
	seed := testkit.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	g, questions := archivedDay(t, 2, 400, rnd)
	want := g.answers(questions)
	g.stop()
	whole := copyNode(t, g.node).forget()
	full := whole.archiveBytes()
	whole.stop()
	for round := range rounds {
		n := copyNode(t, g.node)
		// As much is written, or a little less than all: then the file has its name, or gets it.
		for hits, at := 0, rnd.Int64N(full*5/4); hits < 3; hits++ {
			hit := n.begin("1m")
			waitFor(t, "the archive to be written", func() error {
				if now := n.archiveBytes(); now < min(at, full) {
					return fmt.Errorf("%d of %d bytes are written", now, at)
				}
				return nil
			})
			hit.kill()
			if at = rnd.Int64N(full * 5 / 4); n.archiveBytes() >= full {
				break
			}
		}
		n = n.forget()
		n.wantAnswers(questions, want)
		if got := len(n.readArchive()); got != 2*400*generatedSeries {
			t.Errorf("round %d: %d samples are in the archive, %d were sent", round, got, 2*400*generatedSeries)
		}
		n.stop()
	}
}

// TestCleanUp: -cleanup-checkpoints makes one pass, beside no running node.
func TestCleanUp(t *testing.T) {
	t.Parallel()
	cfg := archiving(baseConfig())
	n := start(t, cfg)
	n.write(ramp("a", 300))
	n.write(line("b", "cpu_load", 1, time.Now().Unix()))
	args := []string{"-config", "config.json", "-loglevel", "info", "-cleanup-checkpoints"}
	run(t, launch{dir: n.launch.dir, args: args}).wantExit(1, "running")
	n.stop()
	section(cfg, "metric-store")["retention-in-memory"] = "24h"
	done := run(t, launch{dir: n.launch.dir, config: cfg, args: args})
	done.wantExit(0)
	if !done.stdout.hasLine("3 blocks of series", "24h", "moved to the archive") {
		t.Errorf("it says %s", done.stdout)
	}
	if got := len(n.readArchive()); got != 300 {
		t.Errorf("%d samples of 300 are in the archive", got)
	}
	n = n.restart()
	n.wantRamp("a", 300)
	if held := n.metric("series"); held != 1 {
		t.Errorf("%v series are in memory, want 1", held)
	}
	// Another node takes the archive as a whole.
	dir := t.TempDir()
	runImport(t, launch{dir: dir, config: baseConfig()}, filepath.Join(n.launch.dir, "archive"), 0)
	other := begin(t, launch{dir: dir})
	other.awaitReady()
	other.wantRamp("a", 300)
}

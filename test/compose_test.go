package test

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// TestCompose runs docker-compose.yml on the container engine of this machine while
// collectors write: the process of the node is killed, its network is cut, it is restarted
// and made anew on its volume. What was acknowledged is there in the end.
//
// It runs with COMPOSE=1 (make compose-test), as it needs an engine and builds the image.
func TestCompose(t *testing.T) {
	if os.Getenv("COMPOSE") == "" {
		t.Skip("make compose-test runs it")
	}
	cfg := baseConfig()
	delete(cfg, "metrics") // the built-in list, which has the generator's
	section(cfg, "nats")["embedded"] = object{}
	p := newComposeProject(t, cfg)
	p.must(p.compose("up", "--detach", "cc-metric-store")...)
	store := p.container("cc-metric-store")
	p.awaitHealthy(store)
	n := p.node()

	p.must(p.compose("up", "--detach", "generator")...)
	generated := awaitSentHour(n)

	r := testkit.Rand(t)
	oracle := newOracle()
	overNATS, _ := overNATS(t, p.NATSURL)
	var writers []*writer
	for i, send := range []func(context.Context, string) error{overREST(&n), overREST(&n), overNATS, overNATS} {
		writers = append(writers, &writer{host: fmt.Sprintf("w%d", i), rnd: rand.New(rand.NewPCG(r.Uint64(), 0)), send: send, firm: true})
	}
	load := oracle.load(writers, -1, nil)
	load.begin(context.Background())
	const some = 100 // messages between two events
	network := p.name + "_default"
	for _, event := range []struct {
		what string
		run  func()
	}{
		{"nothing", func() {}},
		{"kill -9", func() { p.kill(store) }},
		{"network cut", func() {
			p.must("docker", "network", "disconnect", network, store)
			n.waitFor("the node to be out of reach", func() error {
				if _, err := n.try("GET", "/healthz", ""); err == nil {
					return errors.New("it answers")
				}
				return nil
			})
			p.must("docker", "network", "connect", "--alias", "cc-metric-store", network, store)
		}},
		{"restart", func() { p.must("docker", "restart", "--time", "100", store) }},
		{"kill -9 after a restart", func() { p.kill(store) }},
		{"a new container on the same volume", func() {
			p.must(p.compose("up", "--detach", "--no-deps", "--force-recreate", "cc-metric-store")...)
			store = p.container("cc-metric-store")
		}},
	} {
		start := time.Now()
		event.run()
		p.awaitHealthy(store)
		load.awaitAcked(t, some)
		t.Logf("%s: healthy, and %d more messages acknowledged, after %.1f s", event.what, some, time.Since(start).Seconds())
	}
	load.end(t)
	oracle.check(n)
	if oracle.samples() < 6*some {
		t.Errorf("only %d samples were acknowledged", oracle.samples())
	}
	generated.check(n)
	t.Logf("%d samples of %d messages are as they were acknowledged", oracle.samples(), load.acked.Load())
	if state := p.inspect(p.container("generator"), "{{.State.Status}} {{.RestartCount}}"); state != "running 0" {
		t.Errorf("the generator: %s", state)
	}
	if user := p.inspect(store, "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}"); user != "10001:10001 true" {
		t.Errorf("the node runs with the user and a read-only file system: %s", user)
	}
}

// sentHour is cells of a host that cc-metric-generator has sent.
type sentHour struct {
	series   hostMetric
	from, to int64
	cells    []*float64
}

// awaitSentHour waits for the last hour of a host and returns it.
func awaitSentHour(n *node) sentHour {
	n.t.Helper()
	to := time.Now().Unix() / 60 * 60
	g := sentHour{series: hostMetric{"alex", "a0603", "cpu_load"}, from: to - 3600, to: to}
	n.waitFor("what the generator sends of the last hour", func() error {
		g.cells = n.cells(g.series, g.from, g.to)
		if there := held(g.cells); there < 59 {
			return fmt.Errorf("%d minutes of it are there", there)
		}
		return nil
	})
	return g
}

// check tells whether the cells are as they were.
func (g sentHour) check(n *node) {
	n.t.Helper()
	now := n.cells(g.series, g.from, g.to)
	for i, want := range g.cells {
		if want != nil && (i >= len(now) || now[i] == nil || *now[i] != *want) {
			n.t.Errorf("minute %d of what the generator has sent is another one, or missing", i)
		}
	}
}

// held returns how many cells have a value.
func held(cells []*float64) (n int) {
	for _, cell := range cells {
		if cell != nil {
			n++
		}
	}
	return n
}

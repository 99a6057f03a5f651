package test

import (
	"fmt"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestCompose runs the Compose files on the container engine of this machine while
// collectors write: containers are killed, cut off, restarted and made anew on their
// volumes. What was acknowledged is there in the end.
//
// It runs with COMPOSE=1 (make compose-test), as it needs an engine and builds the image.
func TestCompose(t *testing.T) {
	if os.Getenv("COMPOSE") == "" {
		t.Skip("make compose-test runs it")
	}
	image := buildImage(t)
	t.Run("one node", func(t *testing.T) { composeOneNode(t, image) })
	t.Run("three nodes", func(t *testing.T) { composeThreeNodes(t, image) })
}

// composeOneNode runs deploy/compose/one-node.yml.
func composeOneNode(t *testing.T, image string) {
	cfg := baseConfig()
	section(cfg, "nats")["embedded"] = object{}
	p := newComposeProject(t, image, "../deploy/compose/one-node.yml", cfg, "node")
	n := p.nodes[0]
	if user := p.inspect(n.container, "{{.Config.User}} {{.HostConfig.ReadonlyRootfs}}"); user != "10001:10001 true" {
		t.Errorf("the node runs with the user and a read-only file system: %s", user)
	}
	c := p.collect()
	c.during(t, "nothing", func() {})
	c.during(t, "kill -9", func() { p.kill(n); p.awaitHealthy(n) })
	c.during(t, "a new container on the same volume", func() { p.recreate(n); p.awaitHealthy(n) })
	c.end(t)
	c.judge(t)
}

// composeThreeNodes runs docker-compose.yml.
func composeThreeNodes(t *testing.T, image string) {
	cfg := readConfig(t, "../deploy/compose/three-nodes.json")
	section(cfg, "metric-store")["retention-in-memory"] = "500000h" // the samples of this test are from 2025
	p := newComposeProject(t, image, "../docker-compose.yml", cfg, "a", "b", "c")
	a, b, c := p.nodes[0], p.nodes[1], p.nodes[2]
	embedded := section(section(cfg, "nats"), "embedded")
	load := p.collect(nats.UserInfo(embedded["username"].(string), embedded["password"].(string)))

	p.must(p.compose("up", "--detach", "generator")...)
	generator := p.container("generator")
	generated := awaitSentHour(a.node)

	load.during(t, "nothing", func() {})
	load.during(t, "kill -9 of a", func() { p.kill(a); p.awaitHealthy(a) })
	load.during(t, "network cut of b", func() {
		network := p.name + "_default"
		p.must("docker", "network", "disconnect", network, b.container)
		load.awaitAcked(t, someWrites) // at the others
		p.waitFor("b to say that its answers may be old", func() error {
			if err := p.ready(b); err == nil || !strings.Contains(err.Error(), "the answers may be old") {
				return fmt.Errorf("it says: %v", err)
			}
			return nil
		})
		p.must("docker", "network", "connect", "--alias", b.service, network, b.container)
	})
	load.during(t, "restart of c", func() { p.must("docker", "restart", "--time", "100", c.container) })
	load.during(t, "rolling upgrade", func() {
		for _, n := range p.nodes {
			p.recreate(n)
			p.awaitWhole()
		}
	})
	if state := p.inspect(generator, "{{.State.Status}} {{.RestartCount}}"); state != "running 0" {
		t.Errorf("the generator: %s", state)
	}
	p.must(p.compose("stop", "generator")...)
	load.end(t)
	stopAndStart(p)
	load.judge(t)
	for _, n := range p.nodes {
		generated.check(n.node)
	}
}

// stopAndStart stops all nodes at once, in order, and starts them again.
func stopAndStart(p *composeProject) {
	p.t.Helper()
	start := time.Now()
	p.must(p.compose("stop")...)
	for _, n := range p.nodes {
		if code := p.inspect(n.container, "{{.State.ExitCode}}"); code != "0" {
			p.t.Errorf("%s is stopped with exit status %s", n.service, code)
		}
	}
	stopped := time.Now()
	for _, n := range p.nodes {
		p.must(p.compose("start", n.service)...)
	}
	p.awaitWhole()
	p.t.Logf("all stopped in %.1f s, and whole %.1f s later", stopped.Sub(start).Seconds(), time.Since(stopped).Seconds())
}

package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// composeProject is what a Compose file describes, under names of its own.
type composeProject struct {
	t     *testing.T
	tool  []string // docker compose, or docker-compose
	name  string   // of the project: the beginning of the names of all that it makes
	files []string
	env   []string
	nodes []*composeNode
}

// composeNode is a node in a container. It keeps its addresses in a new container.
type composeNode struct {
	*node
	service   string
	container string // id
}

// buildImage builds the image as make image does, under a name of its own, and returns the
// name. It is removed at the end of the test.
func buildImage(t *testing.T) string {
	t.Helper()
	name := fmt.Sprintf("cc-metric-store-test-%08x", rand.Uint32())
	t.Cleanup(func() {
		if out, err := exec.Command("docker", "image", "rm", "--force", name).CombinedOutput(); err != nil {
			t.Errorf("docker image rm: %v\n%s", err, out)
		}
	})
	if out, err := exec.Command("make", "-C", "..", "image", "IMAGE="+name).CombinedOutput(); err != nil {
		t.Fatalf("make image: %v\n%s", err, out)
	}
	return name
}

// newComposeProject starts the nodes of a Compose file, which are services of it, with a
// configuration, and returns when they are healthy. All that it makes is removed at the end
// of the test.
func newComposeProject(t *testing.T, image, file string, cfg object, services ...string) *composeProject {
	t.Helper()
	dir := t.TempDir() // which is there until the cleanup below has run
	p := &composeProject{
		t: t, tool: composeTool(t), name: fmt.Sprintf("%s-%d", image, len(services)),
		env: append(os.Environ(), "CC_IMAGE="+image),
	}
	writeConfig(t, dir, cfg)
	config := filepath.Join(dir, "config.json")
	if err := os.Chmod(config, 0o644); err != nil { // the user of the image reads it
		t.Fatal(err)
	}
	mounts := object{}
	for _, service := range services {
		rest, nats, of := testkit.FreePort(t), testkit.FreePort(t), ""
		if len(services) > 1 {
			of = "_" + strings.ToUpper(service)
		}
		p.env = append(p.env, fmt.Sprintf("CC_REST_PORT%s=%d", of, rest), fmt.Sprintf("CC_NATS_PORT%s=%d", of, nats))
		p.nodes = append(p.nodes, &composeNode{service: service, node: &node{
			t: t, URL: fmt.Sprintf("http://127.0.0.1:%d", rest), NATSURL: fmt.Sprintf("nats://127.0.0.1:%d", nats),
		}})
		mounts[service] = object{"volumes": []string{config + ":/data/config.json:ro"}}
	}
	mount := filepath.Join(dir, "mount.json")
	text, err := json.Marshal(object{"services": mounts})
	if err == nil {
		err = os.WriteFile(mount, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.files = []string{file, mount}
	t.Cleanup(func() { // in spite of a failure
		if t.Failed() {
			out, _ := p.try(p.compose("logs", "--no-color", "--tail", "100")...)
			t.Logf("the containers say:\n%s", tail(out))
		}
		down := p.compose("down", "--volumes", "--remove-orphans", "--timeout", "10")
		if out, err := p.try(down...); err != nil {
			t.Errorf("%q: %v\n%s", down, err, out)
		}
	})
	p.must(p.compose(append([]string{"up", "--detach"}, services...)...)...)
	for _, n := range p.nodes {
		n.container = p.container(n.service)
	}
	for _, n := range p.nodes {
		p.awaitHealthy(n)
	}
	return p
}

// composeTool returns the command of Compose, with an engine that answers.
func composeTool(t *testing.T) []string {
	t.Helper()
	if out, err := exec.Command("docker", "info").CombinedOutput(); err != nil {
		t.Fatalf("no container engine answers: %v\n%s", err, out)
	}
	if exec.Command("docker", "compose", "version").Run() == nil {
		return []string{"docker", "compose"}
	}
	if path, err := exec.LookPath("docker-compose"); err == nil {
		return []string{path}
	}
	t.Fatal("neither docker compose nor docker-compose is there")
	return nil
}

// compose returns a command of Compose for the project, with the load in it.
func (p *composeProject) compose(args ...string) []string {
	command := append([]string{}, p.tool...)
	command = append(command, "--project-name", p.name, "--profile", "load")
	for _, file := range p.files {
		command = append(command, "--file", file)
	}
	return append(command, args...)
}

// try runs a command and returns what it writes.
func (p *composeProject) try(args ...string) (string, error) {
	cmd := exec.Command(args[0], args[1:]...)
	cmd.Env = p.env
	out, err := cmd.CombinedOutput()
	return strings.TrimSpace(string(out)), err
}

// must is try for what has to succeed.
func (p *composeProject) must(args ...string) string {
	p.t.Helper()
	out, err := p.try(args...)
	if err != nil {
		p.t.Fatalf("%q: %v\n%s", args, err, out)
	}
	return out
}

// waitFor is waitFor for what is asked of a program that has to be started each time.
func (p *composeProject) waitFor(what string, ok func() error) {
	p.t.Helper()
	waitFor(p.t, what, func() error {
		err := ok()
		if err != nil {
			time.Sleep(200 * time.Millisecond) // between two looks, not for something to happen
		}
		return err
	})
}

// container returns the id of the container of a service.
func (p *composeProject) container(service string) string {
	p.t.Helper()
	return p.must(p.compose("ps", "--quiet", service)...)
}

// inspect returns what the engine knows of a container.
func (p *composeProject) inspect(container, format string) string {
	p.t.Helper()
	return p.must("docker", "inspect", "--format", format, container)
}

// awaitHealthy returns when the container of a node runs and its health check succeeds.
func (p *composeProject) awaitHealthy(n *composeNode) {
	p.t.Helper()
	p.waitFor(n.service+" to be healthy", func() error {
		if state := p.inspect(n.container, "{{.State.Status}} {{.State.Health.Status}}"); state != "running healthy" {
			return errors.New(state)
		}
		return nil
	})
}

// ready asks a node in its container, so also one that nobody else reaches, whether it is
// ready. The flags are added to the question.
func (p *composeProject) ready(n *composeNode, flags ...string) error {
	out, err := p.try(append([]string{"docker", "exec", n.container, "/cc-metric-store", "-ready", "http://localhost:8080"}, flags...)...)
	if err != nil {
		return fmt.Errorf("%s: %w: %s", n.service, err, out)
	}
	return nil
}

// awaitWhole returns when any node may be stopped: all are ready and have the whole log.
func (p *composeProject) awaitWhole() {
	p.t.Helper()
	for _, n := range p.nodes {
		p.waitFor("all nodes to have the whole log", func() error { return p.ready(n, "-all") })
	}
}

// recreate puts a new container on the volume of a node, as an upgrade does.
func (p *composeProject) recreate(n *composeNode) {
	p.t.Helper()
	p.must(p.compose("up", "--detach", "--no-deps", "--force-recreate", n.service)...)
	before := n.container
	if n.container = p.container(n.service); n.container == before {
		p.t.Errorf("%s is in the same container as before", n.service)
	}
}

// kill ends the process of a container at once, as the kernel does when memory is short.
// The engine starts it again by itself. Where the test may not do that, the engine kills
// it, and has to be told to start it.
func (p *composeProject) kill(n *composeNode) {
	p.t.Helper()
	var pid int
	if _, err := fmt.Sscan(p.inspect(n.container, "{{.State.Pid}}"), &pid); err != nil || pid <= 1 {
		p.t.Fatalf("process %d: %v", pid, err)
	}
	started := p.inspect(n.container, "{{.State.StartedAt}}")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		p.must("docker", "kill", n.container)
		p.must("docker", "start", n.container)
	}
	p.waitFor("the container to be started again", func() error {
		if now := p.inspect(n.container, "{{.State.StartedAt}} {{.State.Status}}"); strings.HasPrefix(now, started) || !strings.HasSuffix(now, " running") {
			return fmt.Errorf("started %s, now %s", started, now)
		}
		return nil
	})
}

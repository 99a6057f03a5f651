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

	"cc-metric-store/test/testkit"
)

// composeProject is what docker-compose.yml describes, under names of its own.
type composeProject struct {
	t       *testing.T
	tool    []string // docker compose, or docker-compose
	name    string   // of the project: the beginning of the names of all that it makes
	image   string
	files   []string
	env     []string
	URL     string // of REST
	NATSURL string
}

// newComposeProject builds the image and prepares a project with a configuration. All that
// it makes is removed at the end of the test.
func newComposeProject(t *testing.T, cfg object) *composeProject {
	t.Helper()
	dir := t.TempDir() // which is there until the cleanup below has run
	name := fmt.Sprintf("cc-metric-store-test-%08x", rand.Uint32())
	rest, nats := testkit.FreePort(t), testkit.FreePort(t)
	p := &composeProject{
		t: t, tool: composeTool(t), name: name, image: name,
		URL:     fmt.Sprintf("http://127.0.0.1:%d", rest),
		NATSURL: fmt.Sprintf("nats://127.0.0.1:%d", nats),
	}
	p.env = append(os.Environ(), "CC_IMAGE="+p.image, fmt.Sprintf("CC_REST_PORT=%d", rest), fmt.Sprintf("CC_NATS_PORT=%d", nats))
	t.Cleanup(func() { // in spite of a failure
		if t.Failed() {
			out, _ := p.try(p.compose("logs", "--no-color", "--tail", "100")...)
			t.Logf("the containers say:\n%s", tail(out))
		}
		for _, args := range [][]string{p.compose("down", "--volumes", "--remove-orphans", "--timeout", "10"), {"docker", "image", "rm", "--force", p.image}} {
			if out, err := p.try(args...); err != nil {
				t.Errorf("%q: %v\n%s", args, err, out)
			}
		}
	})
	writeConfig(t, dir, cfg)
	config := filepath.Join(dir, "config.json")
	if err := os.Chmod(config, 0o644); err != nil { // the user of the image reads it
		t.Fatal(err)
	}
	mount := filepath.Join(dir, "mount.json")
	text, err := json.Marshal(object{"services": object{"cc-metric-store": object{"volumes": []string{config + ":/data/config.json:ro"}}}})
	if err == nil {
		err = os.WriteFile(mount, text, 0o600)
	}
	if err != nil {
		t.Fatal(err)
	}
	p.files = []string{"../docker-compose.yml", mount}
	p.must("make", "-C", "..", "image", "IMAGE="+p.image)
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

// node is the node of the project, to be asked.
func (p *composeProject) node() *node { return &node{t: p.t, URL: p.URL, NATSURL: p.NATSURL} }

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

// awaitHealthy returns when a container runs and its health check succeeds.
func (p *composeProject) awaitHealthy(container string) {
	p.t.Helper()
	waitFor(p.t, "the container to be healthy", func() error {
		if state := p.inspect(container, "{{.State.Status}} {{.State.Health.Status}}"); state != "running healthy" {
			return errors.New(state)
		}
		return nil
	})
}

// kill ends the process of a container at once, as the kernel does when memory is short.
// The engine starts it again by itself. Where the test may not do that, the engine kills
// it, and has to be told to start it.
func (p *composeProject) kill(container string) {
	p.t.Helper()
	var pid int
	if _, err := fmt.Sscan(p.inspect(container, "{{.State.Pid}}"), &pid); err != nil || pid <= 1 {
		p.t.Fatalf("process %d: %v", pid, err)
	}
	started := p.inspect(container, "{{.State.StartedAt}}")
	if err := syscall.Kill(pid, syscall.SIGKILL); err != nil {
		p.must("docker", "kill", container)
		p.must("docker", "start", container)
	}
	waitFor(p.t, "the container to be started again", func() error {
		if now := p.inspect(container, "{{.State.StartedAt}} {{.State.Status}}"); strings.HasPrefix(now, started) || !strings.HasSuffix(now, " running") {
			return fmt.Errorf("started %s, now %s", started, now)
		}
		return nil
	})
}

package test

import (
	"errors"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strings"
	"syscall"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// patience bounds every wait.
const patience = testkit.Patience

// launch says how to start the program.
type launch struct {
	program []string // a command that becomes the program; default: the one built for the tests
	dir     string   // working directory; default: a new one
	config  any      // see writeConfig; nil: none is written
	args    []string // default: -config config.json -loglevel info
	env     []string // added to that of the test
	within  []string // a command that starts the program, such as one for another network
}

// node is a running program.
type node struct {
	t      *testing.T
	launch launch
	cmd    *exec.Cmd
	stdout *output
	log    *output // standard error
	exited chan struct{}
	joined bool // exitCode was called: the end was expected

	URL     string // of REST, without a slash at the end
	NATSURL string // of the embedded server if it listens
}

// start runs the program with the configuration and returns when it is ready.
// It is stopped at the end of the test, which fails unless that goes in order.
func start(t *testing.T, cfg object) *node {
	t.Helper()
	n := begin(t, launch{config: cfg})
	n.awaitReady()
	return n
}

// begin starts the program and returns when REST listens.
func begin(t *testing.T, l launch) *node {
	t.Helper()
	n := run(t, l)
	n.waitFor("REST to listen", func() error {
		select {
		case <-n.exited:
			t.Fatalf("the program ended: %v", n.cmd.ProcessState)
		default:
		}
		return n.found(&n.URL, "REST is listening")
	})
	return n
}

// run starts the program and waits for nothing.
func run(t *testing.T, l launch) *node {
	t.Helper()
	if l.dir == "" {
		l.dir = t.TempDir()
	}
	if l.config != nil {
		writeConfig(t, l.dir, l.config)
	}
	args := l.args
	if args == nil {
		args = []string{"-config", "config.json", "-loglevel", "info"}
	}
	n := &node{t: t, launch: l, stdout: &output{}, log: &output{}, exited: make(chan struct{})}
	if l.program == nil {
		l.program = append(slices.Clone(l.within), binary(t, "cc-metric-store"))
	}
	n.cmd = exec.Command(l.program[0], append(l.program[1:len(l.program):len(l.program)], args...)...)
	n.cmd.Dir = l.dir
	n.cmd.Stdout, n.cmd.Stderr = n.stdout, n.log
	n.cmd.Env = append(os.Environ(), l.env...)
	if err := n.cmd.Start(); err != nil {
		t.Fatal(err)
	}
	go func() {
		defer close(n.exited)
		_ = n.cmd.Wait() // the state of the process says it all
	}()
	t.Cleanup(func() {
		switch {
		case !n.ended():
			n.stop()
		case !n.joined:
			t.Errorf("the program ended by itself: %v", n.cmd.ProcessState)
		}
		if t.Failed() {
			t.Logf("output of the program in %s:\n%s%s", l.dir, n.stdout, tail(n.log.String()))
		}
	})
	return n
}

// restart starts the program again, with the same configuration and files.
func (n *node) restart() *node {
	n.t.Helper()
	again := begin(n.t, n.launch)
	again.awaitReady()
	return again
}

// awaitReady returns when the store shows all that the log holds.
func (n *node) awaitReady() {
	n.t.Helper()
	n.waitFor("the node to be ready", func() error {
		if a := n.send("GET", "/readyz", ""); a.status != 200 {
			return fmt.Errorf("readyz: %d %s", a.status, a.body)
		}
		return nil
	})
	_ = n.found(&n.NATSURL, "the embedded NATS server is listening") // not every configuration wants it
}

// found takes the url of the log line with the given message.
func (n *node) found(url *string, message string) error {
	_, line, ok := strings.Cut(n.log.String(), `msg="`+message+`" url=`)
	at, _, whole := strings.Cut(line, "\n")
	if !ok || !whole {
		return fmt.Errorf("no %q in the log", message)
	}
	*url = strings.TrimSpace(at)
	return nil
}

// stop ends the program in order. It is an error if it does not exit with 0.
func (n *node) stop() {
	n.t.Helper()
	n.signal(syscall.SIGTERM)
	if code := n.exitCode(); code != 0 {
		n.t.Errorf("exit status %d after SIGTERM, want 0", code)
	}
}

// kill ends the program at once.
func (n *node) kill() {
	n.t.Helper()
	n.signal(syscall.SIGKILL)
	n.exitCode()
}

func (n *node) signal(s syscall.Signal) {
	n.t.Helper()
	if err := n.cmd.Process.Signal(s); err != nil && !errors.Is(err, os.ErrProcessDone) {
		n.t.Fatalf("send %v: %v", s, err)
	}
}

func (n *node) ended() bool {
	select {
	case <-n.exited:
		return true
	default:
		return false
	}
}

// exitCode waits for the end of the program. It is -1 after SIGKILL.
func (n *node) exitCode() int {
	n.t.Helper()
	n.joined = true
	select {
	case <-n.exited:
	case <-time.After(patience):
		n.signal(syscall.SIGQUIT) // its goroutines are then in the log
		select {
		case <-n.exited:
		case <-time.After(patience / 9):
			n.signal(syscall.SIGKILL)
			<-n.exited
		}
		n.t.Errorf("the program did not end within %v", patience)
	}
	if strings.Contains(n.log.String(), "DATA RACE") {
		n.t.Error("the program has a data race")
	}
	return n.cmd.ProcessState.ExitCode()
}

// waitFor polls until ok returns nil.
func (n *node) waitFor(what string, ok func() error) {
	n.t.Helper()
	waitFor(n.t, what, ok)
}

func waitFor(t *testing.T, what string, ok func() error) {
	t.Helper()
	deadline := time.Now().Add(patience)
	for {
		err := ok()
		if err == nil {
			return
		}
		if time.Now().After(deadline) {
			t.Fatalf("waiting for %s: %v", what, err)
		}
		time.Sleep(5 * time.Millisecond) // between two looks, not for something to happen
	}
}

// wantLog checks that some line of the log holds all the words.
func (n *node) wantLog(words ...string) {
	n.t.Helper()
	n.waitFor("the log", func() error {
		if !n.log.hasLine(words...) {
			return fmt.Errorf("no line holds all of %q", words)
		}
		return nil
	})
}

// output is what a program has written so far.
type output struct{ testkit.LogBuffer }

// hasLine reports whether a line holds all the words.
func (o *output) hasLine(words ...string) bool {
	for line := range strings.Lines(o.String()) {
		if containsAll(line, words) {
			return true
		}
	}
	return false
}

// count returns how many lines hold the words.
func (o *output) count(words ...string) (n int) {
	for line := range strings.Lines(o.String()) {
		if containsAll(line, words) {
			n++
		}
	}
	return n
}

func containsAll(s string, words []string) bool {
	for _, w := range words {
		if !strings.Contains(s, w) {
			return false
		}
	}
	return true
}

// tail is the end of a long log.
func tail(s string) string {
	const limit = 16 << 10
	if len(s) <= limit {
		return s
	}
	return "[...]" + s[len(s)-limit:]
}

// with is the node for a subtest.
func (n *node) with(t *testing.T) *node {
	sub := *n
	sub.t = t
	return &sub
}

// wantExit checks the status with which the program ends, and that a line of
// its standard error holds the words, if any are given.
func (n *node) wantExit(code int, words ...string) {
	n.t.Helper()
	if got := n.exitCode(); got != code {
		n.t.Errorf("exit status %d, want %d", got, code)
	}
	if len(words) > 0 && !n.log.hasLine(words...) {
		n.t.Errorf("nothing says %q", words)
	}
}

// replace makes something anew in the directory of the program.
func (n *node) replace(name string, with func(path string) error) {
	n.t.Helper()
	path := filepath.Join(n.launch.dir, name)
	if err := os.RemoveAll(path); err != nil {
		n.t.Fatal(err)
	}
	if err := with(path); err != nil {
		n.t.Fatal(err)
	}
}

// wantBanner checks that a line of standard output begins with the word and
// holds the others.
func (n *node) wantBanner(what string, words ...string) {
	n.t.Helper()
	for line := range strings.Lines(n.stdout.String()) {
		if strings.HasPrefix(line, "  "+what+" ") {
			if !containsAll(line, words) {
				n.t.Errorf("the banner says %q, want %q", line, words)
			}
			return
		}
	}
	n.t.Errorf("the banner has no line %q:\n%s", what, n.stdout)
}

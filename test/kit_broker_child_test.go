package test

import (
	"bufio"
	"fmt"
	"io"
	"os"
	"os/exec"
	"syscall"
	"testing"

	"github.com/nats-io/nats-server/v2/server"

	"cc-metric-store/test/testkit"
)

// childBrokerEnv makes the test binary a broker: its value is the directory of
// the streams and the port, separated by a space.
const childBrokerEnv = "TEST_CHILD_BROKER"

// serving is what such a broker says when it does.
const serving = "serving\n"

// childBroker is an external nats-server in a process of its own, so that it can
// be killed. It keeps port and files over restarts.
type childBroker struct {
	t     *testing.T
	dir   string
	port  int
	cmd   *exec.Cmd // nil: it does not run
	stdin io.Closer
	URL   string
}

func startChildBroker(t *testing.T) *childBroker {
	t.Helper()
	port := testkit.FreePort(t)
	b := &childBroker{t: t, dir: t.TempDir(), port: port, URL: fmt.Sprint("nats://127.0.0.1:", port)}
	b.start()
	t.Cleanup(func() {
		if b.cmd != nil {
			b.stop()
		}
	})
	return b
}

// start begins to serve.
func (b *childBroker) start() {
	b.t.Helper()
	waitFor(b.t, "the broker to serve", func() error { // the port may be in use for a moment
		cmd := exec.Command(os.Args[0], "-test.run=^$")
		cmd.Env = append(os.Environ(), fmt.Sprintf("%s=%s %d", childBrokerEnv, b.dir, b.port))
		cmd.Stderr = os.Stderr
		stdin, err := cmd.StdinPipe()
		if err != nil {
			return err
		}
		stdout, err := cmd.StdoutPipe()
		if err != nil {
			return err
		}
		if err := cmd.Start(); err != nil {
			return err
		}
		if said, err := bufio.NewReader(stdout).ReadString('\n'); err != nil || said != serving {
			return fmt.Errorf("it said %q and ended: %v", said, cmd.Wait())
		}
		b.cmd, b.stdin = cmd, stdin
		return nil
	})
}

// stop ends the broker in order.
func (b *childBroker) stop() {
	b.t.Helper()
	_ = b.stdin.Close()
	if err := b.cmd.Wait(); err != nil {
		b.t.Errorf("the broker: %v", err)
	}
	b.cmd = nil
}

// kill ends the broker at once.
func (b *childBroker) kill() {
	b.t.Helper()
	if err := b.cmd.Process.Signal(syscall.SIGKILL); err != nil {
		b.t.Fatal(err)
	}
	_ = b.cmd.Wait() // killed
	_ = b.stdin.Close()
	b.cmd = nil
}

// serveAsChild is the life of a child broker: it ends when its standard input
// does, at the latest with the test.
func serveAsChild(setting string) error {
	var dir string
	var port int
	if _, err := fmt.Sscan(setting, &dir, &port); err != nil {
		return fmt.Errorf("read %s: %w", childBrokerEnv, err)
	}
	s, err := server.NewServer(&server.Options{
		Host: "127.0.0.1", Port: port, AuthTimeout: patience.Seconds(), NoSigs: true, NoLog: true, JetStream: true, StoreDir: dir, SyncAlways: true,
	})
	if err != nil {
		return err
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		s.Shutdown()
		return fmt.Errorf("no broker on port %d", port)
	}
	fmt.Print(serving)
	_, _ = io.Copy(io.Discard, os.Stdin)
	s.Shutdown()
	s.WaitForShutdown()
	return nil
}

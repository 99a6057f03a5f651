package test

import (
	"bufio"
	"context"
	"fmt"
	"io"
	"net"
	"net/http"
	"path/filepath"
	"strings"
	"sync"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"cc-metric-store/test/testkit"
)

// notices is the socket of a service manager.
type notices struct {
	t      *testing.T
	socket *net.UnixConn
}

func listenForNotices(t *testing.T, path string) notices {
	t.Helper()
	socket, err := net.ListenUnixgram("unixgram", &net.UnixAddr{Name: path, Net: "unixgram"})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { _ = socket.Close() })
	return notices{t, socket}
}

// want checks the next notice that is more than a status in words.
func (m notices) want(notice string) {
	m.t.Helper()
	if err := m.socket.SetReadDeadline(time.Now().Add(patience)); err != nil {
		m.t.Fatal(err)
	}
	b := make([]byte, 1024)
	for {
		size, err := m.socket.Read(b)
		got := strings.TrimSpace(string(b[:size]))
		if err == nil && strings.HasPrefix(got, "STATUS=") {
			continue
		}
		if err != nil || got != notice {
			m.t.Fatalf("notified of %q (%v), want %q", got, err, notice)
		}
		return
	}
}

// TestStopIsAnnouncedFirst: the service manager is told when the stop begins,
// and requests under way still get their answer.
func TestStopIsAnnouncedFirst(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	manager := listenForNotices(t, filepath.Join(dir, "notify"))
	n := begin(t, launch{dir: dir, config: baseConfig(), env: []string{"NOTIFY_SOCKET=" + filepath.Join(dir, "notify")}})
	n.awaitReady()
	manager.want("READY=1")
	finish := n.beginWrite(ramp("a", 3))
	n.signal(syscall.SIGTERM)
	manager.want("STOPPING=1")
	if a, err := finish(); err != nil || a != "200 OK" {
		t.Errorf("a request under way: %s (%v)", a, err)
	}
	if code := n.exitCode(); code != 0 {
		t.Errorf("exit status %d, want 0", code)
	}
	n = n.restart()
	n.wantRamp("a", 3)
}

// beginWrite sends the head of a write and waits until the program reads its
// body. finish sends that and returns the status.
func (n *node) beginWrite(lines string) (finish func() (status string, err error)) {
	n.t.Helper()
	address := strings.TrimPrefix(n.URL, "http://")
	conn, err := net.Dial("tcp", address)
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = conn.Close() })
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		n.t.Fatal(err)
	}
	replies := bufio.NewReader(conn)
	head := fmt.Sprintf("POST /api/write HTTP/1.1\r\nHost: %s\r\nExpect: 100-continue\r\nContent-Length: %d\r\n\r\n", address, len(lines))
	if _, err := io.WriteString(conn, head); err != nil {
		n.t.Fatal(err)
	}
	reply, err := replies.ReadString('\n')
	if err != nil || !strings.HasPrefix(reply, "HTTP/1.1 100 ") {
		n.t.Fatalf("%q (%v), want 100 Continue", reply, err)
	}
	if _, err := replies.ReadString('\n'); err != nil { // the end of its head
		n.t.Fatal(err)
	}
	return func() (string, error) {
		if _, err := io.WriteString(conn, lines); err != nil {
			return "", err
		}
		resp, err := http.ReadResponse(replies, nil)
		if err != nil {
			return "", err
		}
		return resp.Status, resp.Body.Close()
	}
}

// TestStopUnderLoad: a stop in the middle of everything is in order, and what
// was acknowledged until then is there afterwards.
func TestStopUnderLoad(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	const writers = 4
	var acknowledged [2 * writers]atomic.Int64 // samples of each writer
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var running sync.WaitGroup
	for w := range writers {
		c := n.client()
		running.Go(func() {
			for i := int64(0); ; i++ {
				a, err := n.try("POST", "/api/write", line(fmt.Sprint("h", w), "cpu_load", float64(i), origin+60*i))
				if err != nil || a.status != 200 {
					return
				}
				acknowledged[w].Add(1)
			}
		})
		running.Go(func() {
			for i := int64(0); ; i++ {
				if _, err := c.tryPublish(ctx, subject, line(fmt.Sprint("h", writers+w), "cpu_load", float64(i), origin+60*i)); err != nil {
					return
				}
				acknowledged[writers+w].Add(1)
			}
		})
	}
	n.waitFor("all writers to write", func() error {
		for w := range acknowledged {
			if got := acknowledged[w].Load(); got < 20 {
				return fmt.Errorf("writer %d has written %d samples", w, got)
			}
		}
		return nil
	})
	n.stop()
	cancel() // nobody acknowledges any more
	running.Wait()
	n = n.restart()
	for w := range acknowledged {
		n.wantRamp(fmt.Sprint("h", w), int(acknowledged[w].Load()))
	}
}

// TestLastWords: a stop in order is none that sounds like a failure.
func TestLastWords(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	for name, cfg := range map[string]object{"embedded": baseConfig(), "external": brokerConfig(b.URL)} {
		n := begin(t, launch{config: cfg, args: []string{"-config", "config.json", "-loglevel", "debug"}})
		n.awaitReady()
		n.write(ramp("a", 3))
		n.stop()
		words := n.log.String()
		lines := strings.Split(strings.TrimSpace(words), "\n")
		if last := lines[len(lines)-1]; strings.Contains(last, "level=ERROR") || strings.Contains(last, "level=WARN") || strings.HasPrefix(last, "cc-metric-store:") {
			t.Errorf("%s: the last line is %s", name, last)
		}
		if strings.Contains(words, "level=ERROR") || strings.Contains(words, "panic") {
			t.Errorf("%s: there are errors in the log", name)
		}
		if !n.log.hasLine("level=INFO", "stopping") {
			t.Errorf("%s: the stop is not told", name)
		}
	}
}

// TestStopWithoutABroker: a program that still waits for its broker can be
// stopped as well.
func TestStopWithoutABroker(t *testing.T) {
	t.Parallel()
	n := begin(t, launch{config: brokerConfig(fmt.Sprint("nats://127.0.0.1:", testkit.FreePort(t)))})
	n.waitFor("the first attempt", func() error {
		a := n.send("GET", "/readyz", "")
		if !strings.Contains(a.body, "connection refused") {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	})
	n.stop()
}

package rest

import (
	"bytes"
	"fmt"
	"io"
	"log/slog"
	"net"
	"net/http"
	"strings"
	"testing"
	"time"
)

// pipes is a listener whose connections a test makes.
type pipes struct{ next chan net.Conn }

func (p pipes) Accept() (net.Conn, error) {
	c, ok := <-p.next
	if !ok {
		return nil, net.ErrClosed
	}
	return c, nil
}
func (p pipes) Close() error   { return nil }
func (p pipes) Addr() net.Addr { return &net.TCPAddr{} }

func TestTheStillestConnectionsGiveWay(t *testing.T) {
	var log bytes.Buffer
	conns := newConnections(8, slog.New(slog.NewTextHandler(&log, nil)))
	p := pipes{make(chan net.Conn, 1)}
	l := conns.listen(p)
	accept := func() *connection {
		server, client := net.Pipe()
		t.Cleanup(func() { _, _ = server.Close(), client.Close() })
		p.next <- server
		c, err := l.Accept()
		if err != nil {
			t.Fatal(err)
		}
		return c.(*connection)
	}
	closed := func(c *connection) bool {
		return c.Conn.SetDeadline(time.Time{}) != nil
	}
	var open []*connection
	now := time.Now()
	for i := range 8 {
		c := accept()
		c.moved.Store(now.Add(time.Duration(i-9) * time.Minute).UnixNano())
		open = append(open, c)
	}
	open[7].moved.Store(now.UnixNano())
	open[0].moved.Store(now.UnixNano()) // the oldest, but something moves
	accept()
	for i, c := range open {
		if closed(c) != (i == 1) {
			t.Errorf("connection %d: closed %v", i, closed(c))
		}
	}
	if !strings.Contains(log.String(), "level=WARN") || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("logged: %s", &log)
	}
	for c := range conns.open {
		c.moved.Store(time.Now().Add(time.Minute).UnixNano())
	}
	server, client := net.Pipe()
	defer func() { _ = client.Close() }()
	p.next <- server
	close(p.next)
	if _, err := l.Accept(); err == nil {
		t.Error("one too many was accepted while all are busy")
	}
	if _, err := client.Read(make([]byte, 1)); err == nil {
		t.Error("it was not closed")
	}
	_ = open[2].Close()
	if n := conns.evicted.Load(); n != 2 {
		t.Errorf("%d are counted, want the one that was closed and the one that was not taken", n)
	}
	if len(conns.open) != 7 || strings.Count(log.String(), "\n") != 1 {
		t.Errorf("%d are open; logged: %s", len(conns.open), &log)
	}
}

func TestLongHeadersAreBoundedInSum(t *testing.T) {
	conns := newConnections(1000, slog.New(slog.DiscardHandler))
	var open []*connection
	n := 0
	for ; n < 2000; n++ {
		c := &connection{of: conns}
		open = append(open, c)
		if !c.charge(freeHeader) {
			t.Fatal("a short header is refused")
		}
		if !c.charge(64 << 10) {
			break
		}
	}
	if n != maxHeaders/(64<<10) {
		t.Errorf("%d long headers, want %d", n, maxHeaders/(64<<10))
	}
	open[0].setHeader(-1)
	if !open[0].charge(1 << 20) {
		t.Error("a body is counted as a header")
	}
	last := &connection{of: conns}
	open = append(open, last)
	if !last.charge(64 << 10) {
		t.Error("what a complete header took is not free again")
	}
	for _, c := range open {
		c.setHeader(0)
	}
	if left := conns.headers.Load(); left != 0 {
		t.Errorf("%d bytes are left", left)
	}
}

func TestHeadersOverKeptConnections(t *testing.T) {
	f := start(t, Config{}, nil)
	for range 50 {
		if a := f.send("GET", "/healthz", "", "X-Long", strings.Repeat("x", 60_000)); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if left := f.server.conns.headers.Load(); left != 0 {
		t.Errorf("%d bytes are counted although no header is being read", left)
	}
	resp, err := f.client.Do(&http.Request{Method: "GET", URL: mustURL(t, f.server.URL()+"/healthz"), Header: http.Header{"X-Long": {strings.Repeat("x", 200_000)}}})
	if err == nil {
		defer func() { _ = resp.Body.Close() }()
		if resp.StatusCode != http.StatusRequestHeaderFieldsTooLarge {
			t.Errorf("a header beyond the limit: %d", resp.StatusCode)
		}
	}
}

// TestRefusedWithoutTheBody sends a part of a body for what is refused by its URL: the
// answer does not wait for the rest.
func TestRefusedWithoutTheBody(t *testing.T) {
	f := start(t, Config{}, nil)
	for _, target := range []string{"/api/write?cluster=%FF\xff", "/api/free?to=x", "/api/nothing"} {
		conn, err := net.Dial("tcp", f.server.addr())
		if err != nil {
			t.Fatal(err)
		}
		fmt.Fprintf(conn, "POST %s HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nhalf", target)
		_ = conn.SetReadDeadline(time.Now().Add(time.Minute))
		text, err := io.ReadAll(conn)
		if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 40") {
			t.Errorf("%q: %q (%v)", target, text, err)
		}
		_ = conn.Close()
	}
}

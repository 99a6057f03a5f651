package rest

import (
	"crypto/tls"
	"encoding/binary"
	"io"
	"net"
	"net/http"
	"runtime"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// startTLS is start with a certificate, which the client of the fixture trusts. It offers
// HTTP/2.
func startTLS(t *testing.T, view Store) *fixture {
	cert, key, pool := selfSigned(t)
	f := start(t, Config{CertFile: cert, KeyFile: key}, view)
	transport := f.client.Transport.(*http.Transport)
	transport.TLSClientConfig = &tls.Config{RootCAs: pool}
	transport.ForceAttemptHTTP2 = true
	return f
}

// dialTLS makes a connection that offers the protocols.
func (f *fixture) dialTLS(protocols ...string) *tls.Conn {
	f.t.Helper()
	conn, err := tls.Dial("tcp", f.server.addr(), &tls.Config{InsecureSkipVerify: true, NextProtos: protocols})
	if err != nil {
		f.t.Fatal(err)
	}
	f.t.Cleanup(func() { _ = conn.Close() })
	return conn
}

// Of HTTP/2: types and flags of frames, and the code of a stream that may be sent again.
const (
	frameData, frameHeaders, frameReset, frameSettings, framePing, frameWindow, frameContinuation = 0, 1, 3, 4, 6, 8, 9

	flagEnd, flagAck, flagEndHeaders = 1, 1, 4

	refusedStream = 7
)

// rawHTTP2 is a client that does what no good one does.
type rawHTTP2 struct {
	t    *testing.T
	conn net.Conn
}

// dialHTTP2 makes a connection with windows of so many bytes.
func (f *fixture) dialHTTP2(window uint32) rawHTTP2 {
	f.t.Helper()
	conn := f.dialTLS("h2")
	if p := conn.ConnectionState().NegotiatedProtocol; p != "h2" {
		f.t.Fatalf("the protocol is %q", p)
	}
	r := rawHTTP2{f.t, conn}
	if _, err := io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n"); err != nil {
		f.t.Fatal(err)
	}
	setting := binary.BigEndian.AppendUint32([]byte{0, 4}, window)
	r.frame(frameSettings, 0, 0, setting)
	if more := int64(window) - 65535; more > 0 {
		r.frame(frameWindow, 0, 0, binary.BigEndian.AppendUint32(nil, uint32(more)))
	}
	return r
}

func (r rawHTTP2) frame(kind, flags byte, stream uint32, payload []byte) {
	r.t.Helper()
	n := len(payload)
	head := binary.BigEndian.AppendUint32([]byte{byte(n >> 16), byte(n >> 8), byte(n), kind, flags}, stream)
	if _, err := r.conn.Write(append(head, payload...)); err != nil {
		r.t.Fatal(err)
	}
}

// get begins a request without a body, post one with it.
func (r rawHTTP2) get(stream uint32, path string) {
	r.frame(frameHeaders, flagEnd|flagEndHeaders, stream, headerBlock(0x82, path))
}

func (r rawHTTP2) post(stream uint32, path, body string) {
	r.frame(frameHeaders, flagEndHeaders, stream, headerBlock(0x83, path))
	r.frame(frameData, flagEnd, stream, []byte(body))
}

// headerBlock is a header in HPACK: the method and https by their numbers, and two texts.
func headerBlock(method byte, path string) []byte {
	return append(append([]byte{method, 0x87, 0x04, byte(len(path))}, path...), 0x01, 1, 'x')
}

// longHeader begins a request with a header of some 64 KB, whose body does not come.
func (r rawHTTP2) longHeader(stream uint32) {
	block := append(headerBlock(0x83, "/api/query"), 0x00, 6, 'x', '-', 'l', 'o', 'n', 'g', 0x7f)
	for n := 64_000 - 0x7f; ; n >>= 7 { // an integer of HPACK
		if n < 0x80 {
			block = append(block, byte(n))
			break
		}
		block = append(block, byte(n)|0x80)
	}
	block = append(block, strings.Repeat("x", 64_000)...)
	r.frame(frameHeaders, 0, stream, block[:frameBytes])
	for block = block[frameBytes:]; len(block) > frameBytes; block = block[frameBytes:] {
		r.frame(frameContinuation, 0, stream, block[:frameBytes])
	}
	r.frame(frameContinuation, flagEndHeaders, stream, block)
}

// next returns the next frame that is no matter of the connection.
func (r rawHTTP2) next() (kind byte, stream uint32, payload []byte) {
	r.t.Helper()
	_ = r.conn.SetReadDeadline(time.Now().Add(testkit.Patience))
	for {
		head := make([]byte, 9)
		if _, err := io.ReadFull(r.conn, head); err != nil {
			r.t.Fatalf("read a frame: %v", err)
		}
		payload = make([]byte, int(head[0])<<16|int(head[1])<<8|int(head[2]))
		if _, err := io.ReadFull(r.conn, payload); err != nil {
			r.t.Fatalf("read a frame: %v", err)
		}
		kind, stream = head[3], binary.BigEndian.Uint32(head[5:])
		switch {
		case kind == frameSettings && head[4]&flagAck == 0:
			r.frame(frameSettings, flagAck, 0, nil)
		case kind == framePing && head[4]&flagAck == 0:
			r.frame(framePing, flagAck, 0, payload)
		case stream != 0:
			return kind, stream, payload
		}
	}
}

// await reads up to a frame of a kind of a stream, and returns its payload.
func (r rawHTTP2) await(kind byte, stream uint32) []byte {
	r.t.Helper()
	for {
		if k, s, payload := r.next(); k == kind && s == stream {
			return payload
		}
	}
}

func TestHTTP2(t *testing.T) {
	f := startTLS(t, nil)
	f.write(samples("n1", "cpu_load", 1, 2))
	if a := f.query(`{"cluster":"alex","from":FROM,"to":TO,"queries":[{"metric":"cpu_load","host":"n1"}]}`); !strings.Contains(a.body, "[1,2,null]") {
		t.Errorf("%d %s", a.status, a.body)
	}
	f.wantError(f.send("POST", "/api/query", "{"), 400, "ends within")
	f.write(strings.Repeat(samples("n1", "cpu_load", 1, 2), 50_000)) // more than a window
	resp, err := f.client.Get(f.server.URL() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.ProtoMajor != 2 {
		t.Errorf("%s, %v", resp.Proto, err)
	}
	if open, _ := f.server.Connections(); open != 1 {
		t.Errorf("%d connections", open)
	}
	// Without TLS, and for who does not offer it, there is none.
	plain := start(t, Config{}, nil)
	conn, err := net.Dial("tcp", plain.server.addr())
	if err != nil {
		t.Fatal(err)
	}
	defer conn.Close()
	_, _ = io.WriteString(conn, "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n")
	if text, _ := io.ReadAll(conn); !strings.HasPrefix(string(text), "HTTP/1.1 404 ") {
		t.Errorf("without TLS: %q", text)
	}
	for _, offer := range [][]string{nil, {"http/1.1"}} {
		if p := f.dialTLS(offer...).ConnectionState().NegotiatedProtocol; p == "h2" {
			t.Errorf("%q is answered with HTTP/2", offer)
		}
	}
}

// TestHTTP2ConnectionsAreBounded: one too many speaks HTTP/1.1, and a place is free again
// when a connection ends.
func TestHTTP2ConnectionsAreBounded(t *testing.T) {
	f := startTLS(t, nil)
	var open []*tls.Conn
	for i := range maxHTTP2 {
		conn := f.dialTLS("h2", "http/1.1")
		if p := conn.ConnectionState().NegotiatedProtocol; p != "h2" {
			t.Fatalf("connection %d: %q", i, p)
		}
		open = append(open, conn)
	}
	if p := f.dialTLS("h2", "http/1.1").ConnectionState().NegotiatedProtocol; p != "http/1.1" {
		t.Errorf("connection %d: %q", maxHTTP2, p)
	}
	if a := f.send("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	_ = open[0].Close()
	testkit.Eventually(t, "a place", func() bool {
		conn := f.dialTLS("h2", "http/1.1")
		defer conn.Close()
		return conn.ConnectionState().NegotiatedProtocol == "h2"
	})
	for _, conn := range open {
		_ = conn.Close()
	}
	testkit.Eventually(t, "all places", func() bool { return f.server.conns.http2.Load() == 0 })
}

// stopped is a store that lets no query go on before it is released.
type stopped struct {
	*store.Store
	entered chan struct{}
	release chan struct{}
}

func (s stopped) Cost(q *store.Query) (store.Cost, error) {
	s.entered <- struct{}{}
	<-s.release
	return s.Store.Cost(q)
}

// TestHTTP2StreamsAreBounded asks for one too many at once on a connection.
func TestHTTP2StreamsAreBounded(t *testing.T) {
	s := stopped{newStore(t), make(chan struct{}, 2*maxStreams), make(chan struct{})}
	f := startTLS(t, s)
	r := f.dialHTTP2(65535)
	const body = `{"queries":[{"metric":"cpu_load"}]}`
	for i := range uint32(maxStreams) {
		r.post(2*i+1, "/api/query", body)
	}
	for range maxStreams {
		<-s.entered
	}
	r.post(2*maxStreams+1, "/api/query", body)
	for {
		kind, stream, payload := r.next()
		if kind == frameReset {
			if code := binary.BigEndian.Uint32(payload); stream != 2*maxStreams+1 || code != refusedStream {
				t.Errorf("stream %d is reset with %d", stream, code)
			}
			break
		}
	}
	if len(s.entered) > 0 {
		t.Error("one too many is handled")
	}
	close(s.release)
	ended := map[uint32]bool{}
	for len(ended) < maxStreams {
		if kind, stream, payload := r.next(); kind == frameData && len(payload) > 0 {
			ended[stream] = true
		}
	}
}

// wide answers each query with a million values.
func wide(t *testing.T) numbers { return numbers{newStore(t), make([]float64, store.MaxCells)} }

// giveUp lets the place of the slow be wanted until a condition holds.
func (f *fixture) giveUp(what string, until func() bool) {
	f.t.Helper()
	testkit.Eventually(f.t, what, func() bool {
		f.server.api.clients.giveUp()
		return until()
	})
}

// underWay returns how many requests are.
func (f *fixture) underWay() int {
	c := &f.server.api.clients
	c.mu.Lock()
	defer c.mu.Unlock()
	return len(c.all)
}

// TestHTTP2SlowStreamIsReset takes nothing of an answer, and has another one on the same
// connection meanwhile and afterwards.
func TestHTTP2SlowStreamIsReset(t *testing.T) {
	t.Parallel()
	f := startTLS(t, wide(t))
	r := f.dialHTTP2(16 << 10)
	r.post(1, "/api/query", manyQueries(10))
	r.get(3, "/healthz")
	r.await(frameHeaders, 3)
	f.giveUp("the handler to end", func() bool { return f.underWay() == 0 })
	r.await(frameReset, 1)
	r.get(5, "/healthz")
	r.await(frameHeaders, 5)
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	if !strings.Contains(f.lines.String(), "status=499") || !strings.Contains(f.lines.String(), errSlow.Error()) {
		t.Errorf("the log does not say why: %s", f.lines)
	}
}

// TestHTTP2StuckConnectionIsClosed reads nothing at all, with windows that would take all:
// no stream can be reset then.
func TestHTTP2StuckConnectionIsClosed(t *testing.T) {
	t.Parallel()
	f := startTLS(t, wide(t))
	r := f.dialHTTP2(1<<31 - 1)
	for i := range uint32(maxStreams) {
		r.post(2*i+1, "/api/query", manyQueries(30))
	}
	testkit.Eventually(t, "the requests", func() bool { return f.underWay() == maxStreams })
	f.giveUp("all handlers to end", func() bool { return f.underWay() == 0 })
	testkit.Eventually(t, "the connection to end", func() bool {
		open, _ := f.server.Connections()
		return open == 0 && f.server.conns.http2.Load() == 0
	})
	if a := f.send("GET", "/healthz", ""); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestHTTP2SlowBodyIsCut sends a part of a body.
func TestHTTP2SlowBodyIsCut(t *testing.T) {
	t.Parallel()
	f := startTLS(t, nil)
	r := f.dialHTTP2(65535)
	r.frame(frameHeaders, flagEndHeaders, 1, headerBlock(0x83, "/api/query"))
	r.frame(frameData, 0, 1, []byte(`{"queries":`))
	testkit.Eventually(t, "the request", func() bool { return f.underWay() == 1 })
	f.giveUp("it to end", func() bool { return f.underWay() == 0 })
	if payload := r.await(frameData, 1); !strings.Contains(string(payload), "the client is too slow") {
		t.Errorf("answered with %q", payload)
	}
}

// TestHTTP2LongHeaders: what is beyond the limit is refused, and leaves nothing behind.
func TestHTTP2LongHeaders(t *testing.T) {
	f := startTLS(t, nil)
	for range 20 {
		if a := f.send("GET", "/healthz", "", "X-Long", strings.Repeat("x", 60_000)); a.status != 200 {
			t.Fatalf("%d %s", a.status, a.body)
		}
	}
	if a, err := f.try("GET", "/healthz", nil, "X-Long", strings.Repeat("x", 200_000)); err == nil && a.status != 431 {
		t.Errorf("a header beyond the limit: %d", a.status)
	}
	if left := f.server.conns.headers.Load(); left != 0 {
		t.Errorf("%d bytes of headers are counted", left)
	}
}

// TestHTTP2Stop stops the server while a client holds connections, one within a request.
func TestHTTP2Stop(t *testing.T) {
	t.Parallel()
	f := startTLS(t, nil)
	f.dialHTTP2(65535)
	half := f.dialHTTP2(65535)
	half.frame(frameHeaders, flagEndHeaders, 1, headerBlock(0x83, "/api/write"))
	testkit.Eventually(t, "the request", func() bool { return f.underWay() == 1 })
	f.send("GET", "/healthz", "")
	if err := f.stop(); err != nil {
		t.Error(err)
	}
}

// TestHTTP2HeadersAreBounded holds all that HTTP/2 has to give, with long headers: others
// are answered, and memory is bounded.
func TestHTTP2HeadersAreBounded(t *testing.T) {
	f := startTLS(t, nil)
	heap := func() int {
		runtime.GC()
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int(m.HeapAlloc)
	}
	before := heap()
	for range maxHTTP2 {
		r := f.dialHTTP2(65535)
		for i := range uint32(maxStreams) {
			r.longHeader(2*i + 1)
		}
	}
	testkit.Eventually(t, "all requests", func() bool { return f.underWay() == maxHTTP2*maxStreams })
	took := heap() - before
	t.Logf("%d connections of %d requests take %d KiB", maxHTTP2, maxStreams, took>>10)
	if most := maxHTTP2 * maxStreams * 2 * maxHeader; took > most {
		t.Errorf("%d bytes, want at most %d", took, most)
	}
	f.write(samples("n1", "cpu_load", 1, 2))
	resp, err := f.client.Get(f.server.URL() + "/healthz")
	if err != nil {
		t.Fatal(err)
	}
	if err := resp.Body.Close(); err != nil || resp.ProtoMajor != 1 || resp.StatusCode != 200 {
		t.Errorf("%s %d, %v", resp.Proto, resp.StatusCode, err)
	}
	f.giveUp("the requests to end", func() bool { return f.underWay() == 0 })
}

package rest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net"
	"strings"
	"testing"

	"github.com/klauspost/compress/zstd"

	"cc-metric-store/test/testkit"
)

func TestWrite(t *testing.T) {
	f := start(t, Config{}, nil)
	line := samples("n1", "cpu_load", 7)
	for _, c := range []struct{ target, kind, cluster string }{
		{"/api/write?cluster=alex", "", "alex"},
		{"/api/write/?cluster=alex", "application/x-www-form-urlencoded", "alex"},
		{"/api/write", "text/plain", ""},
		{"/api/write?x=1&cluster=a%20b+c", "multipart/form-data; boundary=x", "a%20b+c"},
		{"/api/write?cluster=one&cluster=two", "application/json", "one"},
		{"/api/write?cluster", "", ""},
	} {
		a := f.send("POST", c.target, line, "Content-Type", c.kind)
		if a.status != 200 || a.body != "" || a.header.Get("Content-Length") != "0" || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %q %v", c.target, a.status, a.body, a.header)
		}
		if got := f.log.clusters[len(f.log.clusters)-1]; got != c.cluster {
			t.Errorf("%s: cluster %q, want %q", c.target, got, c.cluster)
		}
		if f.log.bytes != int64(len(line)) {
			t.Errorf("%s: %d of %d bytes reached the log", c.target, f.log.bytes, len(line))
		}
	}
	if a := f.query(`{"cluster":"alex","from":FROM,"to":TO,"queries":[{"metric":"cpu_load","host":"n1"}]}`); !strings.Contains(a.body, "[7,null,null]") {
		t.Errorf("after the write: %s", a.body)
	}
}

func TestWriteChunkedAndAnnounced(t *testing.T) {
	f := start(t, Config{}, nil)
	line := samples("n1", "cpu_load", 7)
	large := strings.Repeat(line, 8<<20/len(line))
	for _, body := range []io.Reader{strings.NewReader(large), io.MultiReader(strings.NewReader(large))} {
		a, err := f.try("POST", "/api/write/?cluster=alex", body, "Expect", "100-continue")
		if err != nil || a.status != 200 || f.log.bytes != int64(len(large)) {
			t.Errorf("%d %s (%v), %d of %d bytes", a.status, a.body, err, f.log.bytes, len(large))
		}
	}
}

func TestWriteErrors(t *testing.T) {
	f := start(t, Config{}, nil)
	good := samples("n1", "cpu_load", 7)
	f.wantError(f.send("POST", "/api/write?cluster=alex", "bad line\n"+good+"another\n"), 400, "line 1", "1 more", "all other lines are stored")
	if a := f.query(`{"cluster":"alex","from":FROM,"to":TO,"queries":[{"metric":"cpu_load","host":"n1"}]}`); !strings.Contains(a.body, "[7,null,null]") {
		t.Errorf("the good line: %s", a.body)
	}
	f.log.set(errors.New("append to stream CC_METRICS: disk full"), nil)
	f.wantError(f.send("POST", "/api/write", good), 503, "disk full")
	f.wantError(f.send("POST", "/api/free?to=1", "[]"), 503, "disk full")
	if !strings.Contains(f.lines.String(), "level=WARN") {
		t.Errorf("a 503 is not in the log: %s", f.lines)
	}
}

func compressed(t testing.TB, encoding string, body io.Reader) []byte {
	t.Helper()
	var out bytes.Buffer
	var w io.WriteCloser
	var err error
	switch encoding {
	case "gzip", "x-gzip":
		w = gzip.NewWriter(&out)
	case "zlib":
		w = zlib.NewWriter(&out)
	case "flate":
		w, err = flate.NewWriter(&out, 6)
	case "zstd":
		w, err = zstd.NewWriter(&out)
	}
	if err != nil {
		t.Fatal(err)
	}
	if _, err := io.Copy(w, body); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return out.Bytes()
}

func TestContentEncodings(t *testing.T) {
	f := start(t, Config{}, nil)
	var text strings.Builder
	rnd := testkit.Rand(t)
	for i := range 5000 {
		fmt.Fprintf(&text, "n1 cpu_load %v %d\n", rnd.Float64(), origin+60*i)
	}
	for _, c := range []struct{ header, form string }{
		{"gzip", "gzip"}, {"GZip", "gzip"}, {"x-gzip", "gzip"}, {"deflate", "zlib"}, {"deflate", "flate"}, {"zstd", "zstd"},
	} {
		body := compressed(t, c.form, strings.NewReader(text.String()))
		a := f.send("POST", "/api/write?cluster=alex", string(body), "Content-Encoding", c.header)
		if a.status != 200 || f.log.bytes != int64(text.Len()) {
			t.Errorf("%s as %s: %d %s, %d of %d bytes", c.form, c.header, a.status, a.body, f.log.bytes, text.Len())
		}
		for _, broken := range [][]byte{body[:len(body)/2], body[:1], []byte("cpu_load"), append(body[:40:40], make([]byte, 40)...)} {
			f.wantError(f.send("POST", "/api/write", string(broken), "Content-Encoding", c.header), 400, "read the body")
		}
	}
	if a := f.send("POST", "/api/write", text.String(), "Content-Encoding", "identity"); a.status != 200 {
		t.Errorf("identity: %d", a.status)
	}
	query := compressed(t, "gzip", strings.NewReader(`{"queries":[]}`))
	if a := f.send("POST", "/api/query", string(query), "Content-Encoding", "gzip"); a.body != `{"results":[]}`+"\n" {
		t.Errorf("a compressed query: %d %s", a.status, a.body)
	}
	a := f.send("POST", "/api/write", "x", "Content-Encoding", "br")
	f.wantError(a, 415, `"br"`, "zstd")
	if a.header.Get("Accept-Encoding") != "gzip, deflate, zstd" {
		t.Errorf("415 with %v", a.header)
	}
}

func TestBodyLimits(t *testing.T) {
	f := start(t, Config{}, nil)
	f.log.discard = true
	block := []byte(strings.Repeat("\n", 1<<20))
	for _, c := range []struct {
		size     int64
		encoding string
		status   int
		word     string
	}{
		{maxSent, "identity", 200, ""},
		{maxSent + 1, "identity", 413, "64 MiB: send it in parts"},
		{maxDecoded, "gzip", 200, ""},
		{maxDecoded + 1, "gzip", 413, "256 MiB: send it in parts"},
	} {
		body := io.LimitReader(cycle{block}, c.size)
		if c.encoding == "gzip" { // a member for each block: quickly made
			member := compressed(t, "gzip", bytes.NewReader(block))
			last := compressed(t, "gzip", io.LimitReader(cycle{block}, c.size%(1<<20)))
			body = bytes.NewReader(append(bytes.Repeat(member, int(c.size>>20)), last...))
		}
		a, err := f.try("POST", "/api/write", body, "Content-Encoding", c.encoding)
		if err != nil {
			t.Fatal(err)
		}
		if c.status != 200 {
			f.wantError(a, c.status, c.word)
		} else if a.status != 200 || f.log.bytes != c.size {
			t.Errorf("%d bytes as %s: %d %s, %d bytes arrived", c.size, c.encoding, a.status, a.body, f.log.bytes)
		}
	}
}

// cycle repeats its bytes for ever.
type cycle struct{ block []byte }

func (c cycle) Read(p []byte) (int, error) { return copy(p, c.block), nil }

func TestClientGoesAwayInABody(t *testing.T) {
	f := start(t, Config{}, nil)
	conn, err := net.Dial("tcp", f.server.Addr())
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = conn.Close() }()
	if _, err := io.WriteString(conn, "POST /api/write?cluster=alex HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\nn1 cpu_load"); err != nil {
		t.Fatal(err)
	}
	if err := conn.(*net.TCPConn).CloseWrite(); err != nil {
		t.Fatal(err)
	}
	reply, err := io.ReadAll(conn)
	if err != nil || !strings.HasPrefix(string(reply), "HTTP/1.1 400 ") || !strings.Contains(string(reply), "unexpected EOF") {
		t.Errorf("%q (%v)", reply, err)
	}
}

func TestFree(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(samples("n1", "cpu_load", 1) + samples("n2", "cpu_load", 2))
	for _, c := range []struct {
		target, body string
		status       int
		want         string
	}{
		{"/api/free", "[]", 400, "'to' is a required query parameter"},
		{"/api/free?to=", "[]", 400, "'to' is a required query parameter"},
		{"/api/free?to=abc", "[]", 400, "'to' is no Unix time"},
		{"/api/free/?to=1", "nope", 400, "invalid JSON at byte 2"},
		{"/api/free/?to=1", "", 400, "empty"},
		{"/api/free/?to=1", `["alex"]`, 400, "got string, want an array"},
		{"/api/free/?to=1", `[null]`, 400, "selector 0 is null"},
		{"/api/free/?to=1760000040", `[["alex","n1"]]`, 200, "buffers freed: 0\n"},
		{"/api/free/?to=1860000040", `[["none"],["alex","n9"]]`, 200, "buffers freed: 0\n"},
		{"/api/free?to=1860000040", `[["alex","n1"]]`, 200, "buffers freed: 1\n"},
		{"/api/free?to=1860000040", `[[]]`, 200, "buffers freed: 1\n"},
		{"/api/free?to=1860000040", `null`, 200, "buffers freed: 0\n"},
	} {
		a := f.send("POST", c.target, c.body, "Content-Type", "application/x-www-form-urlencoded")
		if c.status != 200 {
			f.wantError(a, c.status, c.want)
		} else if a.status != 200 || a.body != c.want || !strings.HasPrefix(a.header.Get("Content-Type"), "text/plain") {
			t.Errorf("%s %s: %d %q %v", c.target, c.body, a.status, a.body, a.header)
		}
	}
}

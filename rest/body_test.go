package rest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"fmt"
	"io"
	"net"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/zstd"
	"github.com/labstack/echo/v4"

	"cc-metric-store/test/testkit"
)

// TestABodyWaitsForNoPlaceOfItsOwn reads bodies of all sizes and encodings where each
// gate has one place: who needs a gate twice has it once.
func TestABodyWaitsForNoPlaceOfItsOwn(t *testing.T) {
	rnd := testkit.Rand(t)
	one := func() *gate { return newGate(1, 0) }
	a := &api{gates: &gates{bodies: one(), writes: one(), large: one(), huge: one(), zstd: one(), replies: one(), queries: one()}}
	for _, size := range []int{0, 1, smallBody, smallBody + 1, mediumBody, mediumBody + 1, largeBody + 1} {
		random := make([]byte, size)
		for i := range random {
			random[i] = byte(rnd.Uint32())
		}
		content := strings.Repeat(" ", 3) + "[" + strings.Repeat("1,", max(size/2-2, 0)) + "1]"
		for _, form := range []struct{ form, header string }{{"", ""}, {"gzip", "gzip"}, {"zlib", "deflate"}, {"zstd", "zstd"}} {
			for _, json := range []bool{false, true} {
				body, want := string(random), string(random)
				if json {
					body, want = content, content
				}
				if form.form != "" {
					body = string(compressed(t, form.form, strings.NewReader(body)))
				}
				ctx, cancel := context.WithTimeout(t.Context(), time.Minute)
				req := httptest.NewRequestWithContext(ctx, "POST", "/", strings.NewReader(body))
				req.Header.Set("Content-Encoding", form.header)
				c := echo.New().NewContext(req, httptest.NewRecorder())
				newClient(c)
				b, err := a.openBody(c, true)
				if err != nil {
					t.Fatalf("%d bytes as %q: %v", size, form.header, err)
				}
				var got []byte
				if json {
					got, err = b.text(a.gates)
					if err == nil {
						err = b.reserve(a.gates, contents{items: len(got)})
					}
				} else {
					var lines io.Reader
					if lines, err = b.lines(a.gates); err == nil {
						got, err = io.ReadAll(lines)
					}
				}
				ratio := err != nil && strings.Contains(err.Error(), "200 times")
				if !ratio && (err != nil || !bytes.Equal(got, []byte(want))) {
					t.Errorf("%d bytes as %q, JSON %v: %d of %d bytes (%v)", size, form.header, json, len(got), len(want), err)
				}
				b.close()
				cancel()
			}
		}
	}
	for name, g := range map[string]*gate{"bodies": a.gates.bodies, "writes": a.gates.writes, "large": a.gates.large, "huge": a.gates.huge, "zstd": a.gates.zstd} {
		if len(g.inside) > 0 || g.waiters() > 0 {
			t.Errorf("%s: %d are left inside", name, len(g.inside))
		}
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
	conn, err := net.Dial("tcp", f.server.addr())
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

package rest

import (
	"errors"
	"io"
	"strings"
	"testing"

	"cc-metric-store/store"
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

func TestClusterNames(t *testing.T) {
	f := start(t, Config{}, nil)
	line := samples("n1", "cpu_load", 1)
	for _, c := range []struct{ name, word string }{
		{strings.Repeat("x", maxName+1), "1025 bytes, at most 1024"},
		{strings.Repeat("x", 70_000), "70000 bytes"},
		{"\xff\xfe", "not valid UTF-8"},
		{"a\xc3", "not valid UTF-8"},
		{"a\xc2\x85b", "control characters"},
	} {
		f.wantError(f.send("POST", "/api/write/?cluster="+c.name, line), 400, "'cluster'", c.word)
		f.wantError(f.send("POST", "/api/write?x=1&cluster="+c.name, line), 400, "'cluster'", c.word)
	}
	for _, name := range []string{strings.Repeat("x", maxName), "ä", "a%ff"} {
		if a := f.send("POST", "/api/write?cluster="+name, line); a.status != 200 {
			t.Errorf("%q: %d %s", clip(name), a.status, a.body)
		}
	}
	if len(f.log.clusters) != 3 {
		t.Errorf("%d writes came to the log", len(f.log.clusters))
	}
	f.log.set(&store.TooLargeError{Bytes: 7, Cause: errors.New("too much")}, nil)
	f.wantError(f.send("POST", "/api/write", line), 413, "send less")
	f.wantError(f.send("POST", "/api/free?to=1", "[]"), 413, "send less")
}

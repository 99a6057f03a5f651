package rest

import (
	"errors"
	"regexp"
	"strings"
	"testing"

	"cc-metric-store/store"
)

var madeID = regexp.MustCompile(`^[0-9a-f]{16}$`)

func TestRequestID(t *testing.T) {
	f := start(t, Config{}, nil)
	f.log.set(errors.New("the disk is full"), nil)
	seen := map[string]bool{}
	for _, r := range [][3]string{
		{"GET", "/healthz", ""}, {"POST", "/api/query", "{}"}, {"GET", "/api/query", "no JSON"}, {"POST", "/api/write", "n1 cpu_load 1 1\n"},
		{"DELETE", "/api/query", ""}, {"GET", "/nothing", ""}, {"GET", "/api/nothing", ""},
	} {
		a := f.send(r[0], r[1], r[2])
		id := a.header.Get("X-Request-Id")
		if !madeID.MatchString(id) || seen[id] {
			t.Errorf("%s %s: the id is %q", r[0], r[1], id)
		}
		seen[id] = true
		a = f.send(r[0], r[1], r[2], "X-Request-Id", "job-4711/"+id)
		if got := a.header["X-Request-Id"]; len(got) != 1 || got[0] != "job-4711/"+id {
			t.Errorf("%s %s: the id that was sent is answered as %q", r[0], r[1], got)
		}
		if strings.Contains(a.body, id) {
			t.Errorf("%s %s: the body has the id: %s", r[0], r[1], a.body)
		}
	}
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	for id := range seen {
		for _, word := range []string{" id=" + id + " ", " id=job-4711/" + id + " "} {
			if n := strings.Count(f.lines.String(), word); n != 1 {
				t.Errorf("%d log lines have %q:\n%s", n, word, f.lines)
			}
		}
	}
	for line := range strings.Lines(f.lines.String()) {
		if strings.Contains(line, "the disk is full") && !strings.Contains(line, " id=") {
			t.Errorf("an error without an id: %s", line)
		}
	}
}

func TestUnsoundRequestIDs(t *testing.T) {
	f := start(t, Config{}, nil)
	for _, id := range []string{"", strings.Repeat("x", maxRequestID+1), "a b", "a\tb", "größe", "\x7f"} {
		a, err := f.try("GET", "/healthz", nil, "X-Request-Id", id)
		if err != nil {
			continue // the client does not send it
		}
		if got := a.header.Get("X-Request-Id"); !madeID.MatchString(got) {
			t.Errorf("%q is answered as %q", id, got)
		}
	}
	longest := strings.Repeat("x", maxRequestID)
	if got := f.send("GET", "/healthz", "", "X-Request-Id", longest).header.Get("X-Request-Id"); got != longest {
		t.Errorf("the longest id is answered as %q", got)
	}
	f.header["X-Request-Id"] = []string{"a", "b"}
	if got := f.send("GET", "/healthz", "").header["X-Request-Id"]; len(got) != 1 || !madeID.MatchString(got[0]) {
		t.Errorf("two ids are answered as %q", got)
	}
}

// panicking panics in each query.
type panicking struct{ *store.Store }

func (panicking) Cost(*store.Query) (store.Cost, error) { panic("a fault") }

// TestPanicHasRequestID: both lines of a request that panicked have its id.
func TestPanicHasRequestID(t *testing.T) {
	f := start(t, Config{}, panicking{newStore(t)})
	a := f.send("POST", "/api/query", `{"queries":[{}]}`, "X-Request-Id", "mine")
	f.wantError(a, 500, "internal error")
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	if n := strings.Count(f.lines.String(), " id=mine "); n != 2 || a.header.Get("X-Request-Id") != "mine" {
		t.Errorf("%d lines have the id: %s", n, f.lines)
	}
}

package rest

import (
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
)

// TestPosition: a request waits for the position that the answer to a write had, and no longer than
// is bearable.
func TestPosition(t *testing.T) {
	f := start(t, Config{}, nil)
	a := f.send("POST", "/api/write", fmt.Sprintf("n1 cpu_load 1.5 %d\n", origin))
	position := a.header.Get(headerPosition)
	if a.status != 200 || position == "" {
		t.Fatalf("%d %v", a.status, a.header)
	}
	if a := f.send("POST", "/api/free?to=1", "[]"); a.header.Get(headerPosition) == "" {
		t.Errorf("free: %v", a.header)
	}
	for _, path := range []string{"/api/query", "/api/healthcheck", "/api/debug"} {
		if a := f.send("POST", path, `{"cluster":"c"}`, headerPosition, position); a.status == 503 {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
	later := strings.TrimSuffix(position, "1") + "2"
	begun := time.Now()
	a = f.send("POST", "/api/query", "{}", headerPosition, later)
	f.wantError(a, 503, "has not come to", later)
	if took := time.Since(begun); took < positionWait || a.header.Get("Retry-After") == "" {
		t.Errorf("after %v, with the headers %v", took, a.header)
	}
	for _, bad := range []string{"1", "x.1", "1.-1", "1.x", ".", strings.Repeat("9", 5000)} {
		f.wantError(f.send("POST", "/api/query", "{}", headerPosition, bad), 400, headerPosition, "is not what")
	}
	f.log.unknown = true
	if a := f.send("POST", "/api/write", ""); a.status != 200 || a.header.Get(headerPosition) != "" {
		t.Errorf("%d %v", a.status, a.header)
	}
}

func FuzzPosition(f *testing.F) {
	f.Add(int64(1_700_000_000_123_456_789), uint64(42), "1.2")
	f.Fuzz(func(t *testing.T, created int64, seq uint64, text string) {
		p := store.LogPosition{Created: time.Unix(0, created), Entry: store.Entry{Seq: seq}}
		if got, err := parsePosition(formatPosition(p)); err != nil || !got.Created.Equal(p.Created) || got.Entry != p.Entry {
			t.Errorf("%v became %v, %v", p, got, err)
		}
		if got, err := parsePosition(text); err == nil {
			if again, err := parsePosition(formatPosition(got)); err != nil || again != got {
				t.Errorf("%q: %v became %v, %v", text, got, again, err)
			}
		}
	})
}

// TestSettled: what a rolling upgrade waits for is more than what a balancer asks for.
func TestSettled(t *testing.T) {
	f := start(t, Config{}, nil)
	if a := f.send("GET", "/readyz?all", ""); a.status != 200 || a.body != "ready\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
	f.log.unsettled = errors.New("a node is behind")
	if a := f.send("GET", "/readyz?all", ""); a.status != 503 || a.body != "a node is behind\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
	if a := f.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
}

package rest

import (
	"errors"
	"fmt"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

func TestObserve(t *testing.T) {
	var mu sync.Mutex
	var seen []string
	f := start(t, Config{Observe: func(endpoint string, status int, took time.Duration) {
		mu.Lock()
		defer mu.Unlock()
		seen = append(seen, fmt.Sprint(endpoint, " ", status, " ", took > 0))
	}}, nil)
	for _, path := range []string{"/api/query", "/api/query/", "/api/nothing", "/healthz", "/api/write/?cluster=c"} {
		f.send("GET", path, `{"cluster":"alex"}`)
	}
	if err := f.stop(); err != nil { // each was told of when it was answered
		t.Error(err)
	}
	want := []string{"query 200 true", "query 200 true", "other 404 true", "other 200 true", "write 405 true"}
	mu.Lock()
	defer mu.Unlock()
	if !slices.Equal(seen, want) {
		t.Errorf("observed %q, want %q", seen, want)
	}
}

func TestReadyButDegraded(t *testing.T) {
	var degraded error
	f := start(t, Config{Degraded: func() error { return degraded }}, nil)
	if a := f.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
	degraded = errors.New("the disk is full")
	if a := f.send("GET", "/readyz", ""); a.status != 200 || a.body != "ready, but the disk is full\n" {
		t.Errorf("%d %q", a.status, a.body)
	}
}

// TestWarningsComeAtAHumanRate fails a great many requests: of each kind there is one
// warning a minute, which counts the others.
func TestWarningsComeAtAHumanRate(t *testing.T) {
	f := start(t, Config{}, nil)
	f.log.set(errors.New("the disk is full"), errors.New("replaying"))
	for range 20 {
		f.send("POST", "/api/write", "n1 cpu_load 1 1\n")
		f.send("POST", "/api/query", "{}")
		f.send("GET", "/readyz", "")
	}
	if n := strings.Count(f.lines.String(), "level=WARN"); n != 2 {
		t.Errorf("%d warnings, want one of each kind:\n%s", n, f.lines)
	}
	l := newAccessLogger(nil)
	now := time.Now()
	for i, want := range []struct {
		after time.Duration
		held  int
		due   bool
	}{{0, 0, true}, {time.Second, 0, false}, {58 * time.Second, 0, false}, {time.Second, 2, true}, {time.Second, 0, false}} {
		now = now.Add(want.after)
		if held, due := l.due(failure{"query", 503}, now); held != want.held || due != want.due {
			t.Errorf("failure %d: %d, %v, want %+v", i, held, due, want)
		}
	}
}

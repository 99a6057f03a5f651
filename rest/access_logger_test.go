package rest

import (
	"errors"
	"strings"
	"testing"
	"time"
)

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
		after      time.Duration
		suppressed int
		due        bool
	}{{0, 0, true}, {time.Second, 0, false}, {58 * time.Second, 0, false}, {time.Second, 2, true}, {time.Second, 0, false}} {
		now = now.Add(want.after)
		if n, due := l.due(failure{"query", 503}, now); n != want.suppressed || due != want.due {
			t.Errorf("failure %d: %d, %v, want %+v", i, n, due, want)
		}
	}
}

func TestAccessLog(t *testing.T) {
	f := start(t, Config{}, nil)
	f.send("GET", "/api/debug?selector=secret", "")
	f.send("GET", "/healthz", "")
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(f.lines.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), f.lines)
	}
	for i, words := range [][]string{{"method=GET", "path=/api/debug ", "status=400", "error="}, {"path=/healthz", "status=200", "bytes=3", "took=", "client=127.0.0.1"}} {
		for _, w := range append(words, "level=DEBUG") {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %q lacks %q", lines[i], w)
			}
		}
	}
}

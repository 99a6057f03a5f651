package embedded

import (
	"bytes"
	"log/slog"
	"strings"
	"testing"
	"time"
)

// TestRepeatedLinesOfTheServer: nats-server says for each message that it could not be
// written; that is told once a minute.
func TestRepeatedLinesOfTheServer(t *testing.T) {
	var out bytes.Buffer
	now := time.Unix(1_700_000_000, 0)
	l := newServerLogger(slog.New(slog.NewTextHandler(&out, nil)))
	l.now = func() time.Time { return now }
	told := func() int { return strings.Count(out.String(), "\n") }
	for range 1000 {
		l.Errorf("failed to store a msg: %s", "no space left")
		l.Warnf("slow")
		l.Errorf("write error")
	}
	if told() != 3 {
		t.Errorf("%d lines are told, want 3:\n%s", told(), out.String())
	}
	if err := l.lastError(); err == nil || !strings.Contains(err.Error(), "write error") {
		t.Errorf("last error %v", err)
	}
	now = now.Add(time.Minute)
	l.Errorf("failed to store a msg: %s", "no space left")
	if told() != 4 || !strings.Contains(out.String(), "repeated=999") {
		t.Errorf("%d lines after a minute, want 4 with the number of those that were left out:\n%s", told(), out.String())
	}
	for i := range 10 * maxLoggedLines {
		l.Errorf("another %d", i)
	}
	if len(l.logged) > maxLoggedLines {
		t.Errorf("%d lines are remembered", len(l.logged))
	}
	if told() != 4+10*maxLoggedLines {
		t.Errorf("%d lines, want each that differs", told())
	}
}

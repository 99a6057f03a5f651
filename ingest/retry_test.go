package ingest

import (
	"context"
	"errors"
	"log/slog"
	"strconv"
	"testing"
	"time"
)

func TestReadingIsTakenUpAgain(t *testing.T) {
	// Where ctx is over, whatever waits says so.
	over, cancel := context.WithCancel(context.Background())
	cancel()
	r := retry{what: "read", logger: slog.New(slog.DiscardHandler), failed: func(error) {}, attempts: 7}
	if err := r.again(over, errInterrupted, true); err != nil || r.attempts != 0 {
		t.Errorf("an interruption after progress: %v, %d attempts", err, r.attempts)
	}
	if r.again(over, errInterrupted, false) == nil {
		t.Error("an interruption without progress does not wait")
	}
	r.attempts = 7
	if r.again(over, errors.New("fault"), false) == nil || r.attempts != 8 {
		t.Errorf("a fault: %d attempts", r.attempts)
	}
	if r.again(over, errors.New("fault"), true) == nil || r.attempts != 1 {
		t.Errorf("a fault after progress: %d attempts", r.attempts)
	}
}

func TestOnceAMinute(t *testing.T) {
	var said onceAMinute
	if !said.due() || said.due() {
		t.Error("not due at the first time alone")
	}
	said.last = time.Now().Add(-repeatLog)
	if !said.due() {
		t.Error("not due after a minute")
	}
	var each onceAMinuteEach
	for i := range 2 * maxTexts {
		text := strconv.Itoa(i)
		if !each.due(text) || each.due(text) {
			t.Errorf("text %d is not due at the first time alone", i)
		}
		if len(each.last) > maxTexts {
			t.Fatalf("%d texts are remembered", len(each.last))
		}
	}
}

// TestAppendsAreRepeatedSoon: a log that has a leader again, or room, takes what waits within half a second.
func TestAppendsAreRepeatedSoon(t *testing.T) {
	for attempt := range 100 {
		if d := appendDelay(attempt); d < 100*time.Millisecond || d > 500*time.Millisecond {
			t.Errorf("after attempt %d it takes %v", attempt, d)
		}
	}
}

package main

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"testing/synctest"
	"time"
)

func TestSchedule(t *testing.T) {
	now := time.Unix(1700000085, 0) // 1700000040 is the minute before
	for _, tc := range []struct {
		args        string
		first, last int64
		past, total int64
	}{
		{"-history 1m", 1700000040, 1700000040, 1, 1},
		{"-history 24h", 1700000040 - 1439*60, 1700000040, 1440, 1440},
		{"-history 90s", 1700000040, 1700000040, 1, 1},
		{"-history 1h -interval 10s", 1700000080 - 359*10, 1700000080, 360, 360},
		{"-history 1h -end 1600000001", 1600000001 - 59*60, 1600000001, 60, 60},
		{"-live -duration 1m", 1700000040, 1700000040, 0, 1},
		{"-live -duration 61s", 1700000040, 1700000100, 0, 2},
		{"-history 2m -live -duration 3m", 1699999980, 1700000220, 2, 5},
	} {
		t.Run(tc.args, func(t *testing.T) {
			o, err := parseOptions(strings.Fields(tc.args), nil)
			if err != nil {
				t.Fatal(err)
			}
			s := newSchedule(o, now)
			if s.past != tc.past || s.total != tc.total || s.at(0) != tc.first || s.at(s.total-1) != tc.last {
				t.Errorf("%d past and %d ticks from %d to %d, want %d, %d, %d, %d",
					s.past, s.total, s.at(0), s.at(s.total-1), tc.past, tc.total, tc.first, tc.last)
			}
		})
	}
}

// TestHistoryTimes reads the times off the lines themselves.
func TestHistoryTimes(t *testing.T) {
	got := runProgram(t.Context(), "-url", "-", "-clusters", "fritz", "-scopes", "node", "-hosts", "2",
		"-history", "3m", "-end", "1700000060", "-seed", "1")
	messages := strings.Split(strings.TrimSuffix(got.stdout, "\n\n"), "\n\n")
	if len(messages) != 6 {
		t.Fatalf("%d messages, want 6", len(messages))
	}
	for i, message := range messages {
		want := fmt.Sprintf(" %d", 1699999940+i/2*60)
		for line := range strings.Lines(message) {
			if line = strings.TrimSuffix(line, "\n"); !strings.HasSuffix(line, want) {
				t.Errorf("message %d: %q does not end with %q", i, line, want)
			}
		}
	}
}

// ticking counts messages by time stamp and notes when each was sent.
type ticking struct {
	times []time.Time
	first []string // a line of each message
}

func (*ticking) maxMessage() int { return maxPrinted }

func (k *ticking) send(_ context.Context, m message) error {
	k.times = append(k.times, time.Now())
	line, _, _ := strings.Cut(string(m.body), "\n")
	k.first = append(k.first, line)
	return nil
}

func (*ticking) flush(context.Context) error { return nil }
func (*ticking) close()                      {}

// TestLiveTimes runs on a clock that moves only when everybody waits.
func TestLiveTimes(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, r := newTestRun(t, "-clusters", "fritz", "-hosts", "1", "-scopes", "node", "-interval", "10s",
			"-history", "30s", "-live", "-duration", "40s")
		k := &ticking{}
		r.open = func(context.Context) (target, error) { return k, nil }
		began := time.Now()
		if err := r.send(t.Context()); err != nil {
			t.Fatal(err)
		}
		if len(k.times) != 3+4 {
			t.Fatalf("%d messages, want 7", len(k.times))
		}
		for i, at := range k.times {
			due := time.Unix(r.schedule.at(int64(i)), 0)
			if i < 3 {
				due = began // the past is due at once
			}
			if !at.Equal(due) {
				t.Errorf("message %d sent at %v, want %v", i, at, due)
			}
			if want := fmt.Sprintf(" %d", r.schedule.at(int64(i))); !strings.HasSuffix(k.first[i], want) {
				t.Errorf("message %d: %q does not end with %q", i, k.first[i], want)
			}
		}
	})
}

// TestLiveUntilInterrupted: without a duration only the signal ends the run, in order.
func TestLiveUntilInterrupted(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		ctx, cancel := context.WithTimeout(t.Context(), 95*time.Second)
		defer cancel()
		got := runProgram(ctx, "-url", "-", "-live", "-interval", "10s", "-clusters", "fritz", "-hosts", "3", "-scopes", "node")
		if messages := strings.Count(got.stdout, "\n\n"); got.status != exitAccepted || messages != 3*10 {
			t.Errorf("status %d, %d messages, want 0 and 30: %s", got.status, messages, got.stderr)
		}
		if !strings.Contains(got.stderr, "ticks         10 ticks") {
			t.Errorf("wrong summary: %s", got.stderr)
		}
		// A line every ten seconds of the 95 that the run took.
		if n := strings.Count(got.stderr, "samples/s\n"); n != 9 {
			t.Errorf("%d progress lines, want 9: %s", n, got.stderr)
		}
	})
}

// TestRate: 60 messages of 8 samples at 16 samples per second take 29.5 s until
// the last leaves.
func TestRate(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		_, r := newTestRun(t, "-clusters", "fritz", "-hosts", "1", "-scopes", "node", "-history", "1h", "-rate", "16")
		k := &ticking{}
		r.open = func(context.Context) (target, error) { return k, nil }
		began := time.Now()
		if err := r.send(t.Context()); err != nil {
			t.Fatal(err)
		}
		if took := time.Since(began); took != 29500*time.Millisecond {
			t.Errorf("took %v, want 29.5s", took)
		}
	})
}

// TestPacerForgetsLongPauses: a pause of a minute is made up for by one
// second's samples only.
func TestPacerForgetsLongPauses(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		p := &pacer{rate: 10}
		if err := p.wait(t.Context(), 1); err != nil {
			t.Fatal(err)
		}
		time.Sleep(time.Minute)
		began := time.Now()
		for range 31 {
			if err := p.wait(t.Context(), 1); err != nil {
				t.Fatal(err)
			}
		}
		if took := time.Since(began); took != 2*time.Second {
			t.Errorf("31 samples at 10 a second after a pause took %v, want 2s", took)
		}
	})
}

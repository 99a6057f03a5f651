package store

import (
	"errors"
	"testing"
	"time"
)

// TestStaleSeriesGoByTheClockOfTheStore: a series is stale when its newest slot ended
// more than five intervals ago, each by its own interval.
func TestStaleSeriesGoByTheClockOfTheStore(t *testing.T) {
	const begin = 1_700_000_000
	now := time.Unix(begin, 0)
	s := newStore(t, Config{Now: func() time.Time { return now }, Metrics: map[string]MetricConfig{"fast": {Frequency: 10}, "slow": {Frequency: 60}}})
	b := Batch{Cluster: "c", Host: "h", Parts: []Part{{}}}
	for _, name := range []string{"fast", "slow"} {
		id, ok := s.Metric([]byte(name))
		if !ok {
			t.Fatal(name)
		}
		b.Add(0, id, begin, 1)
	}
	s.Append(&b)
	for _, c := range []struct{ after, stale int }{{0, 0}, {60, 0}, {61, 1}, {360, 1}, {361, 2}} {
		now = time.Unix(begin+int64(c.after), 0)
		if n, err := s.StaleSeries(t.Context(), "c", "h"); n != c.stale || err != nil {
			t.Errorf("after %d s: %d are stale, want %d (%v)", c.after, n, c.stale, err)
		}
	}
	if _, err := s.StaleSeries(t.Context(), "c", "none"); err == nil {
		t.Error("a host that is not there has stale series")
	} else if _, ok := errors.AsType[*NotFoundError](err); !ok {
		t.Error(err)
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

const t0 = 1_700_000_000

func newStore(t testing.TB, cfg Config) *Store {
	t.Helper()
	if cfg.Metrics == nil {
		cfg.Metrics = equivalenceMetrics
	}
	s, err := New(cfg)
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// put stores one sample.
func put(t testing.TB, s *Store, host string, p Part, metric string, at int64, v float64) {
	t.Helper()
	id, ok := s.Metric([]byte(metric))
	if !ok {
		t.Fatalf("no metric %s", metric)
	}
	b := Batch{Cluster: "c", Host: host, Parts: []Part{p}, Names: []Name{{Metric: id}}, Samples: []Sample{{Time: at, Value: v}}}
	if n := s.Append(&b).Stored; n != 1 {
		t.Fatalf("stored %d of 1 sample", n)
	}
}

func TestNewReportsAllFaults(t *testing.T) {
	_, err := New(Config{
		Metrics:   map[string]MetricConfig{"a": {}, "b": {Frequency: -1}},
		Retention: -1, MemoryCap: 1, Stripes: 3, blockSlots: -1, MaxHosts: -1,
	})
	for _, want := range []string{`metric "a": frequency 0 s`, `metric "b"`, "retention", "memory cap", "3 stripes", "-1 slots", "-1 hosts"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "no metric") {
		t.Errorf("error %v", err)
	}
}

func TestQueryErrors(t *testing.T) {
	s := newStore(t, Config{})
	var unknown *UnknownMetricError
	if _, err := s.Query(&Query{Metric: "x"}); !errors.As(err, &unknown) || unknown.Metric != "x" {
		t.Errorf("unknown metric: %v", err)
	}
	if _, err := s.Query(&Query{Metric: "load", From: 2, To: 1}); !errors.Is(err, ErrInvalidTimeRange) {
		t.Errorf("from after to: %v", err)
	}
	var window *WindowError
	for _, q := range []Query{
		{From: 0, To: 9_000_000_000_000_000},
		{From: math.MinInt64, To: math.MaxInt64},
		{From: math.MaxInt64 - 1, To: math.MaxInt64},
		{From: math.MinInt64, To: math.MinInt64 + 1},
		{From: t0, To: t0 + 60*MaxCells},
		{From: t0, To: t0 + 60*(MaxQueryCells/100+1), Type: "hwthread", TypeIDs: make([]string, 100)},
	} {
		q.Metric = "load"
		if _, err := s.Query(&q); !errors.As(err, &window) {
			t.Errorf("window from %d to %d: %v", q.From, q.To, err)
		}
	}
	put(t, s, "h", Part{}, "load", t0, 1)
	rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", From: t0, To: t0 + 60*MaxCells - 60})
	if err != nil || len(rows) != 1 || len(rows[0].Values) != MaxCells-1 {
		t.Errorf("longest window: %v", err)
	}
}

func TestAppendRefusesWhatIsNoSample(t *testing.T) {
	s := newStore(t, Config{})
	b := Batch{Cluster: "c", Host: "h", Parts: []Part{{}}}
	for _, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		b.Add(0, 0, t0, v)
	}
	for _, at := range []int64{math.MinInt64, -MaxTime - 1, MaxTime + 1, math.MaxInt64} {
		b.Add(0, 0, at, 1)
	}
	if n := s.Append(&b).Stored; n != 0 {
		t.Errorf("stored %d samples", n)
	}
	if st := s.Stats(); st.Hosts != 0 || st.Bytes != 0 {
		t.Errorf("something is held: %+v", st)
	}
	b.Samples = []Sample{{Time: -MaxTime, Value: 1}, {Time: MaxTime, Value: 2}}
	if n := s.Append(&b).Stored; n != 2 {
		t.Errorf("stored %d samples at the ends of time", n)
	}
}

// TestAppendKeepsNothingOfTheBatch overwrites the memory of a batch as its
// owner may.
func TestAppendKeepsNothingOfTheBatch(t *testing.T) {
	s := newStore(t, Config{})
	load, _ := s.Metric([]byte("load"))
	b := Batch{Cluster: "c", Host: "h", Parts: []Part{{Type: "core", ID: "1"}}, Names: []Name{{Metric: load}}, Samples: []Sample{{Time: t0, Value: 1}}}
	s.Append(&b)
	b.Host, b.Parts[0], b.Samples[0] = "other", Part{Type: "x"}, Sample{}
	rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", From: t0, To: t0 + 60, Type: "core", TypeIDs: []string{"1"}})
	if err != nil || len(rows) != 1 || rows[0].Values[0] != 1 {
		t.Errorf("answer %v, %v", rows, err)
	}
}

func TestStatistics(t *testing.T) {
	s := newStore(t, Config{})
	for i, v := range []float64{1, 2, 6} {
		put(t, s, "h", Part{}, "load", t0+int64(i)*120, v) // gaps between
	}
	q := Query{Cluster: "c", Host: "h", Metric: "load", From: t0, To: t0 + 300, Scale: 2}
	rows, err := s.Query(&q)
	if err != nil {
		t.Fatal(err)
	}
	if r := rows[0]; r.Avg != 6 || r.Min != 2 || r.Max != 12 {
		t.Errorf("scaled statistics %v %v %v", r.Avg, r.Min, r.Max)
	}
	q.From, q.To = t0+60, t0+120 // a gap alone
	if rows, _ = s.Query(&q); !math.IsNaN(rows[0].Avg) || !math.IsNaN(rows[0].Min) || !math.IsNaN(rows[0].Max) {
		t.Errorf("statistics of nothing: %+v", rows[0])
	}
	q.NoStats, q.NoData = true, true
	if rows, _ = s.Query(&q); rows[0].Avg != 0 || rows[0].Values != nil {
		t.Errorf("neither statistics nor data: %+v", rows[0])
	}
}

func TestOverflowIsAGap(t *testing.T) {
	s := newStore(t, Config{})
	for _, id := range []string{"0", "1"} {
		put(t, s, "h", Part{Type: "core", ID: id}, "flops", t0, math.MaxFloat64)
	}
	rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "flops", From: t0, To: t0 + 60})
	if err != nil || !math.IsNaN(rows[0].Values[0]) || !math.IsNaN(rows[0].Avg) {
		t.Errorf("sum that overflows: %+v, %v", rows, err)
	}
}

func TestHealth(t *testing.T) {
	now := time.Unix(t0, 0)
	s := newStore(t, Config{Now: func() time.Time { return now }})
	put(t, s, "h", Part{}, "load", t0-330, 1) // ends 5 intervals ago
	put(t, s, "h", Part{Type: "core", ID: "0"}, "flops", t0, 1)
	put(t, s, "h", Part{Type: "core", ID: "1"}, "flops", t0-600, 1)
	put(t, s, "h", Part{}, "clock", t0-600, 1)
	metrics := []string{"load", "flops", "clock", "temp", "no_such"}
	h, ok := s.Health("c", "h", metrics)
	if !ok || h.Healthy != 1 || !slices.Equal(h.Degraded, []string{"flops", "clock"}) || !slices.Equal(h.Missing, []string{"temp", "no_such"}) {
		t.Errorf("health %+v", h)
	}
	now = now.Add(time.Minute)
	if h, _ = s.Health("c", "h", metrics); h.Healthy != 0 {
		t.Errorf("health a minute later %+v", h)
	}
	if _, ok = s.Health("c", "nobody", metrics); ok {
		t.Error("an unknown host has a health")
	}
}

func TestDump(t *testing.T) {
	s := newStore(t, Config{blockSlots: 4})
	put(t, s, "h", Part{}, "load", t0, 1)
	put(t, s, "h", Part{}, "load", t0+120, 1)
	put(t, s, "h", Part{}, "load", t0+240, 1) // the next block
	put(t, s, "h", Part{Type: "socket", ID: "0", Subtype: "disk", SubID: "a"}, "flops", t0, 1)
	dump := func(selector ...string) (lines []string, err error) {
		err = s.Dump(t.Context(), selector, func(d *Dumped) error {
			lines = append(lines, fmt.Sprint(strings.Join(d.Path, ":"), " ", d.Metric, " ", d.Buffers))
			return nil
		})
		return lines, err
	}
	load := fmt.Sprint("c:h load ", []Buffer{{t0, 3, t0 + 180}, {t0 + 240, 1, t0 + 300}})
	flops := fmt.Sprint("c:h:socket0:diska flops ", []Buffer{{t0, 1, t0 + 60}})
	for selector, want := range map[string][]string{
		"": {load, flops}, "c": {load, flops}, "c:h": {load, flops}, "c:h:socket0": {flops}, "c:h:socket0:diska": {flops},
	} {
		path := strings.FieldsFunc(selector, func(r rune) bool { return r == ':' })
		if got, err := dump(path...); !slices.Equal(got, want) || err != nil {
			t.Errorf("%q: %q, %v, want %q", selector, got, err, want)
		}
	}
	var missing *NotFoundError
	if _, err := dump("nowhere", "x"); !errors.As(err, &missing) || err.Error() != `[METRICSTORE]> not found: []string{"nowhere", "x"}` {
		t.Errorf("error %v", err)
	}
}

func TestRetain(t *testing.T) {
	now := time.Unix(t0, 0)
	s := newStore(t, Config{Retention: time.Hour, blockSlots: 2, Now: func() time.Time { return now }})
	for i := range int64(120) {
		put(t, s, "h", Part{}, "load", t0-i*60, float64(i))
	}
	put(t, s, "old", Part{}, "load", t0-86400*365, 1)
	s.retain(s.cfg.Now())
	rows, _ := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", From: t0 - 7200, To: t0 + 60, Unpadded: true})
	if n := len(rows[0].Values); n < 60 || n > 64 {
		t.Errorf("%d samples after a retention of an hour", n)
	}
	if hosts := s.Hosts("c"); !slices.Equal(hosts, []string{"h"}) {
		t.Errorf("hosts %v", hosts)
	}
}

func TestHostsInUseOutliveTheRetention(t *testing.T) {
	t.Parallel()
	var mu sync.Mutex
	now := time.Unix(t0, 0)
	clock := func() time.Time { mu.Lock(); defer mu.Unlock(); return now }
	answers := make(chan error)
	s := newStore(t, Config{Retention: 2 * time.Second, Now: clock, blockSlots: 1,
		InUse: func(_ context.Context, before time.Time) (map[string]map[string]bool, error) {
			if want := clock().Add(-2 * time.Second); !before.Equal(want) {
				t.Errorf("asked for jobs before %v, want %v", before, want)
			}
			return map[string]map[string]bool{"c": {"busy": true}}, <-answers
		}})
	for _, host := range []string{"busy", "idle"} {
		put(t, s, host, Part{}, "temp", t0-3600, 1)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- s.Run(ctx) }()
	answers <- errors.New("out of order") // nothing is dropped
	answers <- errors.New("out of order")
	if hosts := s.Hosts("c"); len(hosts) != 2 {
		t.Errorf("hosts %v", hosts)
	}
	answers <- nil
	for len(s.Hosts("c")) == 2 {
		time.Sleep(time.Millisecond)
	}
	if hosts := s.Hosts("c"); !slices.Equal(hosts, []string{"busy"}) {
		t.Errorf("hosts %v", hosts)
	}
	// The backend is gone for longer than the retention: that goes on, with
	// what was known last.
	mu.Lock()
	now = now.Add(time.Hour)
	mu.Unlock()
	put(t, s, "later", Part{}, "temp", t0-3600, 1)
	answers <- errors.New("out of order")
	for len(s.Hosts("c")) == 2 {
		time.Sleep(time.Millisecond)
	}
	cancel()
	if err := <-done; err != nil {
		t.Error(err)
	}
	if hosts := s.Hosts("c"); !slices.Equal(hosts, []string{"busy"}) {
		t.Errorf("hosts %v", hosts)
	}
}

// TestConcurrentUse is for the race detector.
func TestConcurrentUse(t *testing.T) {
	s := newStore(t, Config{Stripes: 2, blockSlots: 4, MaxSeries: 1000, MemoryCap: 1 << 20})
	var wg sync.WaitGroup
	for w := range 4 {
		wg.Go(func() {
			for i := range int64(200) {
				put(t, s, "h", Part{Type: "core", ID: string(rune('0' + w))}, "flops", t0+i*60, 1)
				if _, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "flops", From: t0, To: t0 + 12000}); err != nil {
					t.Error(err)
				}
				switch i % 50 {
				case 10:
					s.Free([][]string{{"c", "h"}}, t0+i*30, Entry{})
				case 20:
					s.Stats()
				case 30:
					s.Hosts("c")
				case 40:
					_ = s.Dump(t.Context(), nil, func(*Dumped) error { return nil })
					s.Health("c", "h", []string{"flops"})
				}
			}
		})
	}
	wg.Wait()
}

// TestRetentionPassesAreTheSameEverywhere: whenever two stores were started, they drop at the same
// times, and the same.
func TestRetentionPassesAreTheSameEverywhere(t *testing.T) {
	const interval = 30 * time.Minute
	var passes []time.Time
	for _, begun := range []time.Duration{0, time.Second, 29*time.Minute + 59*time.Second, interval - 1} {
		now := time.Unix(t0-t0%1800, 0).Add(begun)
		passes = append(passes, lastPass(now, interval))
		if next := lastPass(now.Add(interval), interval); next.Sub(passes[0]) != interval {
			t.Errorf("begun %v after a pass: the next one is %v later", begun, next.Sub(passes[0]))
		}
	}
	for _, pass := range passes {
		if !pass.Equal(passes[0]) || pass.Unix()%1800 != 0 {
			t.Errorf("passes %v", passes)
		}
	}
	answers := func(begun time.Duration) []float64 {
		now := time.Unix(t0-t0%1800, 0).Add(begun)
		s := newStore(t, Config{Retention: time.Hour, blockSlots: 2, Now: func() time.Time { return now }})
		for i := range int64(200) {
			put(t, s, "h", Part{}, "load", t0-i*60, float64(i))
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- s.Run(ctx) }()
		for s.Stats().Freed == 0 {
			time.Sleep(time.Millisecond)
		}
		cancel()
		if err := <-done; err != nil {
			t.Error(err)
		}
		rows, _ := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", From: t0 - 12000, To: t0 + 60, Unpadded: true})
		return rows[0].Values
	}
	if a, b := answers(time.Minute), answers(25*time.Minute); !slices.Equal(a, b) {
		t.Errorf("started 24 minutes later, it holds %d samples and not %d", len(b), len(a))
	}
}

package store

import (
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"
)

// newAny returns a store that takes every metric, up to a limit.
func newAny(t *testing.T, limit int) *Store {
	t.Helper()
	s, err := New(Config{
		Metrics: map[string]MetricConfig{"load": {Frequency: 60}}, Stripes: 1, Retention: time.Hour,
		AnyMetric: &MetricConfig{Frequency: 10, Aggregation: AggregateSum}, MaxMetrics: limit,
		Now: func() time.Time { return time.Unix(1_700_010_000, 0) },
	})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// admit gives a number to a metric.
func admit(s *Store, name string) (MetricID, Admission) {
	if id, ok := s.Metric([]byte(name)); ok {
		return id, Admitted
	}
	return s.Admit(0, "alex", "a", []byte(name))
}

func putAny(t *testing.T, s *Store, name string, at int64) {
	t.Helper()
	id, how := admit(s, name)
	if how != Admitted {
		t.Fatalf("%s: %v", name, how)
	}
	b := Batch{Cluster: "alex", Host: "a", Parts: []Part{{Type: "core", ID: "0"}, {Type: "core", ID: "1"}},
		Names: []Name{{0, id}, {1, id}}, Samples: []Sample{{Time: at, Value: 1}, {Time: at, Value: 2, Name: 1}}}
	if done := s.Append(&b); done.Stored != 2 {
		t.Fatalf("%s: %+v", name, done)
	}
}

// TestAnyMetric stores a metric that is not configured, and answers one that nobody has
// sent.
func TestAnyMetric(t *testing.T) {
	s := newAny(t, 10)
	putAny(t, s, "iostat read", 1_700_000_000)
	expectSeries(t, s, &Query{Cluster: "alex", Host: "a", Metric: "iostat read", From: 1_700_000_000, To: 1_700_000_010},
		[]Series{{From: 1_700_000_000, To: 1_700_000_010, Resolution: 10, Values: []float64{3}, Avg: 3, Min: 3, Max: 3}})
	expectSeries(t, s, &Query{Cluster: "alex", Host: "a", Metric: "never seen", From: 0, To: 10}, nil)
	if h, _ := s.Health("alex", "a", []string{"never seen"}); !slices.Equal(h.Missing, []string{"never seen"}) {
		t.Errorf("health %+v", h)
	}
	if _, err := s.Query(&Query{Cluster: "alex", Host: "a", Metric: "never seen", From: 0, To: 10 << 20}); err == nil {
		t.Error("a window of too many cells is answered")
	}
}

// TestMetricNames refuses names that not every answer can hold.
func TestMetricNames(t *testing.T) {
	s := newAny(t, 10)
	for _, name := range []string{"", "\xff", "a\x00", "a\nb", "a\x7f", strings.Repeat("n", maxMetricName+1)} {
		if _, how := admit(s, name); how != NotConfigured {
			t.Errorf("%q: %v", name, how)
		}
	}
	for _, name := range []string{"*", "ä ö", strings.Repeat("n", maxMetricName)} {
		if _, how := admit(s, name); how != Admitted {
			t.Errorf("%q: %v", name, how)
		}
	}
}

// TestMaxMetrics sends more names than there may be: further ones are refused and
// counted, and taken when the others have gone.
func TestMaxMetrics(t *testing.T) {
	s := newAny(t, 3)
	for i := range 3 {
		putAny(t, s, fmt.Sprint("m", i), 1_700_000_000)
	}
	for range 2 {
		if _, how := admit(s, "one more"); how != OverMetrics {
			t.Fatal(how)
		}
	}
	if _, how := admit(s, "load"); how != Admitted {
		t.Error("a configured metric is refused")
	}
	putAny(t, s, "m1", 1_700_000_010)
	if r := s.Stats().Refused; !slices.Equal(r, []Refused{{limitMetrics, "alex", "a", 2}}) {
		t.Errorf("refused %+v", r)
	}
	s.retain(s.cfg.Now())
	for i := range 3 {
		putAny(t, s, fmt.Sprint("later", i), 1_700_009_000)
	}
	if _, how := admit(s, "m0"); how != OverMetrics {
		t.Error("a name that has gone has not given its place back")
	}
	expectSeries(t, s, &Query{Cluster: "alex", Host: "a", Metric: "m0", From: 0, To: 10}, nil)
	for i := range 3 { // it holds samples: it has its place
		if _, how := admit(s, fmt.Sprint("later", i)); how != Admitted {
			t.Error(how)
		}
	}
}

// TestManyMetricNames invents names until there are no numbers left: configured metrics
// are stored on.
func TestManyMetricNames(t *testing.T) {
	s := newAny(t, maxMetrics)
	admitted := 0
	for i := range maxMetrics + 1000 {
		if _, how := admit(s, fmt.Sprint("m", i)); how == Admitted {
			admitted++
		}
	}
	if admitted != maxMetrics-1 {
		t.Errorf("%d names are admitted", admitted)
	}
	putAny(t, s, "load", 1_700_000_000)
}

// TestAnyMetricRestarts keeps such metrics in checkpoints, and what was stored of one when
// it is configured by name.
func TestAnyMetricRestarts(t *testing.T) {
	r := newRuns(t, 1, 16)
	other := &MetricConfig{Frequency: 10, Aggregation: AggregateSum}
	load := map[string]MetricConfig{"load": {Frequency: 60}}
	r.start(load, other)
	r.send("a", Part{}, "new", 1, 10, 20, 30)
	q := &Query{Cluster: "alex", Host: "a", Metric: "new", From: 10, To: 40, NoStats: true}
	want := []Series{{From: 10, To: 40, Resolution: 10, Values: count(1, 3)}}
	expectSeries(t, r.store, q, want)
	for range 3 {
		r.stop()
		r.start(load, other)
		expectSeries(t, r.store, q, want)
	}
	r.start(map[string]MetricConfig{"new": {Frequency: 60}}, nil)
	expectSeries(t, r.store, q, want)
	r.start(load, nil)
	if _, err := r.store.Query(q); err == nil {
		t.Error("a metric that is not configured is answered")
	}
	r.start(nil, other)
	expectSeries(t, r.store, q, want)
}

func TestAnyMetricConfig(t *testing.T) {
	_, err := New(Config{AnyMetric: &MetricConfig{}, MaxMetrics: -1})
	if err == nil || !strings.Contains(err.Error(), "not named: frequency 0 s") || !strings.Contains(err.Error(), "limit of -1 metrics") {
		t.Error(err)
	}
	if _, err := New(Config{AnyMetric: &MetricConfig{Frequency: 60}}); err != nil {
		t.Error(err)
	}
	if _, err := New(Config{}); err == nil || !strings.Contains(err.Error(), "no metric") {
		t.Error(err)
	}
}

// TestNamesBetweenHosts has a new metric for all hosts each time one was copied for a
// checkpoint, which holds them.
func TestNamesBetweenHosts(t *testing.T) {
	r := newRuns(t, 1, 16)
	r.start(nil, &MetricConfig{Frequency: 10})
	const hosts = 20
	var mu sync.Mutex
	names := 0
	everywhere := func() {
		mu.Lock()
		defer mu.Unlock()
		for h := range hosts {
			r.send(fmt.Sprint("h", h), Part{}, fmt.Sprint("m", names), 1, 10)
		}
		names++
	}
	everywhere()
	r.store.testHooks.onCopy = everywhere
	if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
		t.Fatal(err)
	}
	r.start(nil, &MetricConfig{Frequency: 10})
	for h := range hosts {
		for i := range names {
			q := &Query{Cluster: "alex", Host: fmt.Sprint("h", h), Metric: fmt.Sprint("m", i), From: 10, To: 20, NoStats: true}
			expectSeries(t, r.store, q, []Series{{From: 10, To: 20, Resolution: 10, Values: []float64{1}}})
		}
	}
}

// TestAnyMetricMeanwhile has hosts send new metrics while checkpoints are written and
// queries are answered: all are there after a restart.
func TestAnyMetricMeanwhile(t *testing.T) {
	r := newRuns(t, 1, 16)
	r.start(nil, &MetricConfig{Frequency: 10})
	const hosts, metrics = 8, 300
	var senders sync.WaitGroup
	for h := range hosts {
		senders.Go(func() {
			host := fmt.Sprint("h", h)
			for i := range metrics {
				name := fmt.Sprintf("m%d", (i+h*40)%metrics)
				id, how := admit(r.store, name)
				if how != Admitted {
					t.Errorf("%s: %v", name, how)
					return
				}
				b := Batch{Cluster: "alex", Host: host, Parts: []Part{{}}, Names: []Name{{Metric: id}}, Samples: []Sample{{Time: 10, Value: float64(i)}}}
				if done := r.store.Append(&b); done.Stored != 1 {
					t.Errorf("%s: %+v", name, done)
				}
				if got, err := r.store.Query(&Query{Cluster: "alex", Host: host, Metric: name, From: 10, To: 20}); err != nil || len(got) != 1 {
					t.Errorf("%s: %v, %v", name, got, err)
				}
			}
		})
	}
	done := make(chan struct{})
	go func() {
		defer close(done)
		senders.Wait()
	}()
	for sent := false; !sent; {
		select {
		case <-done:
			sent = true
		default:
		}
		if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
			t.Fatal(err)
		}
	}
	r.start(nil, &MetricConfig{Frequency: 10})
	for h := range hosts {
		for i := range metrics {
			q := &Query{Cluster: "alex", Host: fmt.Sprint("h", h), Metric: fmt.Sprintf("m%d", (i+h*40)%metrics), From: 10, To: 20, NoStats: true}
			expectSeries(t, r.store, q, []Series{{From: 10, To: 20, Resolution: 10, Values: []float64{float64(i)}}})
		}
	}
}

// TestMetricNumbersRunOut: names come and go until there is no number for another one,
// although few are in use. What helps is said, and those that are known stay.
func TestMetricNumbersRunOut(t *testing.T) {
	var log strings.Builder
	s := newAny(t, 10_000)
	s.cfg.Logger = slog.New(slog.NewTextHandler(&log, nil))
	how, n := Admitted, 0
	for ; how == Admitted && n < 2*maxMetrics; n++ {
		if n%10_000 == 0 {
			s.retain(s.cfg.Now())
		}
		_, how = admit(s, fmt.Sprint("job", n))
	}
	if how != OverMetrics || !strings.Contains(log.String(), "start it anew") {
		t.Errorf("after %d names: %v, and it is said: %s", n, how, log.String())
	}
	putAny(t, s, "job1", 1_700_009_000)
	if _, ok := s.Metric([]byte("load")); !ok {
		t.Error("a configured metric is not known any more")
	}
}

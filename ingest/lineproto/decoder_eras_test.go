package lineproto

import (
	"fmt"
	"testing"
	"time"

	"cc-metric-store/store"
)

// eraStore returns a store that was configured otherwise until entryTime.
func eraStore(t *testing.T, before, now store.Config) *store.Store {
	t.Helper()
	dir := t.TempDir()
	var s *store.Store
	for _, cfg := range []store.Config{before, now} {
		cfg.Now = func() time.Time { return entryTime }
		var err error
		if s, err = store.New(cfg); err != nil {
			t.Fatal(err)
		}
		c, err := store.OpenCheckpoints(s, store.CheckpointConfig{Directory: dir})
		if err != nil {
			t.Fatal(err)
		}
		if _, err := c.Load(t.Context()); err != nil {
			t.Fatal(err)
		}
		c.Close()
	}
	return s
}

// applyAt decodes an entry of a time and stores it.
func applyAt(t *testing.T, s *store.Store, d *Decoder, c *SeriesCache, at time.Time, lines string) *Decoded {
	t.Helper()
	var out Decoded
	d.Decode([]byte(lines), "dc", at, &out)
	learnAll(s, c, &out)
	return &out
}

// TestErasAreToldApart reads the same lines of two eras in turn, again and again: each
// counts at the interval of its own, also when its key is known.
func TestErasAreToldApart(t *testing.T) {
	s := eraStore(t,
		store.Config{Metrics: map[string]store.MetricConfig{"load": {Frequency: 60}, "gone": {Frequency: 60}}},
		store.Config{Metrics: map[string]store.MetricConfig{"load": {Frequency: 10}, "gone": {Frequency: 60}, "new": {Frequency: 60}}})
	c := NewSeriesCache()
	d := NewDecoder(s, c, time.Hour)
	old, now := entryTime.Add(-time.Hour), entryTime.Add(time.Hour)
	for i := range int64(5) {
		at := entryTime.Unix() - 1800 + 60*i
		lines := fmt.Sprintf("load,hostname=a value=%d %d\ngone,hostname=a value=1 %d\nnew,hostname=a value=1 %d\n", i, at, at, at)
		if out := applyAt(t, s, d, c, old, lines); out.Samples != 2 || out.Counts[UnknownMetric] != 1 {
			t.Errorf("of the era before: %d samples, %d unknown", out.Samples, out.Counts[UnknownMetric])
		}
		at = entryTime.Unix() + 10*i
		lines = fmt.Sprintf("load,hostname=a value=%d %d\nnew,hostname=a value=1 %d\n", 100+i, at, at)
		if out := applyAt(t, s, d, c, now, lines); out.Samples != 2 {
			t.Errorf("of the present era: %d samples", out.Samples)
		}
	}
	for _, want := range []store.Series{
		{From: entryTime.Unix() - 1800, Resolution: 60, Values: []float64{0, 1, 2, 3, 4}},
		{From: entryTime.Unix(), Resolution: 10, Values: []float64{100, 101, 102, 103, 104}},
	} {
		q := &store.Query{Cluster: "dc", Host: "a", Metric: "load", From: want.From, To: want.From + 5*want.Resolution}
		got, err := s.Query(q)
		if err != nil || len(got) != 1 || got[0].Resolution != want.Resolution || fmt.Sprint(got[0].Values) != fmt.Sprint(want.Values) {
			t.Errorf("%+v, %v, want %+v", got, err, want)
		}
	}
}

// TestAnyMetric stores lines of metrics that are not configured, but not those that are
// faulty or somebody else's; beyond the limit the writer is told.
func TestAnyMetric(t *testing.T) {
	s, err := store.New(store.Config{AnyMetric: &store.MetricConfig{Frequency: 60}, MaxMetrics: 2})
	if err != nil {
		t.Fatal(err)
	}
	c := NewSeriesCache()
	d := NewDecoder(s, c, time.Hour)
	for range 3 {
		out := applyAt(t, s, d, c, entryTime, "first,hostname=a value=1\njob,hostname=a event=\"json\"\nbad1,hostname=a value=\nbad2,hostname=a/b value=1\n"+
			"bad3,hostname=a value=1 1790000000\nbad4,hostname=a other=1\n\xff,hostname=a value=1\nsecond,hostname=b value=2\nthird,hostname=a value=3\n")
		if out.Samples != 2 || out.OverMetrics != 1 || out.Counts[Foreign] != 1 || out.Counts[NoNumber] != 1 || out.FaultyLines() != 4 {
			t.Fatalf("%d samples, %d over, counts %v", out.Samples, out.OverMetrics, out.Counts)
		}
	}
	for metric, host := range map[string]string{"first": "a", "second": "b"} {
		got, err := s.Query(&store.Query{Cluster: "dc", Host: host, Metric: metric, From: entryTime.Unix(), To: entryTime.Unix() + 60})
		if err != nil || len(got) != 1 {
			t.Errorf("%s: %+v, %v", metric, got, err)
		}
	}
}

// TestAMetricThatIsConfiguredSinceIsNotUnknown: an operator who has configured what he
// was told of is not told of it again by a replay.
func TestAMetricThatIsConfiguredSinceIsNotUnknown(t *testing.T) {
	load := map[string]store.MetricConfig{"load": {Frequency: 60}}
	both := map[string]store.MetricConfig{"load": {Frequency: 60}, "new": {Frequency: 60}}
	for name, now := range map[string]store.Config{"by name": {Metrics: both}, "any": {Metrics: load, AnyMetric: &store.MetricConfig{Frequency: 60}}} {
		s := eraStore(t, store.Config{Metrics: load}, now)
		c := NewSeriesCache()
		d := NewDecoder(s, c, time.Hour)
		for range 3 {
			out := applyAt(t, s, d, c, entryTime.Add(-time.Hour), "load,hostname=a value=1\nnew,hostname=a value=1\n\xff,hostname=a value=1\n")
			if out.Samples != 1 || out.Counts[UnknownMetric] != 1 || len(out.Unknown) != 0 {
				t.Errorf("%s: %d samples, counts %v, told of %+v", name, out.Samples, out.Counts, out.Unknown)
			}
		}
	}
}

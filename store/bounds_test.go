package store

import (
	"context"
	"errors"
	"fmt"
	"math"
	"slices"
	"strings"
	"testing"
)

// repeated returns n times the name.
func repeated(n int, name string) []string {
	return strings.Split(strings.Repeat(name+",", n-1)+name, ",")
}

func TestCheckBoundsTheSeriesOfAQuery(t *testing.T) {
	s := newStore(t, Config{})
	ids := func(types, subtypes int) *Query {
		return &Query{Cluster: "c", Host: "h", Metric: "flops", Type: "core", TypeIDs: repeated(types, ""), Subtype: "x", SubtypeIDs: repeated(subtypes, "")}
	}
	for _, c := range []struct {
		name    string
		query   *Query
		refused bool
	}{
		{"an empty window", ids(3000, 3000), true},
		{"aggregated", &Query{Metric: "flops", Type: "core", TypeIDs: repeated(3000, ""), Subtype: "x", SubtypeIDs: repeated(3000, ""), Aggregate: true}, true},
		{"a metric that is not configured", &Query{Metric: "none", Type: "core", TypeIDs: repeated(MaxQuerySeries+1, "")}, true},
		{"type ids alone", &Query{Metric: "flops", Type: "core", TypeIDs: repeated(MaxQuerySeries+1, "0")}, true},
		{"a product beyond 64 bits of cells", &Query{Metric: "flops", Type: "core", TypeIDs: repeated(1<<22, ""), Subtype: "x", SubtypeIDs: repeated(1<<22, ""), To: 60 * (MaxCells - 1)}, true},
		{"as many as are possible", ids(256, 256), false},
		{"a part with many hardware threads", &Query{Metric: "flops", Type: "core", TypeIDs: repeated(1024, "0"), To: 3600}, false},
		{"no ids", &Query{Metric: "flops", Type: "core", To: 3600}, false},
	} {
		var many *SeriesError
		if _, err := s.Cost(c.query); errors.As(err, &many) != c.refused {
			t.Errorf("%s: %v", c.name, err)
		} else if c.refused && !strings.Contains(err.Error(), "65536") {
			t.Errorf("%s: %v does not name the limit", c.name, err)
		}
	}
}

// TestARepeatedIDIsLookedUpOnce asks for one part with many second levels as often
// as one query may: its columns are found once, and what is too much to be touched is
// refused before it is gathered.
func TestARepeatedIDIsLookedUpOnce(t *testing.T) {
	s := newStore(t, Config{})
	const below = 2000
	for i := range below {
		put(t, s, "h", Part{"core", "0", "x", fmt.Sprint(i)}, "flops", t0, 1)
	}
	q := &Query{Cluster: "c", Host: "h", Metric: "flops", Type: "core", TypeIDs: repeated(MaxQuerySeries, "0"), From: t0, To: t0 + 60}
	for _, from := range []int64{t0, t0 + 100_000} { // with a block, and without
		for _, aggregate := range []bool{false, true} {
			q.From, q.To, q.Aggregate = from, from+60, aggregate
			var runs *RunsError
			if _, err := s.Query(q); !errors.As(err, &runs) {
				t.Errorf("from %d, aggregated %v: %v", from, aggregate, err)
			}
		}
	}
	q.From, q.To, q.TypeIDs = t0, t0+60, []string{"0", "0"}
	rows, err := s.Query(q)
	if err != nil || len(rows) != 1 || rows[0].Values[0] != 2*below {
		t.Errorf("the same id twice is counted twice: %v, %v", rows, err)
	}
}

func TestQueryEachStops(t *testing.T) {
	s := newStore(t, Config{})
	put(t, s, "h", Part{Type: "core", ID: "0"}, "flops", t0, 1)
	stop := errors.New("stop")
	n := 0
	err := s.QueryEach(t.Context(), &Query{Cluster: "c", Host: "h", Metric: "flops", Type: "core", TypeIDs: repeated(10, "0"), From: t0, To: t0 + 60}, func(*Series) error {
		n++
		return stop
	})
	if n != 1 || !errors.Is(err, stop) {
		t.Errorf("%d series, %v", n, err)
	}
}

// TestQueryEachStopsWithItsClient ends ctx before the first series, and after it.
func TestQueryEachStopsWithItsClient(t *testing.T) {
	s := newStore(t, Config{})
	put(t, s, "h", Part{Type: "core", ID: "0"}, "flops", t0, 1)
	put(t, s, "h", Part{Type: "core", ID: "0"}, "load", t0, 1)
	for _, metric := range []string{"flops", "load"} {
		q := &Query{Cluster: "c", Host: "h", Metric: metric, Type: "core", TypeIDs: repeated(10, "0"), From: t0, To: t0 + 60}
		for _, after := range []int{0, 1} {
			ctx, cancel := context.WithCancel(t.Context())
			if after == 0 {
				cancel()
			}
			n := 0
			err := s.QueryEach(ctx, q, func(*Series) error {
				n++
				cancel()
				return nil
			})
			cancel()
			if n != after || !errors.Is(err, context.Canceled) {
				t.Errorf("%s: %d series, %v, want %d", metric, n, err, after)
			}
		}
	}
}

// TestMergeStopsWithItsClient asks for a window in which samples have two intervals.
func TestMergeStopsWithItsClient(t *testing.T) {
	r := newRuns(t, 1, 16)
	r.start(map[string]MetricConfig{"load": {Frequency: 60}}, nil)
	r.send("a", Part{}, "load", 1, t0)
	r.start(map[string]MetricConfig{"load": {Frequency: 20}}, nil)
	r.send("a", Part{}, "load", 2, t0+60)
	q := &Query{Cluster: "alex", Host: "a", Metric: "load", From: t0, To: t0 + 120}
	ctx, cancel := context.WithCancel(t.Context())
	n := 0
	count := func(*Series) error {
		n++
		return nil
	}
	if err := r.store.QueryEach(ctx, q, count); err != nil || n != 1 {
		t.Fatalf("%d series, %v", n, err)
	}
	cancel()
	if err := r.store.QueryEach(ctx, q, count); !errors.Is(err, context.Canceled) || n != 1 {
		t.Errorf("%d series, %v", n, err)
	}
}

func TestCompactSelectors(t *testing.T) {
	for _, c := range []struct{ in, want string }{
		{"", ""},
		{"|", "|"},
		{"a|a|a", "a"},
		{"a:b|a:c|a:b", "a:b|a:c"},
		{"a:b|a|c:d:e", "a|c:d:e"},
		{"a|a:b", "a"},
		{"z|a:b:c:d|y", "a:b:c:d|y|z"},
		{"a||b", "|"},
	} {
		var in [][]string
		if c.in != "" {
			for part := range strings.SplitSeq(c.in, "|") {
				in = append(in, strings.FieldsFunc(part, func(r rune) bool { return r == ':' }))
			}
		}
		if c.in == "|" {
			in = [][]string{{}, {}}
		}
		var out []string
		compact := CompactSelectors(in)
		for _, s := range compact {
			out = append(out, strings.Join(s, ":"))
		}
		want := strings.Split(c.want, "|")
		switch c.want {
		case "":
			want = nil
		case "|":
			want = []string{""}
		}
		if !slices.Equal(out, want) || slices.ContainsFunc(compact, func(s []string) bool { return s == nil }) {
			t.Errorf("%q: %q, want %q", c.in, out, want)
		}
	}
}

// TestFreePassesOnceOverTheHosts frees with a great many selectors of all kinds, of
// which most are repeated or unknown, and takes no memory for them.
func TestFreePassesOnceOverTheHosts(t *testing.T) {
	s := newStore(t, Config{})
	for h := range 200 {
		for i := range 20 {
			put(t, s, fmt.Sprint(h), Part{Type: "core", ID: fmt.Sprint(i)}, "flops", t0, 1)
		}
	}
	selectors := [][]string{{"c", "7", "core3"}, {"c", "8"}}
	for range 200_000 {
		selectors = append(selectors, []string{"c", "7", "core3"}, []string{"none"}, []string{"c", "none"}, []string{"c", "7", "none"})
	}
	if n := s.Free(selectors, t0, Entry{}); n != 0 {
		t.Errorf("%d buffers end before their first sample", n)
	}
	if n := s.Free(selectors, math.MaxInt64, Entry{}); n != 21 {
		t.Errorf("%d buffers freed, want 21", n)
	}
	all := make([][]string, 1_000_000)
	if n := s.Free(all, t0, Entry{}); n != 0 {
		t.Errorf("%d buffers end before their first sample", n)
	}
	if n := s.Free(all, math.MaxInt64, Entry{}); n != 199*20-1 {
		t.Errorf("%d buffers freed", n)
	}
}

// TestHealthJudgesANameOnce asks a host of many parts for one name many times.
func TestHealthJudgesANameOnce(t *testing.T) {
	s := newStore(t, Config{})
	for i := range 2000 {
		put(t, s, "h", Part{Type: "core", ID: fmt.Sprint(i)}, "flops", t0, 1)
	}
	h, ok := s.Health("c", "h", append(repeated(1_000_000, "flops"), repeated(1_000_000, "none")...))
	if !ok || h.Healthy+len(h.Degraded) != 1 || len(h.Missing) != 1 {
		t.Errorf("%v: %d healthy, %d degraded, %d missing", ok, h.Healthy, len(h.Degraded), len(h.Missing))
	}
}

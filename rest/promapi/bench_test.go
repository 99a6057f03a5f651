package promapi

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strconv"
	"syscall"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"cc-metric-store/store"
)

// benchStart is the time of the first sample of benchmarks.
const benchStart = 1760000040

// Series of a host: 14 metrics of its own, and 7 of each of 72 hardware threads, 518 in all.
const (
	benchOwn     = 14
	benchThreads = 72
	benchOfEach  = 7
)

// filled returns a store with so many hosts of 518 series, of which each has so many samples at
// 60 s: random walks of three decimals.
func filled(b *testing.B, hosts, ticks int) *store.Store {
	b.Helper()
	metrics := map[string]store.MetricConfig{}
	var own, each []string
	for i := range benchOwn {
		own = append(own, fmt.Sprintf("own%d", i))
	}
	for i := range benchOfEach {
		each = append(each, fmt.Sprintf("each%d", i))
	}
	for _, name := range append(slices.Clone(own), each...) {
		metrics[name] = store.MetricConfig{Frequency: 60, Aggregation: store.AggregateSum}
	}
	s, err := store.New(store.Config{Metrics: metrics, Retention: 100 * 365 * 24 * time.Hour})
	if err != nil {
		b.Fatal(err)
	}
	parts := []store.Part{{}}
	for i := range benchThreads {
		parts = append(parts, store.Part{Type: "hwthread", ID: strconv.Itoa(i)})
	}
	ids := map[string]store.MetricID{}
	for name := range metrics {
		ids[name], _ = s.Metric([]byte(name))
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	for h := range hosts {
		walk := make([]float64, benchOwn+benchThreads*benchOfEach)
		for t := range ticks {
			batch := &store.Batch{Cluster: "fritz", Host: fmt.Sprintf("f%04d", h), Parts: parts}
			at, n := int64(benchStart+60*t), 0
			add := func(part int32, name string) {
				walk[n] += float64(rnd.IntN(2001)-1000) / 1000
				batch.Add(part, ids[name], at, math.Round(walk[n]*1000)/1000)
				n++
			}
			for _, name := range own {
				add(0, name)
			}
			for i := range benchThreads {
				for _, name := range each {
					add(int32(i+1), name)
				}
			}
			s.Append(batch)
		}
	}
	return s
}

// BenchmarkPromQL runs queries of 200 series, and of 14,400, each on the store and in turns with slices that
// were decoded before, which is what the engine costs by itself; figures are medians. PROMQL_HOSTS is the number of hosts.
func BenchmarkPromQL(b *testing.B) {
	hosts := 10
	if text := os.Getenv("PROMQL_HOSTS"); text != "" {
		var err error
		if hosts, err = strconv.Atoi(text); err != nil {
			b.Fatal(err)
		}
	}
	const ticks = 24 * 60
	s := filled(b, hosts, ticks)
	a, err := New(Config{}, s)
	if err != nil {
		b.Fatal(err)
	}
	for _, q := range []struct {
		name, text  string
		hours, step int
		series      int
	}{
		{"plain", `own3`, 24, 60, hosts},
		{"plain", `own3`, 24, 300, hosts},
		{"plain, type node", `own3{type="node"}`, 24, 60, hosts},
		{"plain", `own3`, 6, 60, hosts},
		{"plain", `own3`, 1, 60, hosts},
		{"sum by cluster", `sum by (cluster) (own3)`, 6, 60, 1},
		{"sum by cluster", `sum by (cluster) (own3)`, 24, 300, 1},
		{"rate", `rate(own3[5m])`, 6, 60, hosts},
		{"rate", `rate(own3[5m])`, 24, 300, hosts},
		{"avg_over_time", `avg_over_time(own3[10m])`, 6, 60, hosts},
		{"avg_over_time", `avg_over_time(own3[10m])`, 24, 300, hosts},
		{"topk", `topk(5, own3)`, 6, 60, -1},
		{"topk", `topk(5, own3)`, 24, 300, -1},
		{"sum by hostname of threads", `sum by (hostname) (each2)`, 6, 60, hosts},
		{"sum by hostname of threads", `sum by (hostname) (each2)`, 24, 300, hosts},
		{"node scope of threads", `each2{type="node"}`, 24, 300, hosts},
		{"count", `count(own3)`, 0, 60, 1},
	} {
		end := time.Unix(benchStart+60*(ticks-1), 0)
		begin := end.Add(-time.Duration(q.hours) * time.Hour)
		run := func(b *testing.B, source storage.Queryable) {
			b.Helper()
			ctx := context.Background()
			one, err := a.engine.NewRangeQuery(ctx, source, nil, q.text, begin, end, time.Duration(q.step)*time.Second)
			if err != nil {
				b.Fatal(err)
			}
			defer one.Close()
			if own, ok := source.(*queryable); ok {
				own.steps = stepsOf(one)
			}
			result := one.Exec(ctx)
			if m, err := result.Matrix(); err != nil || q.series >= 0 && len(m) != q.series || len(m) == 0 {
				b.Fatalf("%d series, want %d, error %v", len(m), q.series, err)
			}
		}
		name := fmt.Sprintf("%s/%dh at %ds", q.name, q.hours, q.step)
		b.Run(name+"/store", func(b *testing.B) {
			b.ReportAllocs()
			var took []time.Duration
			for b.Loop() {
				took = append(took, cpuTime(b, func() { run(b, a.queryable()) }))
			}
			b.ReportMetric(median(took).Seconds()*1000, "cpu-ms/op")
		})
		if q.name == "node scope of threads" {
			continue
		}
		// In turns, as the machine may be slower a minute later.
		b.Run(name+"/to slices", func(b *testing.B) {
			slices := newSlices(b, s, q.text)
			var ours, theirs []time.Duration
			for b.Loop() {
				ours = append(ours, cpuTime(b, func() { run(b, a.queryable()) }))
				theirs = append(theirs, cpuTime(b, func() { run(b, slices) }))
			}
			b.ReportMetric(median(theirs).Seconds()*1000, "slices-cpu-ms/op")
			b.ReportMetric(median(ours).Seconds()/median(theirs).Seconds(), "ratio")
		})
	}
}

func median(all []time.Duration) time.Duration {
	slices.Sort(all)
	return all[len(all)/2]
}

// cpuTime returns the time that the process has on all cores while f runs.
func cpuTime(b *testing.B, f func()) time.Duration {
	b.Helper()
	now := func() time.Duration {
		var u syscall.Rusage
		if err := syscall.Getrusage(syscall.RUSAGE_SELF, &u); err != nil {
			b.Fatal(err)
		}
		return time.Duration(u.Utime.Nano() + u.Stime.Nano())
	}
	begin := now()
	f()
	return now() - begin
}

// sliceQueryable has the samples of one metric as slices. It implements storage.Queryable.
type sliceQueryable struct{ all []storage.Series }

// newSlices decodes the only metric of the store that a query names.
func newSlices(b *testing.B, s *store.Store, text string) *sliceQueryable {
	b.Helper()
	var name string
	for _, m := range s.Metrics() {
		if containsWord(text, m.Name) {
			name = m.Name
		}
	}
	m, err := store.NewMatcher(store.MatchEqual, store.LabelMetric, name)
	if err != nil {
		b.Fatal(err)
	}
	ids, err := s.Select(b.Context(), m)
	if err != nil || len(ids) == 0 {
		b.Fatal(len(ids), err)
	}
	q := &sliceQueryable{}
	var builder labels.ScratchBuilder
	for i := range ids {
		one := &sliceSeries{labels: labelsOf(&builder, &ids[i])}
		_, err := s.Read(b.Context(), ids[i:i+1], 0, math.MaxInt32, func(_ int, runs []store.Run) error {
			for n := range runs {
				for k, v := range runs[n].AppendTo(nil) {
					if !math.IsNaN(v) {
						one.samples = append(one.samples, sample{(runs[n].Start + int64(k)*runs[n].Step) * 1000, v})
					}
				}
			}
			return nil
		})
		if err != nil {
			b.Fatal(err)
		}
		q.all = append(q.all, one)
	}
	return q
}

// containsWord reports whether text has the word with nothing of a name around it.
func containsWord(text, word string) bool {
	for i := 0; i+len(word) <= len(text); i++ {
		end := i + len(word)
		if text[i:end] == word && (end == len(text) || text[end] < '0' || text[end] > '9') {
			return true
		}
	}
	return false
}

func (q *sliceQueryable) Querier(int64, int64) (storage.Querier, error) { return sliceQuerier{q}, nil }

type sliceQuerier struct{ *sliceQueryable }

func (q sliceQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, _ ...*labels.Matcher) storage.SeriesSet {
	return &sliceSet{all: q.all, at: -1}
}

// sliceSet implements storage.SeriesSet.
type sliceSet struct {
	all []storage.Series
	at  int
}

func (s *sliceSet) Next() bool {
	s.at++
	return s.at < len(s.all)
}

func (s *sliceSet) At() storage.Series                { return s.all[s.at] }
func (s *sliceSet) Err() error                        { return nil }
func (s *sliceSet) Warnings() annotations.Annotations { return nil }

func (q sliceQuerier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

func (q sliceQuerier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

func (q sliceQuerier) Close() error { return nil }

type sliceSeries struct {
	labels  labels.Labels
	samples []sample
}

func (s *sliceSeries) Labels() labels.Labels { return s.labels }

func (s *sliceSeries) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	it, ok := reuse.(*mergedIterator)
	if !ok {
		it = &mergedIterator{}
	}
	*it = mergedIterator{samples: s.samples, i: -1}
	return it
}

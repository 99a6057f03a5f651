package promapi

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"maps"
	"math/rand/v2"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/tsdb/chunkenc"
	"github.com/prometheus/prometheus/util/annotations"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// mapModel is what a store holds as a plain map, as a storage.Queryable: the judge.
type mapModel struct {
	metrics map[string]store.MetricConfig
	series  map[store.SeriesID]map[int64]float64 // by time in seconds
}

// labelMap returns the labels of a series.
func labelMap(id store.SeriesID) map[string]string {
	m := map[string]string{"__name__": id.Metric, "cluster": id.Cluster, "hostname": id.Host, "type": id.Part.Type, "type_id": id.Part.ID,
		"stype": id.Part.Subtype, "stype_id": id.Part.SubID}
	if m["type"] == "" {
		m["type"] = "node"
	}
	return m
}

func matchAll(matchers []*labels.Matcher, of map[string]string) bool {
	for _, m := range matchers {
		if !m.Matches(of[m.Name]) {
			return false
		}
	}
	return true
}

// Querier implements storage.Queryable.
func (m *mapModel) Querier(int64, int64) (storage.Querier, error) { return modelQuerier{m}, nil }

type modelQuerier struct{ *mapModel }

// Select implements storage.Querier.
func (m modelQuerier) Select(_ context.Context, _ bool, _ *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	found := map[store.SeriesID]map[int64]float64{}
	hosts := slices.ContainsFunc(matchers, func(m *labels.Matcher) bool {
		return m.Name == "type" && m.Type == labels.MatchEqual && m.Value == "node"
	})
	for id, samples := range m.series {
		if !hosts && matchAll(matchers, labelMap(id)) {
			found[id] = samples
		}
		if id.Part = (store.Part{}); hosts && matchAll(matchers, labelMap(id)) {
			found[id] = m.hostSamples(id)
		}
	}
	set := &sliceSet{at: -1}
	for _, id := range slices.SortedFunc(maps.Keys(found), compareIDs) { // in the order of the store: sums depend on it
		samples := found[id]
		one := &sliceSeries{labels: labels.FromMap(labelMap(id))}
		one.labels = one.labels.WithoutEmpty()
		for t, v := range samples {
			one.samples = append(one.samples, sample{t * 1000, v})
		}
		slices.SortFunc(one.samples, func(a, b sample) int { return cmp.Compare(a.t, b.t) })
		set.all = append(set.all, one)
	}
	return set
}

func compareIDs(a, b store.SeriesID) int {
	return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Part.Type, b.Part.Type), cmp.Compare(a.Part.ID, b.Part.ID),
		cmp.Compare(a.Part.Subtype, b.Part.Subtype), cmp.Compare(a.Part.SubID, b.Part.SubID), cmp.Compare(a.Metric, b.Metric))
}

// hostSamples returns the samples of a host itself: its own, and where it has none the combination of
// its parts, which are of one kind here.
func (m *mapModel) hostSamples(id store.SeriesID) map[int64]float64 {
	var parts []store.SeriesID
	for other := range m.series {
		if other.Cluster == id.Cluster && other.Host == id.Host && other.Metric == id.Metric && other.Part != (store.Part{}) {
			parts = append(parts, other)
		}
	}
	slices.SortFunc(parts, func(a, b store.SeriesID) int { return cmp.Compare(a.Part.ID, b.Part.ID) })
	out := map[int64]float64{}
	how := m.metrics[id.Metric].Aggregation
	if len(parts) > 0 && (how != store.AggregateNone || len(parts) == 1) {
		for t := range m.series[parts[0]] {
			sum, all := 0.0, true
			for _, p := range parts {
				v, ok := m.series[p][t]
				sum, all = sum+v, all && ok
			}
			if how == store.AggregateAvg {
				sum /= float64(len(parts))
			}
			if all {
				out[t] = sum
			}
		}
	}
	for t, v := range m.series[id] {
		out[t] = v
	}
	return out
}

func (m modelQuerier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

func (m modelQuerier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

func (m modelQuerier) Close() error { return nil }

const modelStart = 1760000000

// randomModel returns a store and a model with the same samples.
func randomModel(t testing.TB, rnd *rand.Rand) (*store.Store, *mapModel) {
	t.Helper()
	m := &mapModel{series: map[store.SeriesID]map[int64]float64{}, metrics: map[string]store.MetricConfig{
		"load":      {Frequency: 60},
		"flops":     {Frequency: 60, Aggregation: store.AggregateSum},
		"clock.mhz": {Frequency: 10, Aggregation: store.AggregateAvg},
		"power":     {Frequency: 30, Aggregation: store.AggregateSum},
	}}
	s, err := store.New(store.Config{Metrics: m.metrics, Retention: 100 * 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	for _, cluster := range []string{"alex", "fritz"} {
		for h := range 3 {
			phase := map[int64]int64{60: rnd.Int64N(60), 30: rnd.Int64N(30), 10: rnd.Int64N(10)}
			for metric, c := range m.metrics {
				m.addHost(t, rnd, s, store.SeriesID{Cluster: cluster, Host: fmt.Sprintf("h%d", h), Metric: metric}, modelStart+phase[c.Frequency])
			}
		}
	}
	return s, m
}

// addHost adds the series that a host has of a metric.
func (m *mapModel) addHost(t testing.TB, rnd *rand.Rand, s *store.Store, id store.SeriesID, begin int64) {
	t.Helper()
	f := m.metrics[id.Metric].Frequency
	var parts []store.Part
	if rnd.IntN(3) > 0 {
		parts = append(parts, store.Part{})
	}
	cores := rnd.IntN(4)
	for i := range cores {
		parts = append(parts, store.Part{Type: "core", ID: fmt.Sprint(i)})
	}
	if cores > 1 && id.Metric == "load" { // of which nothing combines, so that the rule stays simple
		parts = append(parts, store.Part{Type: "socket", ID: "0", Subtype: "disk", SubID: "a"}, store.Part{Type: "socket", ID: "1"})
	}
	metric, _ := s.Metric([]byte(id.Metric))
	for _, p := range parts {
		b := &store.Batch{Cluster: id.Cluster, Host: id.Host, Parts: []store.Part{p}}
		id.Part = p
		m.series[id] = map[int64]float64{}
		gaps := rnd.IntN(3) * 10 // percent
		for at := begin; at < modelStart+4*3600; at += f {
			if rnd.IntN(200) == 0 {
				at += f * rnd.Int64N(200) // silence
			}
			if rnd.IntN(100) < gaps || at >= modelStart+4*3600 {
				continue
			}
			v := float64(rnd.IntN(2000)-500) / 8 // so that sums do not depend on their order
			b.Add(0, metric, at, v)
			m.series[id][at] = v
		}
		if len(m.series[id]) == 0 {
			delete(m.series, id)
		}
		s.Append(b)
	}
}

func pickOne(rnd *rand.Rand, of ...string) string { return of[rnd.IntN(len(of))] }

func randomSelector(rnd *rand.Rand) string {
	metric := pickOne(rnd, "load", "flops", "power", `{"clock.mhz"}`, `{__name__=~"load|flops"}`, `{__name__!="load",cluster!=""}`)
	var matchers []string
	for range rnd.IntN(3) {
		matchers = append(matchers, pickOne(rnd, `type="node"`, `type="core"`, `type!="node"`, `type=~"node|socket"`, `type_id=""`, `type_id!="0"`, `stype=~".*"`, `stype!=""`,
			`hostname=~"h1|h2"`, `hostname="h0"`, `hostname!~"h[01]"`, `cluster="fritz"`, `cluster=~".+x"`, `job=""`, `job!="a"`, `stype_id=~"a|"`, `type=~""`, `type_id=~"[0-1]"`))
	}
	if len(matchers) == 0 {
		return metric
	}
	if inner, ok := strings.CutSuffix(metric, "}"); ok {
		return inner + "," + strings.Join(matchers, ",") + "}"
	}
	return metric + "{" + strings.Join(matchers, ",") + "}"
}

func randomExpression(rnd *rand.Rand) string {
	s := randomSelector(rnd)
	window := pickOne(rnd, "1m", "5m", "17m", "1h", "2h30m", "61s")
	offset := pickOne(rnd, "", "", "", " offset 7m", " offset -3m", fmt.Sprintf(" @ %d", modelStart+rnd.IntN(16000)), " @ start()", " @ end() offset 1h")
	switch rnd.IntN(9) {
	case 0:
		return s + offset
	case 1:
		return fmt.Sprintf("%s by (%s) (%s%s)", pickOne(rnd, "sum", "avg", "max", "count", "stddev"), pickOne(rnd, "cluster", "hostname", "type, type_id", "__name__", ""), s, offset)
	case 2:
		return fmt.Sprintf("%s(%s[%s]%s)", pickOne(rnd, "rate", "increase", "avg_over_time", "max_over_time", "count_over_time", "last_over_time", "delta", "irate", "changes", "deriv"), s, window, offset)
	case 3:
		return fmt.Sprintf("topk by (cluster) (2, %s)", s)
	case 4:
		return fmt.Sprintf("max_over_time(%s[%s:%s]%s)", s, window, pickOne(rnd, "1m", "30s", "", "7m"), offset)
	case 5:
		return fmt.Sprintf("%s %s on (cluster, hostname, type, type_id) group_left %s", s, pickOne(rnd, "+", "*", ">", "/"), `sum by (cluster, hostname, type, type_id) (`+randomSelector(rnd)+`)`)
	case 6:
		if strings.Contains(offset, "end() offset") { // the engine forgets the offset, and asks for it all the same
			offset = ""
		}
		return fmt.Sprintf("timestamp(%s%s)", s, offset)
	case 7:
		return fmt.Sprintf("absent(%s)", s)
	}
	return fmt.Sprintf("%s %s %s", s, pickOne(rnd, "and", "or", "unless"), randomSelector(rnd))
}

// TestQueriesAgainstModel asks random queries of a store and of a plain map, through the same engine.
func TestQueriesAgainstModel(t *testing.T) {
	t.Parallel()
	rnd := testkit.Rand(t)
	found := 0
	for range 4 {
		s, m := randomModel(t, rnd)
		a, err := New(Config{}, s)
		if err != nil {
			t.Fatal(err)
		}
		for range 100 {
			text := randomExpression(rnd)
			start := time.UnixMilli(modelStart*1000 + rnd.Int64N(5*3600*1000) - 1800_000)
			end := start.Add(time.Duration(rnd.Int64N(int64(3 * time.Hour))))
			step := time.Duration(1+rnd.IntN(900)) * time.Second
			if rnd.IntN(4) == 0 {
				end = start
			}
			source := a.queryable()
			ask := func(q storage.Queryable) (string, int) {
				one, err := a.engine.NewRangeQuery(t.Context(), q, nil, text, start, end, step)
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				defer one.Close()
				source.steps = stepsOf(one)
				result := one.Exec(t.Context())
				if result.Err != nil {
					if strings.Contains(result.Err.Error(), "expanding series") {
						t.Fatalf("%s: %v", text, result.Err)
					}
					return "an error", 0 // whose words name any of the series
				}
				matrix, err := result.Matrix()
				if err != nil {
					t.Fatalf("%s: %v", text, err)
				}
				slices.SortFunc(matrix, func(a, b promql.Series) int { return labels.Compare(a.Metric, b.Metric) })
				return matrix.String(), len(matrix)
			}
			got, n := ask(source)
			want, _ := ask(m)
			if got != want {
				t.Fatalf("%s from %v to %v, step %v:\n%s\nwant\n%s", text, start, end, step, got, want)
			}
			found += n
		}
	}
	if found < 100 {
		t.Errorf("only %d series were found", found)
	}
}

// TestIteratorAgainstSlice moves an iterator at random, beside one over a slice.
func TestIteratorAgainstSlice(t *testing.T) {
	t.Parallel()
	rnd := testkit.Rand(t)
	for range 20 {
		s, m := randomModel(t, rnd)
		for id, samples := range m.series {
			from, to := int64(modelStart-600)*1000, int64(modelStart+5*3600)*1000
			one := &series{id: &id, reader: &reader{ctx: t.Context(), store: s, from: from, to: to}}
			var all []sample
			for at, v := range samples {
				all = append(all, sample{at * 1000, v})
			}
			slices.SortFunc(all, func(a, b sample) int { return cmp.Compare(a.t, b.t) })
			it, want := one.Iterator(nil), &mergedIterator{samples: all, i: -1}
			for at := from; ; {
				var got, wanted chunkenc.ValueType
				if rnd.IntN(3) > 0 {
					got, wanted = it.Next(), want.Next()
				} else {
					at += rnd.Int64N(int64(1) << rnd.IntN(24))
					got, wanted = it.Seek(at), want.Seek(at)
				}
				if got != wanted {
					t.Fatalf("%v: found %v, want %v", id, got, wanted)
				}
				if got == chunkenc.ValNone {
					break
				}
				t1, v1 := it.At()
				t2, v2 := want.At()
				if t1 != t2 || v1 != v2 || it.AtT() != t1 {
					t.Fatalf("%v: %v at %d, want %v at %d", id, v1, t1, v2, t2)
				}
			}
			if it.Next() != chunkenc.ValNone || it.Err() != nil {
				t.Fatalf("%v: it goes on after its end, error %v", id, it.Err())
			}
		}
	}
}

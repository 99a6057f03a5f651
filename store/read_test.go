package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"strings"
	"testing"
)

// readCell is a cell of a series by its interval and time.
type readCell struct{ step, at int64 }

// readable returns what the model has of a series in a window.
func (m *model) readable(id SeriesID, from, to int64) map[readCell]float64 {
	out := map[readCell]float64{}
	for k, values := range m.series {
		metric, _, _ := strings.Cut(k.metric, "@")
		if (SeriesID{k.host.cluster, k.host.host, k.part, metric}) != id {
			continue
		}
		g := m.grid(k)
		for s, v := range values {
			if at := m.due(g, s); from <= at && at < to {
				out[readCell{g.frequency, at}] = v
			}
		}
	}
	return out
}

// cells returns the cells with a sample of the runs of a series, which it checks.
func cells(t *testing.T, runs []Run, from, to int64) map[readCell]float64 {
	t.Helper()
	out := map[readCell]float64{}
	ends := map[int64]int64{} // by step: the newest cell so far
	start := int64(math.MinInt64)
	for i := range runs {
		r := &runs[i]
		values := r.AppendTo([]float64{-1})[1:]
		if len(values) != r.Len() || r.Len() == 0 || r.Start < start {
			t.Errorf("run %d from %d with %d of %d cells, after one from %d", i, r.Start, len(values), r.Len(), start)
		}
		start = r.Start
		for n, v := range values {
			at := r.Start + int64(n)*r.Step
			if end, ok := ends[r.Step]; at < from || at >= to || ok && at <= end {
				t.Errorf("run %d has a cell at %d, the one before is at %d, the window from %d to %d", i, at, end, from, to)
			}
			ends[r.Step] = at
			if !math.IsNaN(v) {
				out[readCell{r.Step, at}] = v
			}
		}
	}
	return out
}

// readAll returns what a store has of the series, each one read once.
func readAll(t *testing.T, s *Store, series []SeriesID, from, to int64) []map[readCell]float64 {
	t.Helper()
	var all []map[readCell]float64
	if _, err := s.Read(t.Context(), series, from, to, func(i int, runs []Run) error {
		if i != len(all) {
			t.Fatalf("series %d after %d", i, len(all))
		}
		all = append(all, cells(t, runs, from, to))
		return nil
	}); err != nil || len(all) != len(series) {
		t.Fatalf("%d of %d series, error %v", len(all), len(series), err)
	}
	return all
}

// checkRead compares some series, in any order, in a random window with the model.
func (e *equivalence) checkRead() {
	e.t.Helper()
	from := e.base - e.rnd.Int64N(8000)
	if len(e.strays) > 0 && e.rnd.IntN(2) == 0 {
		from = e.strays[e.rnd.IntN(len(e.strays))] - e.rnd.Int64N(4000)
	}
	to := from + e.rnd.Int64N(8000)
	if e.rnd.IntN(8) == 0 {
		from, to = math.MinInt64, math.MaxInt64
	}
	host := e.host()
	series := []SeriesID{{host.cluster, host.host, e.part(), e.metric()}, {"none", "", Part{}, "load"}, {host.cluster, host.host, Part{}, "none"}}
	if all := e.model.selected(nil); len(all) > 0 {
		for range 10 {
			series = append(series, all[e.rnd.IntN(len(all))])
		}
	}
	for i, got := range readAll(e.t, e.store, series, from, to) {
		if want := e.model.readable(series[i], from, to); !maps.EqualFunc(got, want, sameBits) {
			e.t.Fatalf("read %+v from %d to %d: %v, the model %v", series[i], from, to, got, want)
		}
	}
}

func sameBits(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }

func TestReadFaults(t *testing.T) {
	s := newStore(t, Config{})
	one := SeriesID{"c", "h", Part{}, "temp"}
	flops, _ := s.Metric([]byte("temp"))
	b := &Batch{Cluster: "c", Host: "h", Parts: []Part{{}}}
	for i := range MaxCells/128 + 2 { // each in a block of its own
		b.Add(0, flops, t0+128*int64(i), 1)
	}
	s.Append(b)
	end := b.Samples[len(b.Samples)-1].Time
	none := func(int, []Run) error { return nil }

	if _, err := s.Read(t.Context(), []SeriesID{one}, t0+1, t0, none); !errors.Is(err, ErrInvalidTimeRange) {
		t.Errorf("error %v", err)
	}
	var many *ReadError
	if _, err := s.Read(t.Context(), []SeriesID{one}, t0, end+1, none); !errors.As(err, &many) || many.Limit != MaxCells || many.Series != one || !strings.Contains(err.Error(), `temp{cluster="c",host="h"} has more`) {
		t.Errorf("error %v", err)
	}
	n, times := 0, MaxReadCells/(MaxCells/2)
	series := make([]SeriesID, times+2)
	for i := range series {
		series[i] = one
	}
	if _, err := s.Read(t.Context(), series, t0, t0+MaxCells/2, func(int, []Run) error { n++; return nil }); !errors.As(err, &many) || many.Limit != MaxReadCells || n != times {
		t.Errorf("after %d series: error %v", n, err)
	}
	stop := errors.New("stop")
	if _, err := s.Read(t.Context(), series, t0, t0+1000, func(i int, _ []Run) error {
		if i == 1 {
			return stop
		}
		return nil
	}); !errors.Is(err, stop) {
		t.Errorf("error %v", err)
	}
	for _, after := range []int{0, 1, 5} { // also within a series
		ctx := &ended{t.Context(), after}
		if _, err := s.Read(ctx, series[:1], t0, end-1000, none); !errors.Is(err, context.Canceled) {
			t.Errorf("after %d: error %v", after, err)
		}
	}
	if got := readAll(t, s, []SeriesID{one}, t0+128, end-2000)[0]; len(got) != int((end-2000-t0-128+127)/128) {
		t.Errorf("%d cells", len(got))
	}
}

// TestReadKeepsWhatItGave decodes runs after what they refer to is gone.
func TestReadKeepsWhatItGave(t *testing.T) {
	s := newStore(t, Config{})
	const n = 1000
	for i := range n {
		put(t, s, "h", Part{}, "temp", t0+int64(i), float64(i))
	}
	var kept []Run
	if _, err := s.Read(t.Context(), []SeriesID{{"c", "h", Part{}, "temp"}}, t0, t0+n, func(_ int, runs []Run) error {
		kept = append(kept, runs...)
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	for i := range n {
		put(t, s, "h", Part{}, "temp", t0+int64(i), -1)
	}
	s.Free([][]string{{}}, t0+1e6, Entry{})
	var values []float64
	for i := range kept {
		values = kept[i].AppendTo(values)
	}
	if want := fmt.Sprint(count(0, n)); fmt.Sprint(values) != want {
		t.Errorf("%v", values)
	}
}

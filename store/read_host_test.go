package store

import (
	"context"
	"errors"
	"math"
	"slices"
	"testing"
)

// checkHosts compares the series of hosts themselves with the model, and what is read of one with
// what Query answers.
func (e *equivalence) checkHosts() {
	e.t.Helper()
	conditions, matchers := randomConditions(e.t, e.rnd)
	var want []SeriesID
	for _, id := range e.model.selected(slices.DeleteFunc(slices.Clone(conditions), func(c condition) bool { return c.label.isOfPart() })) {
		id.Part = Part{}
		want = append(want, id)
	}
	slices.SortFunc(want, compareSeries)
	want = slices.Compact(want)
	got, err := e.store.SelectHosts(e.t.Context(), SelectBounds{Most: MaxSelected}, matchers...)
	if err != nil || !slices.Equal(got, want) {
		e.t.Fatalf("select hosts %+v: %v, error %v, the model %v", conditions, got, err, want)
	}
	if len(got) > 0 {
		e.checkReadHost(got[e.rnd.IntN(len(got))])
	}
}

// cellAt returns what Query answers for the slot that covers a time.
func (e *equivalence) cellAt(id SeriesID, at, f int64) float64 {
	e.t.Helper()
	found, err := e.store.Query(&Query{Cluster: id.Cluster, Host: id.Host, Metric: id.Metric, From: at, To: at + f})
	switch {
	case errors.Is(err, ErrInvalidAggregation) || err == nil && len(found) == 0:
		return math.NaN()
	case err != nil || len(found) != 1 || len(found[0].Values) != 1:
		e.t.Fatalf("query %v at %d: %v, error %v", id, at, found, err)
	}
	return found[0].Values[0]
}

func (e *equivalence) checkReadHost(id SeriesID) {
	e.t.Helper()
	if len(e.store.metrics.ids(id.Metric)) != 1 {
		return
	}
	f := e.store.metrics.at(e.store.metrics.ids(id.Metric)[0]).frequency
	from := e.base - 3000 + e.rnd.Int64N(6000)
	to := from + e.rnd.Int64N(6000)
	runs, err := e.store.AppendHostRuns(e.t.Context(), nil, &id, from, to)
	if err != nil {
		e.t.Fatalf("read host %v: %v", id, err)
	}
	last := int64(math.MinInt64)
	for _, r := range runs {
		for i, v := range r.AppendTo(nil) {
			at := r.Start + int64(i)*r.Step
			if at <= last || at < from || at >= to {
				e.t.Fatalf("read host %v in [%d, %d): a cell at %d after %d", id, from, to, at, last)
			}
			last = at
			// The centre of a block's last slot may lie behind its end, its begin does not.
			if want := e.cellAt(id, at-f/2, f); want != v && !(math.IsNaN(want) && math.IsNaN(v)) {
				e.t.Fatalf("read host %v in [%d, %d) at %d: %v, a query says %v", id, from, to, at, v, want)
			}
		}
	}
	// What a query finds has to be there, too.
	for range 5 {
		at := from + f + e.rnd.Int64N(max(to-from-2*f, 1))
		if at+f >= to {
			continue
		}
		want := e.cellAt(id, at, f)
		if math.IsNaN(want) {
			continue
		}
		covers := func(r Run) bool { return at >= r.Start-f && at <= r.Start+int64(r.Len())*f }
		if !slices.ContainsFunc(runs, func(r Run) bool { return covers(r) && slices.Contains(r.AppendTo(nil), want) }) {
			e.t.Fatalf("read host %v in [%d, %d) lacks the sample %v at %d", id, from, to, want, at)
		}
	}
}

func TestHostRunsEndWithTheirContext(t *testing.T) {
	s := newStore(t, Config{})
	m, _ := s.Metric([]byte("flops"))
	b := &Batch{Cluster: "c", Host: "h", Parts: []Part{{Type: "core", ID: "0"}, {Type: "core", ID: "1"}}}
	b.Add(0, m, t0, 1)
	b.Add(1, m, t0, 2)
	s.Append(b)
	ctx, cancel := context.WithCancel(t.Context())
	read := func(from, to int64) error {
		_, err := s.AppendHostRuns(ctx, nil, &SeriesID{Cluster: "c", Host: "h", Metric: "flops"}, from, to)
		return err
	}
	if err := read(t0-60, t0+60); err != nil {
		t.Error(err)
	}
	if err := read(1, 0); !errors.Is(err, ErrInvalidTimeRange) {
		t.Errorf("a window that ends before it begins: %v", err)
	}
	cancel()
	if err := read(t0-60, t0+60); !errors.Is(err, context.Canceled) {
		t.Errorf("a context that has ended: %v", err)
	}
}

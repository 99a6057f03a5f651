package store

import (
	"math"
	"strconv"
	"testing"
)

// sender is a host that names its series by numbers where it can.
type sender struct {
	source  *Source
	series  []modelSeries // by number
	numbers map[modelSeries][]int32
}

// numberOf numbers one series.
func numberOf(s *Store, src *Source, part Part, m MetricID) (n int32, ok bool) {
	n = s.Number(src, []Name{{part, m}})[0]
	return n, n >= 0
}

// number numbers some of the series that were just stored.
func (e *equivalence) number(host hostKey, names []modelSeries) {
	to := e.senders[host]
	if to == nil {
		to = &sender{source: e.store.NewSource(host.cluster, host.host), numbers: map[modelSeries][]int32{}}
		e.senders[host] = to
	}
	for _, name := range names {
		if e.rnd.IntN(3) == 0 || len(to.numbers[name]) > 2 {
			continue
		}
		id, _ := e.store.Metric([]byte(name.metric))
		n, ok := numberOf(e.store, to.source, name.part, id)
		current := len(to.series) == 0 || e.store.IsCurrent(to.source)
		if want := current && e.model.series[name] != nil; ok != want || ok && int(n) != len(to.series) {
			e.t.Fatalf("number of %v: %d, %v, want %d, %v", name, n, ok, len(to.series), want)
		}
		if ok {
			to.series = append(to.series, name)
			to.numbers[name] = append(to.numbers[name], n)
		}
	}
}

// checkSources says if the test did not test what it should.
func (e *equivalence) checkSources() {
	if e.known == 0 || e.stale == 0 {
		e.t.Errorf("%d samples were named by number, %d batches of a source that was not current", e.known, e.stale)
	}
}

// TestLongBatchByNumber stores a batch that takes several holds of the lock, with
// values that are none in between.
func TestLongBatchByNumber(t *testing.T) {
	s := newStore(t, Config{})
	flops, _ := s.Metric([]byte("flops"))
	const parts = 3*appendRun + 7
	b := Batch{Cluster: "c", Host: "h", Source: s.NewSource("c", "h")}
	for p := range parts {
		b.Parts = append(b.Parts, Part{Type: "core", ID: strconv.Itoa(p)})
		b.Samples = append(b.Samples, Sample{Time: t0, Value: 1, Part: int32(p), Metric: flops})
	}
	if a := s.Append(&b); a != (Appended{Stored: parts, Stale: true}) {
		t.Fatalf("%+v", a)
	}
	for p := range parts {
		if n, ok := numberOf(s, b.Source, b.Parts[p], flops); !ok || int(n) != p {
			t.Fatalf("part %d has the number %d, %v", p, n, ok)
		}
		b.Samples[p] = Sample{Time: t0 + 60, Value: float64(p), Part: ^int32(p)}
	}
	b.Parts = nil
	for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		b.Samples[i*appendRun+5].Value = v
	}
	b.Samples[1].Time = MaxTime + 1
	if a := s.Append(&b); a != (Appended{Stored: parts - 4, Invalid: 4}) {
		t.Fatalf("%+v", a)
	}
	for _, p := range []int{0, 1, 2, 5, appendRun + 5, parts - 1} {
		rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "flops", Type: "core", TypeIDs: []string{strconv.Itoa(p)}, From: t0, To: t0 + 120})
		if err != nil || len(rows) != 1 || rows[0].Values[0] != 1 {
			t.Fatal(rows, err)
		}
		if v, valid := rows[0].Values[1], p != 1 && p%appendRun != 5; valid && v != float64(p) || !valid && !math.IsNaN(v) {
			t.Errorf("part %d has the value %v", p, v)
		}
	}
}

// TestNumbersOutliveTheirHost frees a host, and goes on with the numbers of
// before up to the limit of series.
func TestNumbersOutliveTheirHost(t *testing.T) {
	s := newStore(t, Config{MaxSeries: 2})
	load, _ := s.Metric([]byte("load"))
	b := Batch{Cluster: "c", Host: "h", Source: s.NewSource("c", "h"), Parts: []Part{{Type: "core", ID: "0"}, {Type: "core", ID: "1"}, {Type: "core", ID: "2"}}}
	if n, ok := numberOf(s, b.Source, b.Parts[0], load); ok {
		t.Errorf("a series that is not there has the number %d", n)
	}
	store := func(want Appended, parts ...int32) {
		t.Helper()
		b.Samples = b.Samples[:0]
		for _, p := range parts {
			b.Samples = append(b.Samples, Sample{Time: t0, Value: 1, Part: p, Metric: load})
		}
		if a := s.Append(&b); a != want {
			t.Errorf("%+v, want %+v", a, want)
		}
	}
	store(Appended{Stored: 2, Stale: true}, 0, 1)
	for i := range 2 {
		if n, ok := numberOf(s, b.Source, b.Parts[i], load); !ok || int(n) != i {
			t.Fatal(n, ok)
		}
	}
	store(Appended{Stored: 2, OverSeries: 1}, ^0, ^1, 2)
	s.Free([][]string{nil}, math.MaxInt64, Entry{})
	if s.IsCurrent(b.Source) {
		t.Error("the source outlives its host")
	}
	store(Appended{Stored: 1, Stale: true}, 2)
	store(Appended{Stored: 1, OverSeries: 1, Stale: true}, ^1, ^0)
	if n, ok := numberOf(s, b.Source, b.Parts[1], load); ok {
		t.Errorf("number %d of a source that is not current", n)
	}
}

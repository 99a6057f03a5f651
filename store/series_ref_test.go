package store

import (
	"math"
	"slices"
	"strconv"
	"sync"
	"testing"
	"unsafe"
)

// knownRefs is a table of references, and what a test knows of it.
type knownRefs struct {
	refs   *Refs
	series map[modelSeries]SeriesRef
	names  map[SeriesRef]modelSeries
}

// refer makes most of the batch's samples, whose series are given, refer to them, as
// far as one of the host's tables has references to them: often an old one.
func (e *equivalence) refer(b *Batch, names []modelSeries) {
	b.Refs = nil
	for i := range b.Samples {
		b.Samples[i].Ref = 0
	}
	tables := e.tables[hostKey{b.Cluster, b.Host}]
	if len(tables) == 0 || e.rnd.IntN(4) == 0 {
		return
	}
	from := tables[len(tables)-1]
	if e.rnd.IntN(3) == 0 {
		from = tables[e.rnd.IntN(len(tables))]
	}
	b.Refs = from.refs
	for i, name := range names {
		ref, ok := from.series[name]
		if !ok || e.rnd.IntN(8) == 0 {
			continue
		}
		b.Samples[i].Ref, b.Samples[i].Name = ref, math.MinInt32
		if from.refs.IsStale() {
			e.stale++
		} else {
			e.current++
		}
	}
}

// learn checks the references that a batch, whose samples are all stored, came back
// with, and keeps them.
func (e *equivalence) learn(b *Batch, names []modelSeries) {
	e.t.Helper()
	key := hostKey{b.Cluster, b.Host}
	h := e.store.stripeOf(key).hosts[key]
	for _, known := range e.tables[key] {
		if isCurrent := h != nil && h.refs == known.refs; isCurrent == known.refs.IsStale() {
			e.t.Fatalf("a table is stale: %v, is the one of the host: %v", known.refs.IsStale(), isCurrent)
		}
	}
	if h == nil || b.Refs != h.refs {
		e.t.Fatalf("the batch has the table %p of the host %v", b.Refs, h)
	}
	tables := e.tables[key]
	if len(tables) == 0 || tables[len(tables)-1].refs != b.Refs {
		tables = append(tables, &knownRefs{b.Refs, map[modelSeries]SeriesRef{}, map[SeriesRef]modelSeries{}})
		e.tables[key] = tables[max(0, len(tables)-4):]
	}
	to := tables[len(tables)-1]
	for i, name := range names {
		ref := b.Samples[i].Ref
		if ref == 0 {
			e.t.Fatalf("no reference to %v", name)
		}
		if old, ok := to.series[name]; ok && old != ref {
			e.t.Fatalf("the references %d and %d to %v", old, ref, name)
		}
		if old, ok := to.names[ref]; ok && old != name {
			e.t.Fatalf("the reference %d to %v and %v", ref, old, name)
		}
		to.series[name], to.names[ref] = ref, name
	}
}

// checkReferences says if the test did not test what it should.
func (e *equivalence) checkReferences() {
	if e.current == 0 || e.stale == 0 {
		e.t.Errorf("%d samples had references, %d stale ones", e.current, e.stale)
	}
}

// TestSeriesRef: a reference says where its series is, if that fits into one.
func TestSeriesRef(t *testing.T) {
	for _, test := range []struct {
		grid   uint16
		column int32
		ok     bool
	}{
		{0, 0, true}, {0, 1, true}, {1, 0, true}, {maxFrequencies - 1, 100_000, true}, {maxRefGrids - 1, maxRefColumns - 1, true},
		{maxRefGrids, 0, false}, {math.MaxUint16, 0, false}, {0, maxRefColumns, false}, {0, math.MaxInt32, false},
	} {
		ref := newSeriesRef(test.grid, test.column)
		if grid, column := ref.split(); ref >= 1<<31 || (ref != 0) != test.ok || test.ok && (grid != int(test.grid) || column != int(test.column)) {
			t.Errorf("%+v: reference %d to column %d of grid %d", test, ref, column, grid)
		}
	}
	if grid, _ := SeriesRef(0).split(); grid < maxRefGrids {
		t.Errorf("no reference is one to grid %d", grid)
	}
}

// TestLongBatchByReference stores a batch that takes several holds of the lock, with
// values that are none in between.
func TestLongBatchByReference(t *testing.T) {
	s := newStore(t, Config{})
	flops, _ := s.Metric([]byte("flops"))
	const parts = 3*appendRun + 7
	b := Batch{Cluster: "c", Host: "h"}
	for p := range int32(parts) {
		b.Parts = append(b.Parts, Part{Type: "core", ID: strconv.Itoa(int(p))})
		b.Add(p, flops, t0, 1)
	}
	if a := s.Append(&b); a != (Appended{Stored: parts, Series: parts}) {
		t.Fatalf("%+v", a)
	}
	for p := range parts {
		if b.Samples[p].Ref == 0 {
			t.Fatalf("no reference to part %d", p)
		}
		b.Samples[p].Time, b.Samples[p].Value = t0+60, float64(p)
	}
	b.Parts, b.Names = nil, nil
	for i, v := range []float64{math.NaN(), math.Inf(1), math.Inf(-1)} {
		b.Samples[i*appendRun+5].Value = v
	}
	b.Samples[1].Time = MaxTime + 1
	if a := s.Append(&b); a != (Appended{Stored: parts - 4, Invalid: 4, Series: parts}) {
		t.Fatalf("%+v", a)
	}
	for p, sample := range b.Samples {
		if stored := p != 1 && p%appendRun != 5; stored != (sample.Ref != 0) && p < 3*appendRun {
			t.Errorf("part %d was stored: %v, and has the reference %d", p, stored, sample.Ref)
		}
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

// TestReferencesOutliveTheirHost frees a host, and goes on with the references of
// before up to the limit of series.
func TestReferencesOutliveTheirHost(t *testing.T) {
	s := newStore(t, Config{MaxSeries: 2})
	load, _ := s.Metric([]byte("load"))
	b := Batch{Cluster: "c", Host: "h", Parts: []Part{{Type: "core", ID: "0"}, {Type: "core", ID: "1"}, {Type: "core", ID: "2"}}, Names: []Name{{0, load}, {1, load}, {2, load}}}
	store := func(want Appended, samples ...Sample) {
		t.Helper()
		b.Samples = samples
		for i := range samples {
			samples[i].Time, samples[i].Value = t0, 1
		}
		if a := s.Append(&b); a != want {
			t.Errorf("%+v, want %+v", a, want)
		}
	}
	store(Appended{Stored: 2, Series: 2}, Sample{Name: 0}, Sample{Name: 1})
	refs, zero, one := b.Refs, b.Samples[0].Ref, b.Samples[1].Ref
	store(Appended{Stored: 2, OverSeries: 1, Series: 2}, Sample{Ref: zero}, Sample{Ref: one}, Sample{Name: 2})
	if b.Refs != refs || b.Samples[0].Ref != zero || b.Samples[1].Ref != one || b.Samples[2].Ref != 0 {
		t.Errorf("table %p, samples %+v", b.Refs, b.Samples)
	}
	s.Free([][]string{nil}, math.MaxInt64, Entry{})
	if !refs.IsStale() {
		t.Error("the table outlives its host")
	}
	b.Refs = nil
	store(Appended{Stored: 1, Series: 1}, Sample{Name: 2})
	b.Refs = refs
	store(Appended{Stored: 1, OverSeries: 1, Series: 2}, Sample{Ref: one}, Sample{Ref: zero})
	if b.Refs == refs || b.Samples[0].Ref == 0 || b.Samples[1].Ref != 0 {
		t.Errorf("table %p, samples %+v", b.Refs, b.Samples)
	}
	store(Appended{Stored: 1, Series: 2}, b.Samples[0])
	if rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", Type: "core", TypeIDs: []string{"0", "1", "2"}, From: t0, To: t0 + 60}); err != nil ||
		len(rows) != 3 || !math.IsNaN(rows[0].Values[0]) || rows[1].Values[0] != 1 || rows[2].Values[0] != 1 {
		t.Errorf("%+v, %v", rows, err)
	}
}

// TestSkippedSamplesHaveReferences: a replay begins with entries that the host has already,
// and the series of their samples are to be learnt as well.
func TestSkippedSamplesHaveReferences(t *testing.T) {
	const cores = appendRun + 10
	s := newStore(t, Config{MaxSeries: cores})
	load, _ := s.Metric([]byte("load"))
	var names Batch
	for core := range cores + 1 {
		names.Parts = append(names.Parts, Part{Type: "core", ID: strconv.Itoa(core)})
		names.Names = append(names.Names, Name{int32(core), load})
	}
	batch := func(seq uint64, samples int) *Batch {
		b := &Batch{Cluster: "c", Host: "h", Entry: Entry{1, seq}, Parts: names.Parts, Names: names.Names}
		for core := range samples {
			b.Samples = append(b.Samples, Sample{Time: t0, Value: float64(seq), Name: int32(core)})
		}
		return b
	}
	skip := func(b *Batch, what string, of *Batch) {
		t.Helper()
		if a := s.Append(b); a != (Appended{Series: cores}) {
			t.Fatalf("%s: %+v", what, a)
		}
		if b.Refs != s.stripeOf(hostKey{"c", "h"}).hosts[hostKey{"c", "h"}].refs {
			t.Fatalf("%s: the table is not that of the host", what)
		}
		for i, sample := range b.Samples {
			if want := i < cores; (sample.Ref != 0) != want || want && sample.Ref != of.Samples[i].Ref {
				t.Fatalf("%s: sample %d has the reference %d", what, i, sample.Ref)
			}
		}
	}
	stored := batch(2, cores)
	if a := s.Append(stored); a.Stored != cores {
		t.Fatalf("%+v", a)
	}
	again := batch(1, cores+1) // the last one is of a series that the host does not have
	skip(again, "by name", stored)
	skip(again, "by reference", stored)
	s.Free([][]string{{"c", "h", "core0"}}, math.MaxInt64, Entry{})
	stale := *again
	stale.Entry, stale.Samples = Entry{1, 1}, slices.Clone(again.Samples)
	if a := s.Append(&stale); a.Series != cores-1 || stale.Refs == again.Refs || stale.Samples[0].Ref != 0 || stale.Samples[1].Ref == 0 {
		t.Errorf("by stale references: %+v, samples %+v", a, stale.Samples[:2])
	}
	for _, b := range []*Batch{again, &stale} {
		for i, sample := range b.Samples {
			if sample.Ref == 0 {
				continue
			}
			if part, m := b.Refs.seriesLocked(sample.Ref); part != names.Parts[i] || m != load {
				t.Fatalf("the reference of core %d is to %v", i, part)
			}
		}
	}
}

// TestSeriesGoBetweenTwoRuns of one batch: by name, by references that become stale,
// and by such that were it from the start. No sample has a reference of another table
// than the batch's.
func TestSeriesGoBetweenTwoRuns(t *testing.T) {
	const samples = 2*appendRun + 10
	selectors := map[string][]string{"all": nil, "one series": {"c", "h", "core0"}}
	for name, selector := range selectors {
		for _, kind := range []string{"by name", "current", "stale"} {
			t.Run(name+" "+kind, func(t *testing.T) {
				s := newStore(t, Config{})
				load, _ := s.Metric([]byte("load"))
				b := &Batch{Cluster: "c", Host: "h"}
				for p := range int32(samples) {
					b.Parts = append(b.Parts, Part{Type: "core", ID: strconv.Itoa(int(p))})
					b.Add(p, load, t0, 1)
				}
				if kind != "by name" {
					s.Append(b)
				}
				if kind == "stale" {
					s.Free([][]string{selector}, math.MaxInt64, Entry{})
				}
				var a appender
				a.begin(s, b)
				key := hostKey{"c", "h"}
				for len(a.rest) > 0 {
					if need := a.run(s.stripeOf(key), key); need > 0 {
						t.Fatalf("%d bytes are needed", need)
					}
					if len(a.rest) == appendRun+10 {
						s.Free([][]string{selector}, math.MaxInt64, Entry{})
					}
				}
				stored := a.done.Stored
				a.end()
				if stored != samples || b.Refs != s.stripeOf(key).hosts[key].refs {
					t.Fatalf("%d samples of %d are stored", stored, samples)
				}
				for p, sample := range b.Samples {
					if old := p < appendRun; old != (sample.Ref == 0) {
						t.Fatalf("sample %d has the reference %d", p, sample.Ref)
					}
					if sample.Ref == 0 {
						continue
					}
					if part, m := b.Refs.seriesLocked(sample.Ref); m != load || part.ID != strconv.Itoa(p) {
						t.Fatalf("the reference of sample %d is to %+v", p, part)
					}
				}
			})
		}
	}
}

// TestReferencesOfSeveralSenders: of one host, while its series come and go, each sender
// with what its last batch came back with. In the end the store has what they sent.
func TestReferencesOfSeveralSenders(t *testing.T) {
	s := newStore(t, Config{})
	load, _ := s.Metric([]byte("load"))
	const senders, rounds, series = 4, 300, 20
	var sending, freeing sync.WaitGroup
	stop := make(chan struct{})
	freeing.Go(func() {
		for i := 0; ; i++ {
			select {
			case <-stop:
				return
			default:
				s.Free([][]string{{"c", "h", "core" + strconv.Itoa(i%(senders*series))}}, math.MaxInt64, Entry{})
			}
		}
	})
	batch := func(sender int) *Batch {
		b := &Batch{Cluster: "c", Host: "h"}
		for i := range int32(series) {
			b.Parts = append(b.Parts, Part{Type: "core", ID: strconv.Itoa(sender*series + int(i))})
			b.Add(i, load, t0, 0)
		}
		return b
	}
	batches := make([]*Batch, senders)
	for n := range senders {
		batches[n] = batch(n)
		sending.Go(func() {
			for round := range rounds {
				for i := range batches[n].Samples {
					batches[n].Samples[i].Value = float64(round*senders*series + n*series + i)
				}
				if done := s.Append(batches[n]); done.Stored != series {
					t.Errorf("%+v", done)
				}
			}
		})
	}
	sending.Wait()
	close(stop)
	freeing.Wait()
	for n, b := range batches {
		s.Append(b) // what was freed is there again
		for i := range series {
			id := strconv.Itoa(n*series + i)
			rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", Type: "core", TypeIDs: []string{id}, From: t0, To: t0 + 60})
			if want := float64((rounds-1)*senders*series + n*series + i); err != nil || len(rows) != 1 || rows[0].Values[0] != want {
				t.Errorf("core %s: %+v, %v, want %v", id, rows, err, want)
			}
		}
	}
}

// TestSampleIsSmall: all samples on their way from the log pass through memory.
func TestSampleIsSmall(t *testing.T) {
	if n := unsafe.Sizeof(Sample{}); n != 24 {
		t.Errorf("a sample takes %d bytes", n)
	}
}

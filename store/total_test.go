package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"slices"
	"strconv"
	"testing"

	"cc-metric-store/test/testkit"
)

// threads sends ticks of a host whose hardware threads have two metrics, to several stores.
type threads struct {
	t      *testing.T
	stores []*Store
	n      int
	tick   int64
	walk   func(thread int, metric string) float64
}

var threadMetrics = []string{"flops", "clock"}

func newThreads(t *testing.T, r *rand.Rand, n int, stores ...*Store) *threads {
	values := map[string]float64{}
	return &threads{t: t, stores: stores, n: n, walk: func(thread int, metric string) float64 {
		key := fmt.Sprint(metric, thread)
		values[key] += math.Round(1000*r.NormFloat64()) / 100
		return values[key]
	}}
}

// thread returns the part of a hardware thread.
func thread(i int) Part { return Part{Type: "hwthread", ID: strconv.Itoa(i)} }

// send sends the next tick of all threads that are not left out.
func (h *threads) send(leaveOut ...int) {
	h.t.Helper()
	h.sendAt(h.tick, leaveOut...)
	h.tick++
}

func (h *threads) sendAt(tick int64, leaveOut ...int) {
	h.t.Helper()
	values := map[string]float64{}
	for _, m := range threadMetrics {
		for i := range h.n {
			values[fmt.Sprint(m, i)] = h.walk(i, m)
		}
	}
	for _, s := range h.stores {
		b := &Batch{Cluster: "c", Host: "h"}
		for i := range h.n {
			if slices.Contains(leaveOut, i) {
				continue
			}
			b.Parts = append(b.Parts, thread(i))
			for _, m := range threadMetrics {
				id, _ := s.Metric([]byte(m))
				b.Add(int32(len(b.Parts)-1), id, t0+60*tick, values[fmt.Sprint(m, i)])
			}
		}
		if done := s.Append(b); done.Stored != len(b.Samples) {
			h.t.Fatalf("stored %d of %d samples", done.Stored, len(b.Samples))
		}
	}
}

// seals sends so many whole blocks, and what seals the last one.
func (h *threads) sendBlocks(n int, leaveOut ...int) {
	h.t.Helper()
	for h.tick%128 != 0 {
		h.send(leaveOut...)
	}
	for range 128*n + sealDelay + 1 {
		h.send(leaveOut...)
	}
}

// query asks for the whole time.
func (h *threads) query(metric string) *Query {
	return &Query{Cluster: "c", Host: "h", Metric: metric, From: t0, To: t0 + 60*h.tick}
}

// ids are those of all threads.
func (h *threads) ids() (ids []string) {
	for i := range h.n {
		ids = append(ids, strconv.Itoa(i))
	}
	return ids
}

// countTotals returns how many blocks answer a query by a total, and how many runs there are besides.
func countTotals(t *testing.T, s *Store, q *Query) (totals, runs int) {
	t.Helper()
	metric, _ := s.metrics.queried(q.Metric)
	snapshots, err := s.snapshots(&queryMemory{}, q, &metric)
	if err != nil {
		t.Fatal(err)
	}
	for _, v := range snapshots {
		for _, r := range v.rows {
			for _, one := range r.runs {
				if one.isTotal {
					totals++
				} else {
					runs++
				}
			}
		}
	}
	return totals, runs
}

// TestTotalsChangeNothing compares all answers, bit by bit, of a store with totals with those of
// one without, while threads come and go, miss samples, send late ones and are freed, and the
// store is restored.
func TestTotalsChangeNothing(t *testing.T) {
	r := testkit.Rand(t)
	dir := t.TempDir()
	with, without := newStore(t, Config{}), newStore(t, Config{totalParts: math.MaxInt})
	h := newThreads(t, r, manyParts+r.IntN(20), with, without)
	used := 0
	for range 60 {
		switch r.IntN(8) {
		case 0:
			h.n += r.IntN(2)
		case 1:
			selector := []string{"c", "h", "hwthread" + strconv.Itoa(r.IntN(h.n))}
			before := t0 + 60*r.Int64N(h.tick+1)
			if a, b := with.Free([][]string{selector}, before, Entry{}), without.Free([][]string{selector}, before, Entry{}); a != b {
				t.Fatalf("freed %d blocks with totals, %d without", a, b)
			}
		case 2:
			for range r.IntN(200) {
				h.sendAt(r.Int64N(h.tick+1), r.IntN(h.n))
			}
		case 3:
			part := pick(r, Part{}, Part{Type: "socket", ID: "0"}, Part{Type: "core", ID: "1"})
			at, v := t0+60*r.Int64N(h.tick+1), math.Round(100*r.NormFloat64())/10
			for _, s := range h.stores {
				put(t, s, "h", part, "flops", at, v)
			}
		case 4:
			restoreFirst(t, h, dir)
			with = h.stores[0]
		default:
			for range r.IntN(300) {
				if r.IntN(40) == 0 {
					h.tick++
				}
				if r.IntN(20) == 0 {
					h.send(r.IntN(h.n))
				} else {
					h.send()
				}
			}
		}
		checkStore(t, with)
		for range 4 {
			q := h.query(pick(r, threadMetrics...))
			q.From += 60 * r.Int64N(h.tick+1)
			q.To -= r.Int64N(q.To - q.From + 1)
			if r.IntN(2) == 0 {
				q.Type, q.TypeIDs, q.Aggregate = "hwthread", h.ids(), true
				r.Shuffle(len(q.TypeIDs), func(i, j int) { q.TypeIDs[i], q.TypeIDs[j] = q.TypeIDs[j], q.TypeIDs[i] })
			}
			q.Scale, q.Unpadded, q.NoData = pick(r, 0, 0.1), r.IntN(2) == 0, r.IntN(3) == 0
			n, _ := countTotals(t, with, q)
			used += n
			if n, _ := countTotals(t, without, q); n > 0 {
				t.Fatalf("%+v: %d totals in a store without them", q, n)
			}
			got, err := with.Query(q)
			want, wantErr := without.Query(q)
			if err != nil || wantErr != nil {
				t.Fatal(err, wantErr)
			}
			if diff := differStatistics(got, want); diff != "" {
				t.Fatalf("%+v: %s", q, diff)
			}
		}
	}
	if used < 100 {
		t.Errorf("%d totals were used: the test does not show what it should", used)
	}
}

// restoreFirst replaces the first store by one that is made of its checkpoint.
func restoreFirst(t *testing.T, h *threads, dir string) {
	t.Helper()
	c, err := OpenCheckpoints(h.stores[0], CheckpointConfig{Directory: dir})
	if err == nil {
		err = c.Write(t.Context(), newTestLog())
	}
	if err != nil {
		t.Fatal(err)
	}
	c.Close()
	h.stores[0] = newStore(t, Config{})
	if c, err = OpenCheckpoints(h.stores[0], CheckpointConfig{Directory: dir}); err != nil {
		t.Fatal(err)
	}
	defer c.Close()
	if _, err = c.Load(t.Context()); err != nil || c.Stats().Failed > 0 {
		t.Fatal(err, c.Stats().Err)
	}
}

// differStatistics is differ for series whose statistics may be NaN.
func differStatistics(got, want []Series) string {
	for i := range min(len(got), len(want)) {
		g, w := &got[i], &want[i]
		if !sameBits(g.Avg, w.Avg) || !sameBits(g.Min, w.Min) || !sameBits(g.Max, w.Max) {
			return fmt.Sprintf("series %d: average %v, min %v, max %v, want %v, %v and %v", i, g.Avg, g.Min, g.Max, w.Avg, w.Min, w.Max)
		}
		g.Avg, g.Min, g.Max, w.Avg, w.Min, w.Max = 0, 0, 0, 0, 0, 0
	}
	return differ(got, want)
}

// TestTotals says when a sealed block answers by its total.
func TestTotals(t *testing.T) {
	expect := func(t *testing.T, h *threads, totals, runs int) {
		t.Helper()
		for _, m := range threadMetrics {
			q := h.query(m)
			if got, others := countTotals(t, h.stores[0], q); got != totals || others != runs {
				t.Errorf("%s: %d totals and %d other runs, want %d and %d", m, got, others, totals, runs)
			}
			q.Type, q.TypeIDs, q.Aggregate = "hwthread", h.ids(), true
			slices.Reverse(q.TypeIDs)
			if got, others := countTotals(t, h.stores[0], q); got != totals || others != runs {
				t.Errorf("%s by the names of threads: %d totals and %d other runs, want %d and %d", m, got, others, totals, runs)
			}
		}
	}
	r := testkit.Rand(t)
	start := func(t *testing.T, n int) *threads {
		h := newThreads(t, r, n, newStore(t, Config{}))
		h.sendBlocks(2)
		return h
	}
	const n = 12
	t.Run("of sealed and open blocks", func(t *testing.T) { expect(t, start(t, n), 3, 0) })
	t.Run("not of few parts", func(t *testing.T) {
		h := start(t, manyParts-1)
		expect(t, h, 0, 3*h.n)
	})
	t.Run("not of some of the parts", func(t *testing.T) {
		h := start(t, n)
		q := h.query("flops")
		q.Type, q.TypeIDs, q.Aggregate = "hwthread", h.ids()[1:], true
		if totals, runs := countTotals(t, h.stores[0], q); totals != 1 || runs != 2*(n-1) {
			t.Errorf("%d totals and %d other runs", totals, runs)
		}
	})
	t.Run("not with a late sample", func(t *testing.T) {
		h := start(t, n)
		h.sendAt(5)
		expect(t, h, 2, n)
	})
	t.Run("sealed anew", func(t *testing.T) {
		h := start(t, n)
		for range 2 * patchesOfColumn {
			h.sendAt(r.Int64N(128))
		}
		s := h.stores[0]
		host := s.stripeOf(hostKey{"c", "h"}).hosts[hostKey{"c", "h"}]
		for _, g := range host.grids {
			if g != nil {
				s.sealLocked(host, g, g.blocks.first())
			}
		}
		expect(t, h, 3, 0)
	})
	t.Run("not with another part", func(t *testing.T) {
		h := start(t, n)
		h.n++
		h.send()
		expect(t, h, 1, 2*n) // the new part has no samples before
		h.sendBlocks(1)
		expect(t, h, 2+1, 2*n)
	})
	t.Run("where a part has gaps alone", func(t *testing.T) {
		h := start(t, n)
		h.sendBlocks(1, 3) // which has no samples of this thread
		expect(t, h, 4, n-1)
		restoreFirst(t, h, t.TempDir())
		expect(t, h, 4, n-1)
	})
	t.Run("without a part", func(t *testing.T) {
		h := start(t, n)
		h.stores[0].Free([][]string{{"c", "h", "hwthread3"}}, t0+60*100_000, Entry{})
		if totals, runs := countTotals(t, h.stores[0], h.query("flops")); totals != 1 || runs != 2*(n-1) {
			t.Errorf("%d totals and %d other runs", totals, runs)
		}
	})
	t.Run("beside a series of the host", func(t *testing.T) {
		h := start(t, n)
		put(t, h.stores[0], "h", Part{}, "flops", t0, 1)
		if totals, runs := countTotals(t, h.stores[0], h.query("flops")); totals != 2 || runs != 1+n {
			t.Errorf("%d totals and %d other runs", totals, runs)
		}
	})
	t.Run("after a restart", func(t *testing.T) {
		h := start(t, n)
		restoreFirst(t, h, t.TempDir())
		expect(t, h, 3, 0)
	})
}

// TestTotalsOfManyPartsAreBounded: a host with so many parts and metrics that finding all totals
// would hold its lock for long has few, and answers as it would with all of them.
func TestTotalsOfManyPartsAreBounded(t *testing.T) {
	const parts, metrics = 20_000, 40
	config := map[string]MetricConfig{}
	for m := range metrics {
		config[fmt.Sprint("m", m)] = MetricConfig{Frequency: 60, Aggregation: AggregateSum}
	}
	s := newStore(t, Config{Metrics: config})
	b := &Batch{Cluster: "c", Host: "h"}
	add := func(p Part, m int) {
		id, _ := s.Metric([]byte(fmt.Sprint("m", m)))
		b.Parts = append(b.Parts, p)
		b.Add(int32(len(b.Parts)-1), id, t0, 1)
	}
	for i := range parts {
		add(Part{Type: "a", ID: strconv.Itoa(i)}, 0)
	}
	for m := range metrics {
		for i := range manyParts {
			add(Part{Type: "hwthread", ID: strconv.Itoa(i)}, m)
		}
	}
	if done := s.Append(b); done.Stored != len(b.Samples) {
		t.Fatalf("stored %d of %d samples", done.Stored, len(b.Samples))
	}
	h := s.stripeOf(hostKey{"c", "h"}).hosts[hostKey{"c", "h"}]
	s.sealAll()
	most := maxTotalsWork/parts + 1 // one metric has two kinds of parts
	if n := len(h.totals.all); n == 0 || n > most {
		t.Errorf("%d totals, want 1 to %d", n, most)
	}
	for m := 1; m < metrics; m++ {
		rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: fmt.Sprint("m", m), From: t0, To: t0 + 60})
		if err != nil || len(rows) != 1 || rows[0].Values[0] != manyParts {
			t.Fatalf("metric %d: %v, %v", m, rows, err)
		}
	}
}

// TestQueryMemoryKeepsNothing: what a query had is not reachable any more when its memory is used
// for others, however many columns its rows had.
func TestQueryMemoryKeepsNothing(t *testing.T) {
	s := newStore(t, Config{})
	for i := range 40 {
		put(t, s, "h", thread(i), "temp", t0, 1)
	}
	memory := &queryMemory{}
	q := &Query{Cluster: "c", Host: "h", Metric: "temp", Type: "hwthread", From: t0, To: t0 + 60, Aggregate: true}
	for _, ids := range []int{7, 2} { // too few for a total
		q.TypeIDs = nil
		for i := range ids {
			q.TypeIDs = append(q.TypeIDs, strconv.Itoa(i))
		}
		metric, _ := s.metrics.queried(q.Metric)
		snapshots, err := s.snapshots(memory, q, &metric)
		if err != nil || len(snapshots) != 1 {
			t.Fatal(snapshots, err)
		}
		snapshots[0].values(memory, 0, AggregateAvg)
	}
	memory.reset()
	for _, r := range memory.scratch.runs[:cap(memory.scratch.runs)] {
		if r != nil {
			t.Fatal("a run is still referred to")
		}
	}
	for _, r := range memory.runs[:cap(memory.runs)] {
		if r.sealed != nil || r.values != nil {
			t.Fatal("the values of a run are still referred to")
		}
	}
}

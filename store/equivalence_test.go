package store

import (
	"errors"
	"fmt"
	"math"
	"math/rand/v2"
	"reflect"
	"slices"
	"strconv"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

var equivalenceMetrics = map[string]MetricConfig{
	"load":  {Frequency: 60},
	"flops": {Frequency: 60, Aggregation: AggregateSum},
	"clock": {Frequency: 60, Aggregation: AggregateAvg},
	"power": {Frequency: 7, Aggregation: AggregateSum},
	"temp":  {Frequency: 1, Aggregation: AggregateAvg},
}

// TestEquivalence sends random operations to a store and to the model and
// compares all answers.
func TestEquivalence(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for _, stripes := range []int{1, 64} {
		for _, slots := range []int{1, 2, 16, 128} {
			t.Run(fmt.Sprintf("stripes=%d/slots=%d", stripes, slots), func(t *testing.T) {
				e := newEquivalence(t, seed, Config{Metrics: equivalenceMetrics, Stripes: stripes, blockSlots: slots, Retention: time.Hour})
				for range 1500 {
					e.step()
				}
				e.checkHeld()
				e.checkReferences()
			})
		}
	}
}

// TestEquivalenceAtAnyTimes is TestEquivalence with samples of many series that lie
// years apart, up to the bounds of times.
func TestEquivalenceAtAnyTimes(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	counted := false
	for _, slots := range []int{1, 16, 128} {
		t.Run(fmt.Sprintf("slots=%d", slots), func(t *testing.T) {
			e := newEquivalence(t, seed, Config{Metrics: equivalenceMetrics, blockSlots: slots, Retention: time.Hour})
			e.anywhere, e.parts, e.spare = 2, 300, 20
			for range 1500 {
				e.step()
				e.checkHeld()
				counted = counted || e.hasManyBlocks()
			}
		})
	}
	if !counted {
		t.Error("no grid had many blocks: the test does not show what it should")
	}
}

// hasManyBlocks reports whether a grid counts in which blocks its columns are.
func (e *equivalence) hasManyBlocks() bool {
	for i := range e.store.stripes {
		for _, h := range e.store.stripes[i].hosts {
			if slices.ContainsFunc(h.grids, func(g *grid) bool { return g != nil && g.holders != nil }) {
				return true
			}
		}
	}
	return false
}

// TestEquivalenceUnderMemoryCap is TestEquivalence with so little memory that
// the oldest blocks give way all the time. The model learns which, and checks
// that they are the oldest.
func TestEquivalenceUnderMemoryCap(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for _, test := range []struct{ slots, anywhere int }{{1, 0}, {16, 0}, {128, 0}, {16, 3}, {128, 3}, {128, 1}} {
		t.Run(fmt.Sprintf("slots=%d/anywhere=%d", test.slots, test.anywhere), func(t *testing.T) {
			const limit = 128 << 10
			e := newEquivalence(t, seed, Config{Metrics: equivalenceMetrics, blockSlots: test.slots, Retention: time.Hour, MaxSeries: 500, MemoryCap: limit})
			e.single, e.anywhere = true, test.anywhere
			e.store.testHooks.onEvict = func(host hostKey, frequency int64, b *block) {
				g := modelGrid{host, frequency}
				if !e.model.isNext(g, b.start) {
					t.Fatalf("evicted the block from %d to %d, which is not the next one", b.start, b.end)
				}
				e.model.evict(g, b.start)
			}
			for range 1500 {
				e.step()
				e.checkHeld()
				if n := e.store.usedBytes.Load(); n > limit {
					t.Fatalf("%d bytes are held", n)
				}
			}
			if e.store.Stats().Evicted == 0 {
				t.Error("nothing was evicted")
			}
			e.checkReferences()
		})
	}
}

type equivalence struct {
	single bool // one sample in a batch
	t      *testing.T
	rnd    *rand.Rand
	store  *Store
	model  *model
	base   int64 // samples lie around it
	past   int64 // seldom so far before it, in seconds
	// One in so many samples lies anywhere in time, 0: none.
	anywhere int
	strays   []int64 // some of their times
	parts    int     // so many more parts of a host, for some samples
	spare    int     // how much less is freed

	tables         map[hostKey][]*knownRefs // the newest one last
	stale, current int                      // samples by stale references, and by others
}

func newEquivalence(t *testing.T, seed uint64, cfg Config) *equivalence {
	e := &equivalence{
		t: t, rnd: rand.New(rand.NewPCG(seed, uint64(cfg.Stripes*1000+cfg.blockSlots))),
		model: newModel(cfg.Metrics, cfg.blockSlots), base: 1_700_000_000, past: 1_000_000,
		tables: map[hostKey][]*knownRefs{},
	}
	cfg.Now = func() time.Time { return time.Unix(e.base, 0) }
	if cfg.totalParts == 0 { // so that there are many
		cfg.totalParts = 2
	}
	var err error
	if e.store, err = New(cfg); err != nil {
		t.Fatal(err)
	}
	return e
}

// checkHeld compares what is accounted for with what is there.
func (e *equivalence) checkHeld() {
	e.t.Helper()
	checkStore(e.t, e.store)
}

func checkStore(t *testing.T, s *Store) {
	t.Helper()
	var held int64
	for i := range s.stripes {
		for _, h := range s.stripes[i].hosts {
			held += h.size()
			for _, g := range h.grids {
				if g == nil {
					continue
				}
				held += checkGrid(t, g)
			}
		}
	}
	if n := s.usedBytes.Load(); n != held {
		t.Fatalf("%d bytes are accounted for, %d are there", n, held)
	}
	checkHostIndex(t, s)
}

// checkGrid checks what a grid knows of its blocks, and returns their size.
func checkGrid(t *testing.T, g *grid) (held int64) {
	t.Helper()
	n, end := 0, int64(math.MinInt64)
	holders := make([]int32, g.columns)
	for b := range g.blocks.all() {
		held += b.size()
		n++
		if b.start >= b.end || end > b.start {
			t.Fatalf("blocks overlap: %d to %d", b.start, b.end)
		}
		end = b.end
		if b.head != nil && !g.isOpen(b) {
			t.Fatalf("the block from %d has a head and is closed", b.start)
		}
		for c := range b.present(g.columns) {
			if !g.isOpen(b) {
				holders[c]++
			}
		}
	}
	if n != g.blocks.len() || len(g.open) > maxOpen+1 {
		t.Fatalf("%d blocks are counted, %d are there, %d are open", g.blocks.len(), n, len(g.open))
	}
	if g.holders != nil && !slices.Equal(g.holders, holders) {
		t.Fatalf("in %d blocks columns are counted %d, are there %d", n, g.holders, holders)
	}
	for _, run := range g.blocks.runs {
		if len(run) == 0 || len(run) > maxRun {
			t.Fatalf("a run of %d blocks", len(run))
		}
	}
	return held
}

func (e *equivalence) step() {
	switch n := e.rnd.IntN(20); {
	case n < 8:
		e.append()
	case n == 8 && e.rnd.IntN(1+e.spare) == 0:
		e.free()
	case n == 9 && e.rnd.IntN(5) == 0 && e.rnd.IntN(1+e.spare) == 0:
		e.store.retain(e.store.cfg.Now())
		e.model.retain(e.base - int64(e.store.cfg.Retention.Seconds()))
	case e.spare == 0 || e.rnd.IntN(4) == 0: // the model takes its time for many series
		e.query()
	}
}

func pick[T any](r *rand.Rand, from ...T) T { return from[r.IntN(len(from))] }

func (e *equivalence) host() hostKey {
	return hostKey{pick(e.rnd, "alex", "fritz"), pick(e.rnd, "", "a1", "a2")}
}

func (e *equivalence) metric() string {
	return pick(e.rnd, "load", "flops", "clock", "power", "temp")
}

func (e *equivalence) part() Part {
	p := Part{Type: pick(e.rnd, "", "socket", "hwthread", "core", "zebra", "rack")}
	if p.Type == "" {
		return p
	}
	p.ID = pick(e.rnd, "0", "1", "2", "10")
	if e.parts > 0 && e.rnd.IntN(2) == 0 {
		p.ID = strconv.Itoa(e.rnd.IntN(e.parts))
	}
	if e.rnd.IntN(4) == 0 {
		p.Subtype, p.SubID = pick(e.rnd, "disk", "net"), pick(e.rnd, "a", "b")
	}
	return p
}

// time returns a time near the newest ones, seldom one far in the past.
func (e *equivalence) time() int64 {
	if e.anywhere > 0 && e.rnd.IntN(e.anywhere) == 0 {
		return e.stray()
	}
	if e.rnd.IntN(10) == 0 {
		return e.base - e.rnd.Int64N(e.past)
	}
	e.base += e.rnd.Int64N(20)
	return e.base - e.rnd.Int64N(600)
}

// stray returns a time of 28 years, one at the bounds of times, or one near another
// stray.
func (e *equivalence) stray() int64 {
	at := e.base - e.rnd.Int64N(28*365*24*3600)
	switch {
	case e.rnd.IntN(20) == 0:
		at = pick(e.rnd, int64(-1), 1) * (MaxTime - e.rnd.Int64N(300))
	case len(e.strays) > 0 && e.rnd.IntN(2) == 0:
		at = max(min(e.strays[e.rnd.IntN(len(e.strays))]+e.rnd.Int64N(600), MaxTime), -MaxTime)
	}
	if e.strays = append(e.strays, at); len(e.strays) > 20 {
		e.strays = e.strays[1:]
	}
	return at
}

func (e *equivalence) value() float64 {
	switch e.rnd.IntN(8) {
	case 0:
		return math.Copysign(0, -1)
	case 1:
		return math.SmallestNonzeroFloat64
	case 2:
		return math.MaxFloat64
	}
	return math.Float64frombits(e.rnd.Uint64()&^(1<<62) | 1<<61) // finite
}

func (e *equivalence) append() {
	host := e.host()
	b := Batch{Cluster: host.cluster, Host: host.host}
	var names []modelSeries // of the samples
	tick, ticks := e.time(), e.rnd.IntN(2) == 0
	for range 1 + e.rnd.IntN(40) {
		part, metric, at, v := e.part(), e.metric(), e.time(), e.value()
		id, _ := e.store.Metric([]byte(metric))
		b.Parts = append(b.Parts, part)
		for range 1 + e.rnd.IntN(3) {
			b.Add(int32(len(b.Parts)-1), id, at, v)
			names = append(names, modelSeries{host, part, metric})
			at, v = e.time(), e.value()
		}
	}
	if ticks { // all of one time, as of a collector
		for i := range b.Samples {
			b.Samples[i].Time = tick
		}
	}
	if !e.single {
		e.send(&b, names)
		return
	}
	all := b.Samples
	for i := range all {
		b.Samples = all[i : i+1]
		e.send(&b, names[i:i+1])
	}
}

// send gives a batch to the store first, which may evict what the model holds.
func (e *equivalence) send(b *Batch, names []modelSeries) {
	e.refer(b, names)
	done := e.store.Append(b)
	if done.Stored != len(b.Samples) {
		e.t.Fatalf("stored %d of %d samples", done.Stored, len(b.Samples))
	}
	for i, s := range b.Samples {
		e.model.set(names[i], s.Time, s.Value)
	}
	e.learn(b, names)
}

func (e *equivalence) free() {
	host, part := e.host(), e.part()
	path := []string{host.cluster, host.host, part.level(), part.sublevel()}
	selector := path[:e.rnd.IntN(5)]
	before := e.base - e.rnd.Int64N(3000)
	if len(e.strays) > 0 && e.rnd.IntN(10) > 0 { // otherwise little is left
		before = e.strays[e.rnd.IntN(len(e.strays))]
	}
	got, want := e.store.Free([][]string{selector}, before, Entry{}), e.model.free(selector, before)
	if got != want {
		e.t.Fatalf("free %q before %d: %d blocks, the model %d", selector, before, got, want)
	}
}

func (e *equivalence) query() {
	q := e.randomQuery()
	got, err := e.store.Query(q)
	want, wantErr := e.model.query(q)
	if !errors.Is(err, wantErr) {
		e.t.Fatalf("%+v: error %v, the model %v", q, err, wantErr)
	}
	overflow(want)
	if diff := differ(got, want); diff != "" {
		e.t.Fatalf("%+v: %s", q, diff)
	}
	e.statistics(q)
}

func (e *equivalence) randomQuery() *Query {
	host := e.host()
	from := e.base - e.rnd.Int64N(4000)
	if len(e.strays) > 0 && e.rnd.IntN(2) == 0 {
		at := e.strays[e.rnd.IntN(len(e.strays))] - e.rnd.Int64N(4000)
		from = max(min(at, MaxTime-4000), -MaxTime)
	}
	q := &Query{
		Cluster: host.cluster, Host: host.host, Metric: e.metric(),
		From: from, To: from + e.rnd.Int64N(4000),
		Aggregate: e.rnd.IntN(2) == 0, Unpadded: e.rnd.IntN(3) == 0, NoStats: true,
	}
	if e.rnd.IntN(2) == 0 {
		q.Type = pick(e.rnd, "socket", "hwthread", "core", "zebra")
		q.TypeIDs = []string{"1", "0", "10", "7"}[:e.rnd.IntN(5)]
	}
	if q.Type != "" && e.rnd.IntN(4) == 0 {
		q.Subtype, q.SubtypeIDs = "disk", []string{"b", "a"}[:e.rnd.IntN(3)]
	}
	return q
}

// statistics checks that statistics are the same with and without the values.
func (e *equivalence) statistics(q *Query) {
	q.NoStats, q.Scale = false, pick(e.rnd, 0, 1, 0.5, math.MaxFloat64)
	with, errWith := e.store.Query(q)
	q.NoData = true
	without, err := e.store.Query(q)
	if len(with) != len(without) || !errors.Is(err, errWith) {
		e.t.Fatalf("%+v: %d series and %v without values, %d and %v with them", q, len(without), err, len(with), errWith)
	}
	for i := range with {
		w, o := &with[i], &without[i]
		if o.Values != nil || w.From != o.From || w.To != o.To || w.Resolution != o.Resolution ||
			!sameBits(w.Avg, o.Avg) || !sameBits(w.Min, o.Min) || !sameBits(w.Max, o.Max) {
			e.t.Fatalf("%+v: %+v without values, %+v with them", q, o, w)
		}
	}
}

// overflow makes gaps of sums that are too large.
func overflow(all []Series) {
	for _, s := range all {
		for i, v := range s.Values {
			if math.IsInf(v, 0) {
				s.Values[i] = math.NaN()
			}
		}
	}
}

// differ describes the first difference between two answers, bit by bit.
func differ(got, want []Series) string {
	if len(got) != len(want) {
		return fmt.Sprintf("%d series, want %d", len(got), len(want))
	}
	for i := range got {
		g, w := got[i], want[i]
		gv, wv := g.Values, w.Values
		g.Values, w.Values = nil, nil
		if !reflect.DeepEqual(g, w) || len(gv) != len(wv) {
			return fmt.Sprintf("series %d: %+v of %d values, want %+v of %d", i, g, len(gv), w, len(wv))
		}
		for j := range gv {
			if math.Float64bits(gv[j]) != math.Float64bits(wv[j]) && !(math.IsNaN(gv[j]) && math.IsNaN(wv[j])) {
				return fmt.Sprintf("series %d, cell %d: %v, want %v", i, j, gv[j], wv[j])
			}
		}
	}
	return ""
}

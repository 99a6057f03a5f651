package store

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"maps"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"sync"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// testLog is a log of operations, of which a store is made again. Its entries
// are numbered from 1.
type testLog struct {
	entries []func(*Store, Entry)

	mu       sync.Mutex
	changed  *sync.Cond
	applied  Entry // guarded by mu
	released Entry // guarded by mu: those before this one are not needed
}

func newTestLog() *testLog {
	l := &testLog{applied: Entry{1, 0}}
	l.changed = sync.NewCond(&l.mu)
	return l
}

var logCreated = time.Unix(1_700_000_000, 0)

func (l *testLog) Applied() (LogPosition, int64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	return LogPosition{l.applied, "TEST", logCreated, logCreated.Add(time.Duration(l.applied.Seq))}, int64(l.applied.Seq)
}

func (l *testLog) Await(ctx context.Context, e Entry) error {
	l.mu.Lock()
	defer l.mu.Unlock()
	defer context.AfterFunc(ctx, l.changed.Broadcast)()
	for l.applied.Epoch == e.Epoch && l.applied.Seq < e.Seq {
		if ctx.Err() != nil {
			return ctx.Err()
		}
		l.changed.Wait()
	}
	return nil
}

// Release notes that the entries before p are not needed any more.
func (l *testLog) Release(_ context.Context, p LogPosition) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.released = p.Entry
}

func (l *testLog) setApplied(e Entry) {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.applied = e
	l.changed.Broadcast()
}

// add appends an entry and applies it.
func (l *testLog) add(s *Store, do func(*Store, Entry)) {
	l.entries = append(l.entries, do)
	l.apply(s, Entry{l.applied.Epoch, uint64(len(l.entries))})
}

func (l *testLog) apply(s *Store, e Entry) {
	l.entries[e.Seq-1](s, e)
	l.setApplied(e)
}

// replay applies the entries after the position.
func (l *testLog) replay(s *Store, from Restored) {
	l.setApplied(from.From.Entry)
	for n := from.From.Entry.Seq + 1; n <= uint64(len(l.entries)); n++ {
		l.apply(s, Entry{from.From.Entry.Epoch, n})
	}
}

// restarts is an equivalence test whose store is made anew now and then, of a
// checkpoint and what the log holds after it.
type restarts struct {
	*equivalence
	log         *testLog
	dir         string
	checkpoints *Checkpoints
	logger      *slog.Logger
}

func newRestarts(t *testing.T, seed uint64, slots int) *restarts {
	cfg := Config{Metrics: equivalenceMetrics, blockSlots: slots, Stripes: 4, Retention: 1e5 * time.Hour}
	r := &restarts{equivalence: newEquivalence(t, seed, cfg), log: newTestLog(), dir: t.TempDir()}
	r.past = 10_000 // to compare all samples takes its time
	r.store.cfg.Now = func() time.Time { return logCreated }
	r.open()
	t.Cleanup(func() { r.checkpoints.Close() })
	return r
}

func (r *restarts) open() {
	var err error
	r.checkpoints, err = OpenCheckpoints(r.store, CheckpointConfig{Directory: r.dir, Logger: r.logger})
	if err != nil {
		r.t.Fatal(err)
	}
}

// restart throws the store away.
func (r *restarts) restart() Restored {
	r.t.Helper()
	r.checkpoints.Close()
	var err error
	if r.store, err = New(r.store.cfg); err != nil {
		r.t.Fatal(err)
	}
	r.open()
	from, err := r.checkpoints.Load(r.t.Context())
	if err != nil {
		r.t.Fatal(err)
	}
	r.checkHeld()
	r.log.replay(r.store, from)
	r.checkHeld()
	return from
}

func (r *restarts) appendEntry() {
	host := r.host()
	b := &Batch{Cluster: host.cluster, Host: host.host}
	for range 1 + r.rnd.IntN(40) {
		id, _ := r.store.Metric([]byte(r.metric()))
		b.Parts = append(b.Parts, r.part())
		for range 1 + r.rnd.IntN(3) {
			b.Add(int32(len(b.Parts)-1), id, r.time(), r.value())
		}
	}
	for _, s := range b.Samples {
		n := b.Names[s.Name]
		r.model.set(modelSeries{host, b.Parts[n.Part], r.store.metrics.at(n.Metric).name}, s.Time, s.Value)
	}
	r.log.add(r.store, func(s *Store, e Entry) {
		one := *b
		one.Entry, one.Samples = e, slices.Clone(b.Samples) // without references
		s.Append(&one)
	})
}

func (r *restarts) freeEntry() {
	var selectors [][]string
	before := r.base - r.rnd.Int64N(3000)
	if r.rnd.IntN(2) == 0 {
		before = math.MaxInt64 // hosts go
	}
	for range 1 + r.rnd.IntN(2) {
		host, part := r.host(), r.part()
		selector := []string{host.cluster, host.host, part.level(), part.sublevel()}[:1+r.rnd.IntN(4)]
		selectors = append(selectors, selector)
		r.model.free(selector, before)
	}
	r.log.add(r.store, func(s *Store, e Entry) { s.Free(selectors, before, e) })
}

// checkAll compares all samples with those of the model.
func (r *restarts) checkAll() {
	r.t.Helper()
	for k := range r.model.series {
		g := r.model.grid(k)
		blocks := r.model.blocks[g]
		if len(blocks) == 0 {
			continue
		}
		q := &Query{Cluster: k.host.cluster, Host: k.host.host, Metric: k.metric, Type: k.part.Type, Subtype: k.part.Subtype,
			From: blocks[0].start, To: blocks[len(blocks)-1].end, Unpadded: true, NoStats: true}
		if r.anywhere > 0 { // one window cannot hold all
			b := blocks[r.rnd.IntN(len(blocks))]
			q.From, q.To = max(b.start-100, -MaxTime), min(b.end+1000, MaxTime)
		}
		if k.part.Type != "" {
			q.TypeIDs = []string{k.part.ID}
		}
		if k.part.Subtype != "" {
			q.SubtypeIDs = []string{k.part.SubID}
		}
		got, err := r.store.Query(q)
		want, wantErr := r.model.query(q)
		if !errors.Is(err, wantErr) {
			r.t.Fatalf("%+v: error %v, the model %v", q, err, wantErr)
		}
		overflow(want)
		if diff := differ(got, want); diff != "" {
			r.t.Fatalf("%+v: %s", q, diff)
		}
	}
}

// TestRestarts throws the store away at random moments, with and without a
// checkpoint that is being written, and makes it again.
func TestRestarts(t *testing.T) {
	seed := testkit.Seed(t)
	for _, test := range []struct{ slots, anywhere int }{{1, 0}, {5, 0}, {128, 0}, {5, 3}, {128, 2}} {
		t.Run(fmt.Sprintf("slots=%d/anywhere=%d", test.slots, test.anywhere), func(t *testing.T) {
			r := newRestarts(t, seed, test.slots)
			r.anywhere, r.parts = test.anywhere, 100*test.anywhere
			rounds := 8
			if os.Getenv("STRESS") != "" {
				rounds = 1000
			}
			for range rounds {
				r.round()
			}
			if n := r.checkpoints.Stats().Failed; n > 0 {
				t.Errorf("%d checkpoints failed: %v", n, r.checkpoints.Stats().Err)
			}
		})
	}
}

func (r *restarts) round() {
	r.operate(r.rnd.IntN(30))
	switch r.rnd.IntN(3) {
	case 0:
		r.write()
	case 1: // while appends go on
		done := make(chan error, 1)
		go func() { done <- r.checkpoints.Write(r.t.Context(), r.log) }()
		r.operate(r.rnd.IntN(10))
		if err := <-done; err != nil {
			r.t.Fatal(err)
		}
	}
	if r.rnd.IntN(2) == 0 {
		from := r.restart()
		if from.Clean {
			r.t.Fatal("a crash passes for a clean stop")
		}
		if from.From.Entry.Seq < r.log.released.Seq {
			r.t.Fatalf("the log is needed from entry %d on, what is before %d was released", from.From.Entry.Seq, r.log.released.Seq)
		}
		r.checkAll()
		for range 30 {
			r.query()
		}
	}
}

// operate does so many operations at random.
func (r *restarts) operate(n int) {
	for range n {
		switch n := r.rnd.IntN(20); {
		case n < 14:
			r.appendEntry()
		case n < 17:
			r.freeEntry()
		default:
			r.query()
		}
	}
}

// write writes a checkpoint, with operations between any two hosts of it. It may
// break off.
func (r *restarts) write() {
	ctx, cancel := context.WithCancel(r.t.Context())
	defer cancel()
	last := r.rnd.IntN(40) // host
	var one sync.Mutex
	r.store.testHooks.onCopy = func() {
		one.Lock()
		defer one.Unlock()
		if r.operate(r.rnd.IntN(4)); last == 0 {
			cancel()
		}
		last--
	}
	defer func() { r.store.testHooks.onCopy = nil }()
	if err := r.checkpoints.Write(ctx, r.log); err != nil && ctx.Err() == nil {
		r.t.Fatal(err)
	}
}

// laggingLog is a log of which a checkpoint begins before all entries.
type laggingLog struct {
	*testLog
	asked int
}

func (l *laggingLog) Applied() (LogPosition, int64) {
	p, read := l.testLog.Applied()
	if l.asked++; l.asked == 1 {
		p.Entry.Seq = 0
	}
	return p, read
}

// TestReplayLeavesOut has a host copied after three entries that the replay
// begins with. The second one freed what the first one wrote, which it would not
// if the third one had been there already.
func TestReplayLeavesOut(t *testing.T) {
	r := newRestarts(t, 1, 128)
	id, _ := r.store.Metric([]byte("load"))
	send := func(times ...int64) {
		b := Batch{Cluster: "alex", Parts: []Part{{}}}
		for _, at := range times {
			r.model.set(modelSeries{hostKey{"alex", ""}, Part{}, "load"}, at, 1)
			b.Add(0, id, at, 1)
		}
		r.log.add(r.store, func(s *Store, e Entry) {
			one := b
			one.Entry, one.Samples = e, slices.Clone(b.Samples) // without references
			s.Append(&one)
		})
	}
	send(r.base)
	before := r.base + 120
	r.model.free([]string{"alex"}, before)
	r.log.add(r.store, func(s *Store, e Entry) { s.Free([][]string{{"alex"}}, before, e) })
	send(r.base-60, r.base+600)
	if err := r.checkpoints.Write(t.Context(), &laggingLog{testLog: r.log}); err != nil {
		t.Fatal(err)
	}
	if from := r.restart(); from.From.Entry.Seq != 0 || from.HighWater.Entry.Seq != 3 {
		t.Fatalf("restored %+v", from)
	}
	r.checkAll()
}

// TestOtherMetrics starts with two metrics less, one in another interval, and a new
// one: that must not get values of those, which are there again with the next start.
func TestOtherMetrics(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 2)
	for range 50 {
		r.appendEntry()
	}
	if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
		t.Fatal(err)
	}
	r.store.cfg.Metrics = map[string]MetricConfig{
		"clock": equivalenceMetrics["clock"], "new": {Frequency: 60}, "power": {Frequency: 60, Aggregation: AggregateSum}, "temp": equivalenceMetrics["temp"],
	}
	r.log.entries = nil
	r.restart()
	left := map[modelSeries]map[modelSlot]float64{}
	for k, values := range r.model.series {
		if k.metric == "load" || k.metric == "flops" {
			left[k] = values
			delete(r.model.series, k)
		}
	}
	r.checkAll()
	r.mustWrite()
	fresh := r.store.cfg
	r.store.cfg.Metrics = equivalenceMetrics
	r.restart()
	maps.Copy(r.model.series, left)
	r.checkAll()
	r.store.cfg = fresh
	r.restart()
	for _, metric := range []string{"new", "power"} {
		id, _ := r.store.Metric([]byte(metric))
		for k := range r.store.stripes {
			for _, h := range r.store.stripes[k].hosts {
				r.checkFresh(h.key, metric, id)
			}
		}
	}
}

// checkFresh gives a host many series of a metric that it did not have, and wants
// to see in them what they got.
func (r *restarts) checkFresh(host hostKey, metric string, id MetricID) {
	r.t.Helper()
	b := &Batch{Cluster: host.cluster, Host: host.host}
	q := &Query{Cluster: host.cluster, Host: host.host, Metric: metric, Type: "fresh", From: r.base - 20_040, To: r.base + 60, NoStats: true}
	for i := range 50 {
		b.Parts = append(b.Parts, Part{Type: q.Type, ID: strconv.Itoa(i)})
		b.Add(int32(i), id, r.base, float64(i))
		q.TypeIDs = append(q.TypeIDs, strconv.Itoa(i))
	}
	r.store.Append(b)
	got, err := r.store.Query(q)
	if err != nil || len(got) != len(b.Parts) {
		r.t.Fatalf("%s of %v: %d series, %v", metric, host, len(got), err)
	}
	for i, series := range got {
		values := slices.DeleteFunc(series.Values, math.IsNaN)
		if !slices.Equal(values, []float64{float64(i)}) {
			r.t.Errorf("%s of %v, series %d: values %v", metric, host, i, values)
		}
	}
}

// TestSealedAnew has so many late samples that a block that is on the disk is
// sealed once more.
func TestSealedAnew(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 128)
	id, _ := r.store.Metric([]byte("load"))
	send := func(at int64, value float64) {
		r.model.set(modelSeries{hostKey{"alex", ""}, Part{}, "load"}, at, value)
		r.log.add(r.store, func(s *Store, e Entry) {
			s.Append(&Batch{Entry: e, Cluster: "alex", Parts: []Part{{}}, Names: []Name{{Metric: id}}, Samples: []Sample{{Time: at, Value: value}}})
		})
	}
	write := func() {
		t.Helper()
		if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
			t.Fatal(err)
		}
	}
	for i := range int64(140) {
		send(r.base+60*i, float64(i))
	}
	write()
	sealed := r.store.Stats().Sealed
	send(r.base+60, 777)
	for i := range int64(patchesOfColumn + 10) {
		send(r.base+60*i, float64(-i))
	}
	if r.store.Stats().Sealed == sealed {
		t.Fatal("no block was sealed once more")
	}
	write()
	r.log.setApplied(Entry{1, uint64(len(r.log.entries))})
	r.restart()
	r.checkAll()
}

// TestCleanStop finishes, and starts again without the log.
func TestCleanStop(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 5)
	for range 30 {
		r.appendEntry()
	}
	if err := r.checkpoints.Finish(t.Context(), r.log, true); err != nil {
		t.Fatal(err)
	}
	from := r.restart()
	if !from.Clean || from.From.Entry.Seq != 30 || !from.From.Created.Equal(logCreated) || from.From != from.HighWater {
		t.Errorf("restored %+v", from)
	}
	r.checkAll()
	if from := r.restart(); from.Clean {
		t.Error("the second start passes for one after a clean stop")
	}
	r.checkAll()
}

// TestOnlyChanges wants nothing to be written twice.
func TestOnlyChanges(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 2)
	for range 40 {
		r.appendEntry()
	}
	write := func() CheckpointStats {
		t.Helper()
		if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
			t.Fatal(err)
		}
		return r.checkpoints.Stats()
	}
	first := write()
	if first.SegmentBytes == 0 {
		t.Fatal("there are no sealed blocks: the test shows nothing")
	}
	if again := write(); again.Written != first.Written {
		t.Error("wrote a checkpoint although nothing has changed")
	}
	r.restart()
	r.appendEntry()
	if second := write(); second.SegmentBytes > first.SegmentBytes/4 {
		t.Errorf("after one entry %d bytes of sealed blocks were written, first %d", second.SegmentBytes, first.SegmentBytes)
	}
	for range 3 {
		r.appendEntry()
		write()
	}
	r.restart()
	r.checkAll()
	if found, _ := filepath.Glob(filepath.Join(r.dir, "*.checkpoint")); len(found) != 2 {
		t.Errorf("checkpoints on the disk: %v, want two", found)
	}
}

// TestSegmentsShrink frees most of what a segment holds.
func TestSegmentsShrink(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 16)
	for range 100 {
		r.appendEntry()
	}
	size := func() (n int64) {
		files, _ := os.ReadDir(r.dir)
		for _, f := range files {
			if info, err := f.Info(); err == nil && strings.HasSuffix(f.Name(), ".segment") {
				n += info.Size()
			}
		}
		return n
	}
	if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
		t.Fatal(err)
	}
	before := size()
	r.model.free([]string{"alex"}, math.MaxInt64)
	r.model.free([]string{"fritz", "a1"}, math.MaxInt64)
	r.log.add(r.store, func(s *Store, e Entry) { s.Free([][]string{{"alex"}, {"fritz", "a1"}}, math.MaxInt64, e) })
	for range 3 {
		r.appendEntry()
		if err := r.checkpoints.Write(t.Context(), r.log); err != nil {
			t.Fatal(err)
		}
	}
	if after := size(); after > before*2/3 {
		t.Errorf("segments of %d bytes, before the free %d", after, before)
	}
	r.restart()
	r.checkAll()
}

package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store/archive"
	"cc-metric-store/test/testkit"
)

// history is a store with an archive, whose process dies now and then, beside plain maps of what its
// files and its memory have to hold.
type history struct {
	*archiving
	log         *testLog
	directory   string // of the checkpoints
	checkpoints *Checkpoints
	files       *archive.Archive
	config      archive.Config
	// twin is what memory has to hold: blocks that go to the archive are dropped there.
	twin *Store
	// done is what was done to memory so far; what is in the log comes again after a crash.
	done    []historyStep
	written int // how many of these the newest checkpoint has
	// filed is what the files have to hold.
	filed            map[SeriesID]map[readCell]float64
	crashes, cleaned int
}

// historyStep is an operation on memory.
type historyStep struct {
	do    func(*Store)
	isLog bool
}

var historyMetrics = map[string]MetricConfig{
	"load":  {Frequency: 60},
	"flops": {Frequency: 60, Aggregation: AggregateSum},
	"clock": {Frequency: 60, Aggregation: AggregateAvg},
	"power": {Frequency: 7, Aggregation: AggregateSum},
	"temp":  {Frequency: 1, Aggregation: AggregateAvg},
}

func newHistory(t *testing.T, seed uint64, slots int) *history {
	cfg := Config{Metrics: historyMetrics, blockSlots: slots, Stripes: 4, Retention: 1e5 * time.Hour, Now: func() time.Time { return logCreated }}
	a := &archiving{equivalence: newEquivalence(t, seed, cfg), regular: true, known: map[SeriesID]SeriesID{}}
	a.base -= a.base % 420
	a.past = 20_000
	h := &history{archiving: a, log: newTestLog(), directory: t.TempDir(), filed: map[SeriesID]map[readCell]float64{}, config: archive.Config{Directory: t.TempDir()}}
	h.twin = newStore(t, cfg)
	h.store.cfg.Now = cfg.Now
	h.open()
	t.Cleanup(func() {
		h.checkpoints.Close()
		if err := h.files.Close(); err != nil {
			t.Error(err)
		}
	})
	return h
}

func (h *history) open() {
	var err error
	if h.files, err = archive.Open(h.config); err != nil {
		h.t.Fatal(err)
	}
	h.store.useArchive(h.files)
	if h.checkpoints, err = OpenCheckpoints(h.store, CheckpointConfig{Directory: h.directory}); err != nil {
		h.t.Fatal(err)
	}
}

// do does to both what the log has.
func (h *history) do(what func(*Store, Entry)) {
	h.log.add(h.store, what)
	step := historyStep{func(s *Store) { what(s, Entry{}) }, true}
	step.do(h.twin)
	h.done = append(h.done, step)
}

func (h *history) append() {
	host := h.host()
	b := Batch{Cluster: host.cluster, Host: host.host}
	for range 1 + h.rnd.IntN(20) {
		metric := h.metric()
		id, _ := h.store.Metric([]byte(metric))
		part := h.part()
		b.Parts = append(b.Parts, part)
		one := SeriesID{host.cluster, host.host, part, metric}
		h.known[one] = one
		for range 1 + h.rnd.IntN(3) {
			at := h.time()
			b.Add(int32(len(b.Parts)-1), id, at-at%historyMetrics[metric].Frequency, h.value())
		}
	}
	h.send(&b)
}

func (h *history) send(b *Batch) {
	h.do(func(s *Store, e Entry) {
		one := *b
		one.Entry, one.Samples, one.Refs = e, slices.Clone(b.Samples), nil
		if done := s.Append(&one); e.Seq == 0 && done.Stored != len(b.Samples) {
			h.t.Fatalf("stored %d of %d samples", done.Stored, len(b.Samples))
		}
	})
}

func (h *history) free() {
	host, part := h.host(), h.part()
	path := []string{host.cluster, host.host, part.level(), part.sublevel()}
	selectors := [][]string{path[:h.rnd.IntN(5)]}
	before := h.base - h.rnd.Int64N(h.past)
	h.do(func(s *Store, e Entry) { s.Free(selectors, before, e) })
}

// pass archives what ends before a time. Meanwhile something may be freed or sent, and the pass may
// break off between two clusters.
func (h *history) pass(before int64) {
	ctx, cancel := context.WithCancel(h.t.Context())
	defer cancel()
	breaksOff := h.rnd.IntN(4) == 0
	left, meanwhile := h.rnd.IntN(8), h.rnd.IntN(3)
	h.store.testHooks.onTaken = func(hostKey) {
		if left--; left != 0 {
			return
		}
		h.learn() // what is in a file is not freed, nor changed, any more
		switch meanwhile {
		case 0:
			h.free()
		case 1:
			h.append()
		}
	}
	freed, err := h.store.archivePass(ctx, before, func(k hostKey) bool {
		if breaksOff && k.cluster == "fritz" {
			cancel()
		}
		return false
	})
	h.store.testHooks.onTaken = nil
	h.store.counters.freed.Add(int64(freed)) // so that a checkpoint is written
	if err != nil && !(breaksOff && errors.Is(err, context.Canceled)) {
		h.t.Fatal(err)
	}
	checkStore(h.t, h.store)
	h.learn()
}

// learn finds what has left memory, and checks that no sample is nowhere, in two places that differ, or
// needlessly in a file again.
func (h *history) learn() {
	h.t.Helper()
	now := h.scan()
	held := h.memory(h.store)
	twin := h.memory(h.twin)
	for id, cells := range twin {
		for at, v := range cells {
			got, inMemory := held[id][at]
			filed, inFile := now[id][at]
			if inMemory && !sameBits(got, v) || !inMemory && (!inFile || !sameBits(filed, v)) {
				h.t.Fatalf("%+v at %+v is %v, in memory %v (%t), in a file %v (%t)", id, at, v, got, inMemory, filed, inFile)
			}
		}
	}
	for id, cells := range held {
		for at, v := range cells {
			if want, ok := twin[id][at]; !ok || !sameBits(want, v) {
				h.t.Fatalf("%+v at %+v is %v in memory, want %v (%t)", id, at, v, want, ok)
			}
		}
	}
	for id, cells := range now {
		for at, v := range cells {
			old, was := h.filed[id][at]
			if was && sameBits(old, v) {
				continue
			}
			// What came for it when it was written already is in memory.
			_, isLater := held[id][at]
			if want, ok := twin[id][at]; !ok || !sameBits(want, v) && !isLater {
				h.t.Fatalf("%+v at %+v is %v in a file, was %v (%t) there before and is %v (%t) in memory", id, at, v, old, was, want, ok)
			}
		}
	}
	for id, cells := range h.filed {
		for at := range cells {
			if _, ok := now[id][at]; !ok {
				h.t.Fatalf("%+v at %+v is in no file any more", id, at)
			}
		}
	}
	h.filed = now
	h.drop()
}

// drop drops the blocks of the twin that have left the store.
func (h *history) drop() {
	drop := func(from *Store) func(*Store) {
		stays := map[hostKey]map[int64]map[int64]bool{} // starts of blocks by frequency
		for i := range from.stripes {
			for k, one := range from.stripes[i].hosts {
				stays[k] = map[int64]map[int64]bool{}
				for _, g := range one.grids {
					if g == nil {
						continue
					}
					stays[k][g.frequency] = map[int64]bool{}
					for b := range g.blocks.all() {
						stays[k][g.frequency][b.start] = true
					}
				}
			}
		}
		return func(to *Store) {
			to.eachHost(func(hostKey) bool { return true }, func(one *host) (freed int, more bool) {
				for _, g := range one.grids {
					if g == nil {
						continue
					}
					for _, b := range slices.Collect(g.blocks.all()) {
						if !stays[one.key][g.frequency][b.start] {
							freed += b.columns(g.columns)
							to.removeBlockLocked(g, b)
						}
					}
				}
				return freed, false
			})
		}
	}(h.store)
	drop(h.twin)
	h.done = append(h.done, historyStep{drop, false})
	if was, is := h.memory(h.twin), h.memory(h.store); !maps.EqualFunc(was, is, func(a, b map[readCell]float64) bool { return maps.EqualFunc(a, b, sameBits) }) {
		h.t.Fatal("memory differs after a pass")
	}
}

// memory returns all samples that a store has in memory.
func (h *history) memory(s *Store) map[SeriesID]map[readCell]float64 {
	h.t.Helper()
	opened := s.archived.opened.Swap(nil)
	defer s.archived.opened.Store(opened)
	series, err := s.Select(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	out := map[SeriesID]map[readCell]float64{}
	for i, cells := range readAll(h.t, s, series, -1<<40, 1<<40) {
		if len(cells) > 0 {
			out[series[i]] = cells
		}
	}
	return out
}

// scan returns all samples that files have.
func (h *history) scan() map[SeriesID]map[readCell]float64 {
	h.t.Helper()
	out := map[SeriesID]map[readCell]float64{}
	err := archive.Scan(h.t.Context(), h.config.Directory, archive.ScanSelection{From: -1 << 40}, func(cluster, host string, r *archive.Rows) error {
		id := SeriesID{cluster, host, Part(r.Part), r.Metric}
		if out[id] == nil {
			out[id] = map[readCell]float64{}
		}
		for i, at := range r.Times {
			cell := readCell{r.Frequency, at}
			if old, ok := out[id][cell]; ok && sameBits(old, r.Values[i]) {
				h.t.Fatalf("%+v at %d is in a file twice", id, at)
			}
			out[id][cell] = r.Values[i]
		}
		return nil
	})
	if err != nil {
		h.t.Fatal(err)
	}
	return out
}

func (h *history) checkpoint() {
	if err := h.checkpoints.Write(h.t.Context(), h.log); err != nil {
		h.t.Fatal(err)
	}
	h.written = len(h.done)
}

// crash throws all away that is not on disk, and makes it again. Before that, a file may have been begun.
func (h *history) crash() {
	h.t.Helper()
	h.crashes++
	if h.rnd.IntN(2) == 0 {
		p := archivePass{store: h.store, archive: h.files, cluster: "alex", before: h.base}
		for _, host := range h.store.Hosts("alex") {
			if _, err := p.writeHost(h.t.Context(), hostKey{"alex", host}); err != nil {
				h.t.Fatal(err)
			}
		}
	}
	h.checkpoints.Close()
	if err := h.files.Close(); err != nil {
		h.t.Fatal(err)
	}
	var err error
	if h.store, err = New(h.store.cfg); err != nil {
		h.t.Fatal(err)
	}
	h.open()
	if left, err := filepath.Glob(filepath.Join(h.config.Directory, "*", "*.partial")); err != nil || len(left) > 0 {
		h.t.Fatalf("%q are left, %v", left, err)
	}
	from, err := h.checkpoints.Load(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	h.log.replay(h.store, from)
	h.checkHeld()
	done := slices.Clone(h.done[:h.written])
	for _, step := range h.done[h.written:] {
		if step.isLog {
			done = append(done, step)
		}
	}
	h.done = done
	h.twin = newStore(h.t, h.twin.cfg)
	for _, step := range h.done {
		step.do(h.twin)
	}
}

// clean has the oldest files removed, as they are too many.
func (h *history) clean() {
	size := h.files.Stats().Bytes
	if err := h.files.Close(); err != nil {
		h.t.Fatal(err)
	}
	c := h.config
	c.MaxBytes = 1 + size*3/4
	var err error
	if h.files, err = archive.Open(c); err != nil {
		h.t.Fatal(err)
	}
	n, err := h.files.Clean(h.t.Context())
	if err != nil {
		h.t.Fatal(err)
	}
	h.cleaned += n
	h.store.useArchive(h.files)
	h.filed = h.scan()
}

// all returns what has to be answered.
func (h *history) all() map[SeriesID]map[readCell]float64 {
	all := map[SeriesID]map[readCell]float64{}
	for _, from := range []map[SeriesID]map[readCell]float64{h.filed, h.memory(h.twin)} {
		for id, cells := range from {
			if all[id] == nil {
				all[id] = map[readCell]float64{}
			}
			maps.Copy(all[id], cells)
		}
	}
	return all
}

func sortedSeries[T any](all map[SeriesID]T) []SeriesID {
	return slices.SortedFunc(maps.Keys(all), func(a, b SeriesID) int { return strings.Compare(a.String(), b.String()) })
}

// check compares all that is read, and random answers with those of a store that has had all samples in memory.
func (h *history) check() {
	h.t.Helper()
	h.base += 840
	for _, id := range sortedSeries(h.known) { // all are known in any window then
		m, _ := h.store.Metric([]byte(id.Metric))
		b := Batch{Cluster: id.Cluster, Host: id.Host, Parts: []Part{id.Part}}
		b.Add(0, m, h.base-h.base%420, 1)
		h.send(&b)
	}
	all := h.all()
	series := sortedSeries(all)
	for i, cells := range readAll(h.t, h.store, series, -1<<40, 1<<40) {
		if want := all[series[i]]; !maps.EqualFunc(cells, want, sameBits) {
			h.t.Fatalf("%+v: read %v, want %v", series[i], cells, want)
		}
	}
	h.plain = newStore(h.t, h.twin.cfg)
	for _, id := range series {
		cells := all[id]
		m, _ := h.plain.Metric([]byte(id.Metric))
		b := Batch{Cluster: id.Cluster, Host: id.Host, Parts: []Part{id.Part}}
		for at, v := range cells {
			b.Add(0, m, at.at, v)
		}
		h.plain.Append(&b)
	}
	for range 15 {
		h.compare()
	}
	q := h.randomQuery()
	q.From -= h.rnd.Int64N(h.past)
	q.To += int64(60 * h.rnd.IntN(2000))
	q.NoStats, q.Resolution, q.Resampling = false, 60*h.rnd.Int64N(20), pick(h.rnd, ResampleLTTB, ResampleAverage, ResampleSimple)
	q.NoData = h.rnd.IntN(3) == 0
	got, err := h.store.Query(q)
	want, wantErr := h.plain.Query(q)
	if !errors.Is(err, wantErr) {
		h.t.Fatalf("%+v: error %v, without an archive %v", q, err, wantErr)
	}
	if diff := differStatistics(got, want); diff != "" {
		h.t.Fatalf("%+v: %s", q, diff)
	}
}

// TestHistory: whatever comes, late or twice, is freed, archived, cleaned, lost with a process and read again from a
// checkpoint and the log, answers are those that plain maps give, and no sample is in the archive needlessly.
func TestHistory(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for _, slots := range []int{1, 5, 64} {
		t.Run(fmt.Sprintf("slots=%d", slots), func(t *testing.T) {
			t.Parallel()
			rounds := 25
			if os.Getenv("STRESS") != "" {
				rounds = 200
			}
			h := newHistory(t, seed, slots)
			for range rounds {
				for range h.rnd.IntN(8) {
					h.append()
				}
				switch h.rnd.IntN(8) {
				case 0, 1, 2:
					h.pass(h.base - h.rnd.Int64N(h.past))
				case 3:
					h.free()
				case 4, 5:
					h.checkpoint()
				case 6:
					h.crash()
				case 7:
					h.clean()
				}
				if h.rnd.IntN(4) == 0 {
					h.check()
				}
			}
			h.clean()
			h.crash()
			h.pass(h.base + 100_000)
			h.check()
			if h.crashes == 0 || h.cleaned == 0 || len(h.filed) == 0 {
				t.Errorf("%d crashes, %d files cleaned, %d series in files", h.crashes, h.cleaned, len(h.filed))
			}
		})
	}
}

package store

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"cc-metric-store/store/archive"
	"cc-metric-store/test/testkit"
)

// newArchive returns an archive in a directory of the test.
func newArchive(t testing.TB, c archive.Config) *archive.Archive {
	t.Helper()
	if c.Directory == "" {
		c.Directory = t.TempDir()
	}
	a, err := archive.Open(c)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() {
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
	return a
}

// useArchive gives the store an archive that is open.
func (s *Store) useArchive(a *archive.Archive) {
	s.archived.config = ArchiveConfig{Directory: "open", CaughtUp: func() bool { return true }}
	s.archived.opened.Store(a)
}

// archiving is a store with an archive and one without, which get the same samples.
type archiving struct {
	*equivalence
	plain *Store
	// regular says that all samples of a metric are sent in the middle of the same slots: then
	// nothing depends on what lay in memory when they came.
	regular bool
	known   map[SeriesID]SeriesID
}

func newArchiving(t *testing.T, seed uint64, slots int) *archiving {
	cfg := Config{Metrics: equivalenceMetrics, blockSlots: slots}
	a := &archiving{equivalence: newEquivalence(t, seed, cfg), known: map[SeriesID]SeriesID{}}
	a.store.useArchive(newArchive(t, archive.Config{}))
	a.plain = newStore(t, cfg)
	a.base -= a.base % 420
	a.past = 20_000
	return a
}

// sendBoth appends random samples to both stores.
func (a *archiving) sendBoth() {
	host := a.host()
	b := Batch{Cluster: host.cluster, Host: host.host}
	for range 1 + a.rnd.IntN(40) {
		metric := a.metric()
		id, _ := a.store.Metric([]byte(metric))
		part := a.part()
		b.Parts = append(b.Parts, part)
		known := SeriesID{host.cluster, host.host, part, metric}
		a.known[known] = known
		for range 1 + a.rnd.IntN(3) {
			at := a.time()
			if a.regular {
				at -= at % equivalenceMetrics[metric].Frequency
			}
			b.Add(int32(len(b.Parts)-1), id, at, a.value())
		}
	}
	for _, s := range []*Store{a.store, a.plain} {
		one := b
		one.Samples = append([]Sample(nil), b.Samples...)
		one.Refs = nil
		if done := s.Append(&one); done.Stored != len(b.Samples) {
			a.t.Fatalf("stored %d of %d samples", done.Stored, len(b.Samples))
		}
	}
}

// sendAll sends a sample of each series of any part, later than all others.
func (a *archiving) sendAll() {
	a.base += 420
	for _, id := range a.known {
		m, _ := a.store.Metric([]byte(id.Metric))
		for _, s := range []*Store{a.store, a.plain} {
			b := Batch{Cluster: id.Cluster, Host: id.Host, Parts: []Part{id.Part}}
			b.Add(0, m, a.base, 1)
			s.Append(&b)
		}
	}
}

// pass archives what ends before a random time. The newest samples of each series stay in memory:
// a series that is in no file of a window, nor in memory, is not known there.
func (a *archiving) pass() {
	a.sendAll()
	before := a.base - 300*60 - a.rnd.Int64N(a.past)
	if _, err := a.store.archivePass(a.t.Context(), before, func(hostKey) bool { return false }); err != nil {
		a.t.Fatal(err)
	}
	checkStore(a.t, a.store)
}

// compare compares the answers to a random query and a read.
func (a *archiving) compare() {
	q := a.randomQuery()
	if a.rnd.IntN(2) == 0 {
		q.From -= a.rnd.Int64N(a.past)
	}
	got, err := a.store.Query(q)
	want, wantErr := a.plain.Query(q)
	if !errors.Is(err, wantErr) {
		a.t.Fatalf("%+v: error %v, without an archive %v", q, err, wantErr)
	}
	if diff := differ(got, want); diff != "" {
		a.t.Fatalf("%+v: %s", q, diff)
	}
	all, err := a.plain.Select(a.t.Context())
	if err != nil || len(all) == 0 {
		return
	}
	first := a.rnd.IntN(len(all))
	series := all[first:min(first+1+a.rnd.IntN(5), len(all))]
	series = append(series[:len(series):len(series)], SeriesID{"none", "", Part{}, "load"}, all[a.rnd.IntN(len(all))])
	host := &SeriesID{q.Cluster, q.Host, Part{}, q.Metric}
	made, errMade := a.plain.AppendHostRuns(a.t.Context(), nil, host, q.From, q.To)
	now, errNow := a.store.AppendHostRuns(a.t.Context(), nil, host, q.From, q.To)
	if errMade != nil || errNow != nil || !maps.EqualFunc(cells(a.t, now, q.From, q.To), cells(a.t, made, q.From, q.To), sameBits) {
		a.t.Fatalf("runs of %+v from %d to %d: %v, without an archive %v", host, q.From, q.To, errNow, errMade)
	}
	were, are := readAll(a.t, a.plain, series, q.From, q.To), readAll(a.t, a.store, series, q.From, q.To)
	for i := range series {
		if !maps.EqualFunc(are[i], were[i], sameBits) {
			a.t.Fatalf("read %+v from %d to %d: %v, without an archive %v", series[i], q.From, q.To, are[i], were[i])
		}
	}
}

// TestArchivedAnswers: answers are the same, bit by bit, wherever the samples are: in memory, in
// one file or in several.
func TestArchivedAnswers(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for _, slots := range []int{2, 16, 128} {
		for _, regular := range []bool{false, true} {
			t.Run(fmt.Sprintf("slots=%d/regular=%t", slots, regular), func(t *testing.T) {
				a := newArchiving(t, seed, slots)
				a.regular = regular
				for range 3 {
					for range 40 {
						a.sendBoth()
						if regular && a.rnd.IntN(10) == 0 {
							a.pass()
						}
						if regular {
							a.compare()
						}
					}
					if !regular { // what comes after a pass may find other blocks
						break
					}
				}
				for range 6 {
					a.pass()
					for range 30 {
						a.compare()
					}
				}
				if n := a.store.Stats().Archived; n == 0 {
					t.Error("nothing was archived")
				}
			})
		}
	}
}

// TestArchivedOnce: blocks that are in memory again, as after a crash between the file and the
// checkpoint, are not written a second time, but what is new in them is.
func TestArchivedOnce(t *testing.T) {
	seed := testkit.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	files := newArchive(t, archive.Config{})
	newArchiving := func() *Store {
		s := newStore(t, Config{blockSlots: 16})
		s.useArchive(files)
		return s
	}
	fill := func(s *Store, from, to int64) (n int64) {
		for at := from; at < to; at += 60 {
			put(t, s, "h", Part{}, "load", at, float64(at))
			put(t, s, "h", Part{Type: "socket", ID: "0"}, "flops", at+5, float64(at))
			put(t, s, "h2", Part{}, "temp", at, float64(at))
			n += 3
		}
		return n
	}
	pass := func(s *Store) {
		if _, err := s.archivePass(t.Context(), t0+1_000_000, func(hostKey) bool { return false }); err != nil {
			t.Fatal(err)
		}
	}
	s := newArchiving()
	want := fill(s, t0, t0+60*100)
	pass(s)
	if n := s.Stats().Archived; n != want || s.Stats().Hosts != 0 {
		t.Fatalf("archived %d samples of %d, %d hosts are left", n, want, s.Stats().Hosts)
	}
	again := newArchiving()
	fill(again, t0, t0+60*100)
	late := t0 + 60*rnd.Int64N(100)
	put(t, again, "h", Part{}, "load", late, -1)                         // another value
	put(t, again, "h", Part{Type: "socket", ID: "1"}, "flops", late, -2) // another series
	put(t, again, "h", Part{}, "load", t0-60, -3)                        // another slot
	pass(again)
	if n := again.Stats().Archived; n != 3 || again.Stats().Hosts != 0 {
		t.Errorf("archived %d samples of 3 that are new, %d hosts are left", n, again.Stats().Hosts)
	}
	rows, err := again.Query(&Query{Cluster: "c", Host: "h", Metric: "load", From: late, To: late + 60})
	if err != nil || len(rows) != 1 || rows[0].Values[0] != -1 {
		t.Errorf("the later value is not the one that counts: %+v, %v", rows, err)
	}
}

// TestArchiveKeepsWhatChanges: samples that come while a file is written stay in memory.
func TestArchiveKeepsWhatChanges(t *testing.T) {
	s := newStore(t, Config{blockSlots: 16})
	s.useArchive(newArchive(t, archive.Config{}))
	for i := range int64(16) {
		put(t, s, "h", Part{}, "load", t0+60*i, float64(i))
	}
	p := archivePass{store: s, archive: s.archived.opened.Load(), cluster: "c", before: t0 + 100_000}
	if more, err := p.writeHost(t.Context(), hostKey{"c", "h"}); err != nil || more {
		t.Fatal(more, err)
	}
	put(t, s, "h", Part{}, "load", t0+60, 100)
	if err := p.finish(); err != nil {
		t.Fatal(err)
	}
	if p.freed != 0 || s.Stats().Series != 1 {
		t.Errorf("%d blocks were dropped, %d series are left", p.freed, s.Stats().Series)
	}
	values := func() []float64 {
		rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", From: t0, To: t0 + 180})
		if err != nil {
			t.Fatal(err)
		}
		return rows[0].Values
	}
	if got := fmt.Sprint(values()); got != "[0 100 2]" {
		t.Errorf("values %v", got)
	}
	if freed, err := s.archivePass(t.Context(), t0+100_000, func(hostKey) bool { return false }); err != nil || freed != 1 {
		t.Errorf("%d blocks freed, %v", freed, err)
	}
	if got := fmt.Sprint(values()); got != "[0 100 2]" || s.Stats().Archived != 17 {
		t.Errorf("values %v, %d samples archived", got, s.Stats().Archived)
	}
}

// TestArchiveUnderMemoryCap: the oldest blocks go to the archive before they would give way.
func TestArchiveUnderMemoryCap(t *testing.T) {
	const samples = 210_000
	now := time.Unix(t0, 0)
	s := newStore(t, Config{
		blockSlots: 16, MemoryCap: 1 << 20, MaxSeries: 1000,
		Retention: 1000 * time.Hour, Now: func() time.Time { return now },
	})
	s.useArchive(newArchive(t, archive.Config{}))
	for i := range int64(samples) {
		put(t, s, "h", Part{Type: "hwthread", ID: fmt.Sprint(i % 7)}, "temp", t0+i/7, math.Sqrt(float64(i)))
		if _, ok := s.pressure(); ok {
			s.relieve(t.Context())
			if used := s.usedBytes.Load(); used > 800<<10 {
				t.Fatalf("%d bytes are left", used)
			}
		}
	}
	if st := s.Stats(); st.Evicted != 0 || st.Archived == 0 {
		t.Errorf("%d blocks evicted, %d samples archived", st.Evicted, st.Archived)
	}
	rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "temp", Type: "hwthread", TypeIDs: []string{"3"}, From: t0, To: t0 + samples/7})
	if err != nil || len(rows) != 1 {
		t.Fatal(rows, err)
	}
	for i, v := range rows[0].Values {
		if v != math.Sqrt(float64(7*i+3)) {
			t.Fatalf("second %d: %v", i, v)
		}
	}
}

// TestArchiveFails: while the archive cannot be written, samples stay in memory, for two retentions at
// the most, and old ones that have just come for one.
func TestArchiveFails(t *testing.T) {
	now := time.Unix(t0, 0)
	s := newStore(t, Config{Retention: time.Hour, blockSlots: 2, Now: func() time.Time { return now }})
	dir := filepath.Join(t.TempDir(), "archive")
	s.useArchive(newArchive(t, archive.Config{Directory: dir}))
	put(t, s, "h", Part{}, "load", t0-3600+60, 1)
	put(t, s, "old", Part{}, "load", t0-30*3600, 1)
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	if s.archive(t.Context(), now) || s.ArchiveError() == nil || !strings.Contains(s.ArchiveError().Error(), dir) {
		t.Errorf("error %v, want one that names %s", s.ArchiveError(), dir)
	}
	if hosts, st := s.Hosts("c"), s.Stats(); len(hosts) != 2 || st.Unarchived != 0 || st.ArchiveFailures != 1 {
		t.Errorf("hosts %q, %+v", hosts, st)
	}
	for _, later := range []time.Duration{time.Hour - time.Second, time.Second} {
		if now = now.Add(later); s.archive(t.Context(), now) {
			t.Error("it was written")
		}
		want := []string{"h", "old"}
		if later == time.Second {
			want = want[:1]
		}
		if hosts, st := s.Hosts("c"), s.Stats(); !slices.Equal(hosts, want) || st.Unarchived != int64(2-len(want)) {
			t.Errorf("hosts %q, want %q; %+v", hosts, want, st)
		}
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if !s.archive(t.Context(), now) || s.ArchiveError() != nil || len(s.Hosts("c")) != 0 || s.Stats().Archived != 1 {
		t.Errorf("error %v, hosts %q, %+v", s.ArchiveError(), s.Hosts("c"), s.Stats())
	}
	if rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", From: t0 - 7200, To: t0}); err != nil || len(rows) != 1 {
		t.Errorf("%v, %v", rows, err)
	}
}

// TestArchiveBesideQueries: while blocks go to the archive, an answer never lacks any of them.
func TestArchiveBesideQueries(t *testing.T) {
	const hosts, slots = 4, 16 * 30
	s := newStore(t, Config{blockSlots: 16})
	s.useArchive(newArchive(t, archive.Config{}))
	for h := range hosts {
		for i := range int64(slots) {
			for _, id := range []string{"0", "1"} {
				put(t, s, fmt.Sprint(h), Part{Type: "socket", ID: id}, "flops", t0+60*i, float64(i))
			}
		}
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	var wg sync.WaitGroup
	for h := range hosts {
		wg.Go(func() {
			id := SeriesID{"c", fmt.Sprint(h), Part{Type: "socket", ID: "1"}, "flops"}
			for ctx.Err() == nil {
				rows, err := s.Query(&Query{Cluster: "c", Host: id.Host, Metric: "flops", From: t0, To: t0 + 60*slots})
				if err != nil || len(rows) != 1 {
					t.Errorf("%d rows, %v", len(rows), err)
					return
				}
				for i, v := range rows[0].Values {
					if v != float64(2*i) {
						t.Errorf("host %s, slot %d: %v", id.Host, i, v)
						return
					}
				}
				runs, err := s.AppendRuns(ctx, nil, &id, t0, t0+60*slots)
				got := 0
				for i := range runs {
					got += runs[i].Len()
				}
				if ctx.Err() == nil && (err != nil || got != slots) {
					t.Errorf("%d cells of %d are read, %v", got, slots, err)
					return
				}
			}
		})
	}
	for before := int64(t0); before < t0+60*(slots+40); before += 60 * 16 {
		if _, err := s.archivePass(t.Context(), before, func(hostKey) bool { return false }); err != nil {
			t.Error(err)
		}
	}
	stop()
	wg.Wait()
	if st := s.Stats(); st.Hosts != 0 || st.Archived != hosts*slots*2 {
		t.Errorf("%d hosts are left, %d samples archived", st.Hosts, st.Archived)
	}
}

// TestArchiveIsNotThere: a store whose archive cannot be opened keeps its samples, and opens it when
// it can.
func TestArchiveIsNotThere(t *testing.T) {
	now := time.Unix(t0, 0)
	s := newStore(t, Config{Retention: time.Hour, blockSlots: 2, Now: func() time.Time { return now }})
	dir := filepath.Join(t.TempDir(), "disk")
	if err := os.WriteFile(dir, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	c := ArchiveConfig{Directory: filepath.Join(dir, "archive")}
	if err := s.OpenArchive(c); err != nil || s.ArchiveError() == nil {
		t.Fatal(err, s.ArchiveError())
	}
	put(t, s, "h", Part{}, "load", t0-2*3600+60, 1)
	if s.archive(t.Context(), now) || len(s.Hosts("c")) != 1 {
		t.Errorf("hosts %q", s.Hosts("c"))
	}
	if err := os.Remove(dir); err != nil {
		t.Fatal(err)
	}
	if !s.archive(t.Context(), now) || s.ArchiveError() != nil || len(s.Hosts("c")) != 0 {
		t.Errorf("hosts %q, error %v", s.Hosts("c"), s.ArchiveError())
	}
	var locked *archive.LockedError
	if err := newStore(t, Config{}).OpenArchive(c); !errors.As(err, &locked) {
		t.Errorf("a second process opens it: %v", err)
	}
	if err := s.CloseArchive(); err != nil {
		t.Error(err)
	}
}

// TestBlocksLeaveBeforeARead: blocks that go to the archive when a read has seen that it has none, and
// before the read takes what memory has, are in its answer.
func TestBlocksLeaveBeforeARead(t *testing.T) {
	t.Parallel()
	const slots = 32
	id := SeriesID{"c", "h", Part{}, "load"}
	decoded := func(runs []Run, err error) (all []float64) {
		if err != nil {
			t.Error(err)
		}
		for i := range runs {
			all = runs[i].AppendTo(all)
		}
		return all
	}
	for name, read := range map[string]func(*Store) []float64{
		"query": func(s *Store) []float64 {
			rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", From: t0, To: t0 + 60*slots})
			if err != nil || len(rows) != 1 {
				t.Errorf("%d rows, %v", len(rows), err)
				return nil
			}
			return rows[0].Values
		},
		"read": func(s *Store) (all []float64) {
			if _, err := s.Read(t.Context(), []SeriesID{id}, t0, t0+60*slots, func(_ int, runs []Run) error {
				all = decoded(runs, nil)
				return nil
			}); err != nil {
				t.Error(err)
			}
			return all
		},
		"runs": func(s *Store) []float64 { return decoded(s.AppendRuns(t.Context(), nil, &id, t0, t0+60*slots)) },
		"host": func(s *Store) []float64 {
			return decoded(s.AppendHostRuns(t.Context(), nil, &id, t0, t0+60*slots))
		},
	} {
		t.Run(name, func(t *testing.T) {
			s := newStore(t, Config{blockSlots: 16})
			s.useArchive(newArchive(t, archive.Config{}))
			for i := range int64(slots) {
				put(t, s, "h", Part{}, "load", t0+60*i, float64(i))
			}
			left := false
			s.testHooks.onAsked = func() {
				if left {
					return
				}
				left = true
				if _, err := s.archivePass(t.Context(), t0+1_000_000, func(hostKey) bool { return false }); err != nil {
					t.Error(err)
				}
			}
			if got := read(s); !left || len(got) != slots {
				t.Errorf("%d of %d samples", len(got), slots)
			}
		})
	}
}

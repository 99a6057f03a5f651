package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"testing"
	"testing/synctest"
	"time"

	"cc-metric-store/store/archive"
)

// TestUnpaddedReadsLittle: a query that is not padded takes what its window does, not what all of
// the archive would.
func TestUnpaddedReadsLittle(t *testing.T) {
	for _, archived := range []bool{false, true} {
		s := newStore(t, Config{})
		s.useArchive(newArchive(t, archive.Config{}))
		const parts, slots = 50, 20_000
		flops, _ := s.Metric([]byte("flops"))
		b := Batch{Cluster: "c", Host: "h"}
		for p := range parts {
			b.Parts = append(b.Parts, Part{Type: "hwthread", ID: fmt.Sprint(p)})
		}
		for at := range int64(slots) {
			b.Samples = b.Samples[:0]
			for p := range parts {
				b.Add(int32(p), flops, t0+60*at, float64(at%7))
			}
			s.Append(&b)
		}
		if err := passAll(t, s, t0+60*(slots-1000)); err != nil {
			t.Fatal(err)
		}
		q := &Query{Cluster: "c", Host: "h", Metric: "flops", From: t0 + 60*(slots-60), To: t0 + 60*(slots+60), Unpadded: true}
		if archived {
			q.From, q.To = t0+60*100, t0+60*200
		}
		if _, err := s.Query(q); err != nil { // which fills the caches
			t.Fatal(err)
		}
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		before := m.TotalAlloc
		begin := time.Now()
		rows, err := s.Query(q)
		if err != nil {
			t.Fatal(err)
		}
		runtime.ReadMemStats(&m)
		t.Logf("%d KiB in %v, %d cells", (m.TotalAlloc-before)>>10, time.Since(begin), len(rows[0].Values))
		if m.TotalAlloc-before > 4<<20 {
			t.Errorf("archived=%t: %d MiB were allocated", archived, (m.TotalAlloc-before)>>20)
		}
	}
}

// TestUnpaddedInArchive: where a series begins and ends counts, also if only files far from the window know,
// and no part that was asked for is taken for another one.
func TestUnpaddedInArchive(t *testing.T) {
	s, plain := newStore(t, Config{blockSlots: 4}), newStore(t, Config{blockSlots: 4})
	s.useArchive(newArchive(t, archive.Config{}))
	core := func(id string) Part { return Part{Type: "core", ID: id} }
	for _, one := range []struct {
		part  Part
		slots []int64
	}{
		{core("0"), []int64{10, 11, 500, 501, 900}},
		{core("1"), []int64{502, 900}},
		{core("2"), []int64{10, 503}},
		{core("3"), []int64{504, 505}},
		{core("4"), []int64{500, 505, 510}},
		{Part{Type: "socket", ID: "0"}, []int64{10, 504, 900}},
	} {
		for _, at := range one.slots {
			for _, to := range []*Store{s, plain} {
				put(t, to, "h", one.part, "flops", t0+60*at, float64(at))
			}
		}
	}
	for _, before := range []int64{20, 520, 1000} {
		if err := passAll(t, s, t0+60*before); err != nil {
			t.Fatal(err)
		}
	}
	if n := s.Stats(); n.Hosts != 0 {
		t.Fatalf("%+v", n)
	}
	for _, ids := range [][]string{nil, {"0"}, {"1"}, {"2"}, {"3"}, {"4"}, {"0", "3"}, {"1", "4", "none"}} {
		for _, aggregate := range []bool{false, true} {
			for _, window := range [][2]int64{{500, 511}, {498, 520}, {501, 504}, {505, 506}} {
				q := &Query{Cluster: "c", Host: "h", Metric: "flops", From: t0 + 60*window[0], To: t0 + 60*window[1], Unpadded: true, Aggregate: aggregate}
				if ids != nil {
					q.Type, q.TypeIDs = "core", ids
				}
				got, err := s.Query(q)
				want, wantErr := plain.Query(q)
				if err != nil || wantErr != nil {
					t.Fatal(err, wantErr)
				}
				if diff := differStatistics(got, want); diff != "" {
					t.Errorf("%+v: %s", q, diff)
				}
			}
		}
	}
}

// TestOnePartOfMany: a query of one part takes what that one does, not what all parts of its type would.
func TestOnePartOfMany(t *testing.T) {
	s := newStore(t, Config{})
	s.useArchive(newArchive(t, archive.Config{}))
	const parts, slots = 2000, 256
	flops, _ := s.Metric([]byte("flops"))
	b := Batch{Cluster: "c", Host: "h"}
	for p := range parts {
		b.Parts = append(b.Parts, Part{Type: "hwthread", ID: fmt.Sprint(p)})
	}
	for at := range int64(slots) {
		b.Samples = b.Samples[:0]
		for p := range parts {
			b.Add(int32(p), flops, t0+60*at, float64(p))
		}
		s.Append(&b)
	}
	if err := passAll(t, s, t0+60*slots*2); err != nil {
		t.Fatal(err)
	}
	q := &Query{Cluster: "c", Host: "h", Metric: "flops", Type: "hwthread", TypeIDs: []string{"77"}, From: t0, To: t0 + 60*slots}
	var m runtime.MemStats
	for i := range 2 {
		runtime.ReadMemStats(&m)
		before := m.TotalAlloc
		rows, err := s.Query(q)
		if err != nil || len(rows) != 1 || rows[0].Min != 77 || rows[0].Max != 77 {
			t.Fatal(rows, err)
		}
		runtime.ReadMemStats(&m)
		if n := m.TotalAlloc - before; i > 0 && n > 1<<20 { // the caches are filled
			t.Errorf("%d KiB were allocated", n>>10)
		}
	}
}

// TestArchivedIntervals: samples of an interval that no metric has any more are answered as others: those
// whose slots cover the ends of a window, too.
func TestArchivedIntervals(t *testing.T) {
	dir := t.TempDir()
	files := newArchive(t, archive.Config{Directory: dir})
	config := func(f int64) Config { return Config{Metrics: map[string]MetricConfig{"m": {Frequency: f}}} }
	before := newStore(t, config(600))
	before.useArchive(files)
	for i := range int64(10) {
		put(t, before, "h", Part{}, "m", t0+600*i, float64(i))
	}
	if err := passAll(t, before, t0+100_000); err != nil {
		t.Fatal(err)
	}
	for _, f := range []int64{10, 11, 600, 3600} {
		if f > 10 { // as at another start
			if err := files.Close(); err != nil {
				t.Fatal(err)
			}
			files = newArchive(t, archive.Config{Directory: dir})
		}
		s := newStore(t, config(f))
		s.useArchive(files)
		for _, offset := range []int64{-250, 0, 250} {
			for i := range int64(10) {
				from := t0 + 600*i + offset
				got, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "m", From: from, To: from + 20})
				if err != nil || len(got) != 1 || len(got[0].Values) != 1 || got[0].Values[0] != float64(i) {
					t.Errorf("interval %d, sample %d, %d s from it: %+v, %v", f, i, offset, got, err)
				}
			}
		}
	}
}

// TestLargeRecalls: as many recalls as have places are large at a time. Others wait, as long as any comes to an end, and
// small ones never do.
func TestLargeRecalls(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{blockSlots: 16, smallRecall: 20_000, recallPatience: 20 * time.Millisecond})
	s.useArchive(newArchive(t, archive.Config{}))
	const slots = 16 * 50
	want := 0.0
	for p := range 10 {
		for i := range int64(slots) {
			put(t, s, "h", Part{Type: "socket", ID: fmt.Sprint(p)}, "flops", t0+60*i, 1)
		}
		want++
	}
	put(t, s, "small", Part{}, "flops", t0, 1)
	if err := passAll(t, s, t0+1_000_000); err != nil {
		t.Fatal(err)
	}
	large := &Query{Cluster: "c", Host: "h", Metric: "flops", From: t0, To: t0 + 60*slots}
	ask := map[string]func(ctx context.Context) error{
		"query": func(ctx context.Context) error {
			return s.QueryEach(ctx, large, func(one *Series) error {
				if one.Avg != want || one.Min != want || len(one.Values) != slots {
					t.Errorf("%d values from %v, want %v", len(one.Values), one.Min, want)
				}
				return nil
			})
		},
		"read": func(ctx context.Context) error {
			ids := []SeriesID{{"c", "h", Part{Type: "socket", ID: "1"}, "flops"}, {"c", "h", Part{Type: "socket", ID: "2"}, "flops"}, {"c", "small", Part{}, "flops"},
				{"c", "h", Part{Type: "socket", ID: "3"}, "flops"}, {"c", "h", Part{Type: "socket", ID: "4"}, "flops"}}
			_, err := s.Read(ctx, ids, t0, t0+60*slots, func(int, []Run) error { return nil })
			return err
		},
		"host": func(ctx context.Context) error {
			_, err := s.AppendHostRuns(ctx, nil, &SeriesID{"c", "h", Part{}, "flops"}, t0, t0+60*slots)
			return err
		},
	}
	for name, do := range ask {
		if err := do(t.Context()); err != nil || len(s.largeRecalls) != 0 || s.recallsLeft.Load() == 0 {
			t.Errorf("%s: %v, %d places are taken, %d were given back", name, err, len(s.largeRecalls), s.recallsLeft.Load())
		}
		s.recallsLeft.Store(0)
	}
	for range largeRecalls {
		if err := s.enterRecall(t.Context()); err != nil {
			t.Fatal(err)
		}
	}
	for name, do := range ask {
		if err := do(t.Context()); !errors.Is(err, ErrRecallsBusy) {
			t.Errorf("%s: error %v", name, err)
		}
		ctx, cancel := context.WithCancel(t.Context())
		cancel()
		if err := do(ctx); !errors.Is(err, context.Canceled) {
			t.Errorf("%s of a client that has left: error %v", name, err)
		}
	}
	if rows, err := s.Query(&Query{Cluster: "c", Host: "small", Metric: "flops", From: t0, To: t0 + 60}); err != nil || len(rows) != 1 {
		t.Errorf("a small query: %v, %v", rows, err)
	}
	// They come to an end.
	s.cfg.recallPatience = time.Hour
	done := make(chan error, len(ask))
	for _, do := range ask {
		go func() { done <- do(t.Context()) }()
	}
	for range largeRecalls {
		s.leaveRecall()
	}
	for range ask {
		if err := <-done; err != nil {
			t.Error(err)
		}
	}
}

// TestRecallPatience: a large recall waits for as long as others come to an end, and no longer.
func TestRecallPatience(t *testing.T) {
	synctest.Test(t, func(t *testing.T) {
		s := newStore(t, Config{})
		for range largeRecalls {
			if err := s.enterRecall(t.Context()); err != nil {
				t.Fatal(err)
			}
		}
		done := make(chan error, 1)
		go func() { done <- s.enterRecall(t.Context()) }()
		for range 10 {
			time.Sleep(recallPatience / 2)
			s.recallsLeft.Add(1) // and one that had waited for longer has the place
			synctest.Wait()
			select {
			case err := <-done:
				t.Fatalf("it has waited, with %v", err)
			default:
			}
		}
		time.Sleep(3 * recallPatience)
		if err := <-done; !errors.Is(err, ErrRecallsBusy) {
			t.Errorf("error %v", err)
		}
	})
}

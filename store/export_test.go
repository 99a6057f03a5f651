package store

import (
	"errors"
	"fmt"
	"maps"
	"math"
	"slices"
	"testing"

	"cc-metric-store/store/archive"
	"cc-metric-store/test/testkit"
)

// exportAll returns all samples of an export by series and cell. None may come twice, and hosts and metrics
// have an order.
func exportAll(t *testing.T, s *Store, sel *ExportSelection) map[SeriesID]map[readCell]float64 {
	t.Helper()
	all := map[SeriesID]map[readCell]float64{}
	var last [3]string
	err := s.Export(t.Context(), sel, func(id *SeriesID, r *Run) error {
		if now := [3]string{id.Cluster, id.Host, id.Metric}; slices.Compare(now[:], last[:]) < 0 {
			t.Errorf("%q comes after %q", now, last)
		} else {
			last = now
		}
		if all[*id] == nil {
			all[*id] = map[readCell]float64{}
		}
		for cell, v := range cells(t, []Run{*r}, sel.From, sel.To) {
			if _, twice := all[*id][cell]; twice {
				t.Errorf("%v: cell %v comes twice", id, cell)
			}
			all[*id][cell] = v
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return all
}

// TestExport: an export has all samples that a store without an archive holds, wherever they are.
func TestExport(t *testing.T) {
	seed := testkit.Seed(t)
	for _, slots := range []int{2, 128} {
		t.Run(fmt.Sprintf("slots=%d", slots), func(t *testing.T) {
			a := newArchiving(t, seed, slots)
			a.regular = true
			for range 3 {
				for range 40 {
					a.sendBoth()
				}
				for range 5 {
					a.compareExport()
				}
				a.pass()
				a.compareExport()
			}
			if n := a.store.Stats().Archived; n == 0 {
				t.Error("nothing was archived")
			}
		})
	}
}

// compareExport compares a random export with what a store holds that has no archive.
func (a *archiving) compareExport() {
	a.t.Helper()
	sel := &ExportSelection{From: math.MinInt64, To: math.MaxInt64}
	if a.rnd.IntN(2) == 0 {
		sel.From = a.base - a.rnd.Int64N(3*a.past)
		sel.To = sel.From + a.rnd.Int64N(2*a.past)
	}
	some := func(pick string) []string {
		if a.rnd.IntN(4) > 0 {
			return nil
		}
		return []string{pick, "unknown", pick}
	}
	host, part := a.host(), a.part()
	sel.Clusters, sel.Hosts, sel.Metrics, sel.Types = some(host.cluster), some(host.host), some(a.metric()), some(part.Type)
	series, err := a.plain.Select(a.t.Context())
	if err != nil {
		a.t.Fatal(err)
	}
	want := map[SeriesID]map[readCell]float64{}
	has := func(list []string, name string) bool { return list == nil || slices.Contains(list, name) }
	for i, read := range readAll(a.t, a.plain, series, sel.From, sel.To) {
		id := series[i]
		if len(read) > 0 && has(sel.Clusters, id.Cluster) && has(sel.Hosts, id.Host) && has(sel.Metrics, id.Metric) && has(sel.Types, id.Part.Type) {
			want[id] = read
		}
	}
	got := exportAll(a.t, a.store, sel)
	if len(got) != len(want) {
		a.t.Fatalf("export %+v: %d series, want %d", sel, len(got), len(want))
	}
	for id := range want {
		if !maps.EqualFunc(got[id], want[id], sameBits) {
			a.t.Fatalf("export %+v: %v has %v, want %v", sel, id, got[id], want[id])
		}
	}
}

// TestExportOfExtremes: samples that lie centuries apart, of metrics that are not configured any more, and
// with nothing between them, take no time.
func TestExportOfExtremes(t *testing.T) {
	t.Parallel()
	files := newArchive(t, archive.Config{})
	any := &MetricConfig{Frequency: 1}
	s := newStore(t, Config{Metrics: map[string]MetricConfig{"load": {Frequency: 1}}, AnyMetric: any})
	s.useArchive(files)
	want := map[int64]float64{-MaxTime + 10: math.Copysign(0, -1), -5: 1e-308, 0: 0.1, MaxTime - 10: math.MaxFloat64}
	for at, v := range want {
		put(t, s, "", Part{}, "load", at, v)
		put(t, s, "h", Part{Type: "a b", ID: "ü"}, "load", at, v)
	}
	if _, err := s.archivePass(t.Context(), 1000, func(hostKey) bool { return false }); err != nil {
		t.Fatal(err)
	}
	again := newStore(t, Config{Metrics: map[string]MetricConfig{"other": {Frequency: 60}}})
	again.useArchive(files)
	delete(want, MaxTime-10) // it was in memory
	for name, store := range map[string]*Store{"configured": s, "not configured": again} {
		if name == "configured" {
			want[MaxTime-10] = math.MaxFloat64
		} else {
			delete(want, MaxTime-10)
		}
		got := exportAll(t, store, &ExportSelection{From: math.MinInt64, To: math.MaxInt64})
		if len(got) != 2 {
			t.Errorf("%s: %d series", name, len(got))
		}
		for id, samples := range got {
			if len(samples) != len(want) {
				t.Errorf("%s: %v has %v", name, id, samples)
			}
		}
	}
	stop := errors.New("stop")
	if err := s.Export(t.Context(), &ExportSelection{From: -MaxTime, To: MaxTime}, func(*SeriesID, *Run) error { return stop }); !errors.Is(err, stop) {
		t.Errorf("an export that is stopped: %v", err)
	}
	if err := s.Export(t.Context(), &ExportSelection{From: 1}, nil); !errors.Is(err, ErrInvalidTimeRange) {
		t.Errorf("a window that ends before it begins: %v", err)
	}
}

// TestExportBesideArchiving: blocks go to the archive while exports run. Each export has each sample once.
func TestExportBesideArchiving(t *testing.T) {
	t.Parallel()
	s := newStore(t, Config{blockSlots: 4})
	s.useArchive(newArchive(t, archive.Config{}))
	const samples = 400
	for i := range int64(samples) {
		put(t, s, "h", Part{}, "load", t0+60*i, float64(i))
		put(t, s, "h", Part{Type: "core", ID: "1"}, "load", t0+60*i, -float64(i))
	}
	passed := make(chan error, 1)
	go func() {
		var err error
		for i := int64(0); i < samples && err == nil; i += 8 {
			_, err = s.archivePass(t.Context(), t0+60*i, func(hostKey) bool { return false })
		}
		passed <- err
	}()
	for isOver := false; !isOver; {
		select {
		case err := <-passed:
			if err != nil {
				t.Fatal(err)
			}
			isOver = true // and a last one
		default:
		}
		for id, got := range exportAll(t, s, &ExportSelection{From: math.MinInt64, To: math.MaxInt64}) {
			if len(got) != samples {
				t.Fatalf("%v: %d of %d samples", id, len(got), samples)
			}
		}
	}
	if n := s.Stats().Archived; n == 0 {
		t.Error("nothing was archived")
	}
}

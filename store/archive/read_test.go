package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"slices"
	"strings"
	"sync"
	"testing"
	"testing/synctest"
	"time"

	"cc-metric-store/test/testkit"
)

// TestSelections: random selections of random files give what a plain map has, also where a later file
// has samples that an earlier one has.
func TestSelections(t *testing.T) {
	t.Parallel()
	r := testkit.Rand(t)
	a := openArchive(t, Config{Readers: 1})
	want := map[sample]float64{}
	var all []series
	for file := range 3 {
		more := randomSeries(r, 3, 5)
		if file > 0 { // some blocks again, with other values
			for _, s := range all {
				if r.IntN(3) == 0 {
					s.values = slices.Clone(s.values)
					s.values[0] = float64(file)
					more = append(more, s)
				}
			}
		}
		sortSeries(more)
		more = slices.CompactFunc(more, func(s, o series) bool {
			return s.host == o.host && s.metric == o.metric && s.part == o.part && s.block.Frequency == o.block.Frequency && s.block.Start == o.block.Start
		})
		put(t, a, "alex", 1000, more, want)
		all = more
	}
	keys := slices.Collect(maps.Keys(want))
	if len(keys) == 0 {
		t.Fatal("all is NaN")
	}
	for range 100 {
		one, other := keys[r.IntN(len(keys))], keys[r.IntN(len(keys))]
		s := &Selection{Cluster: "alex", Host: one.host, From: math.MinInt64, To: math.MaxInt64}
		if r.IntN(2) == 0 {
			s.Metrics = []string{one.metric, other.metric, "none"}[r.IntN(3):]
		}
		if r.IntN(2) == 0 {
			s.Types = []string{other.part.Type, one.part.Type, "none"}[r.IntN(3):]
		}
		if r.IntN(2) == 0 {
			s.IDs = []string{other.part.ID, one.part.ID, "none"}[r.IntN(3):]
		}
		if r.IntN(2) == 0 {
			s.From, s.To = one.time, one.time+r.Int64N(20000)
		}
		selected := map[sample]float64{}
		for k, v := range want {
			if k.host == s.Host && s.From <= k.time && k.time < s.To &&
				(s.Metrics == nil || slices.Contains(s.Metrics, k.metric)) && (s.Types == nil || slices.Contains(s.Types, k.part.Type)) &&
				(s.IDs == nil || slices.Contains(s.IDs, k.part.ID)) {
				selected[k] = v
			}
		}
		got := map[sample]float64{}
		if err := a.Read(t.Context(), s, collect(t, got, "alex", s.Host)); err != nil {
			t.Fatal(err)
		}
		compareSamples(t, got, selected)
		if t.Failed() {
			t.Fatalf("selection %+v", s)
		}
	}
}

// TestRowGroups: samples that fill several row groups and many pages come back, and a single series
// reads few pages.
func TestRowGroups(t *testing.T) {
	t.Parallel()
	r := testkit.Rand(t)
	a := openArchive(t, Config{})
	const hosts, slots = 20, 60_000
	values := make([]float64, slots)
	w, err := a.NewWriter("fritz", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	value := func(host, i int) float64 { return float64(host*slots+i) * math.Pi }
	for host := range hosts {
		for i := range values {
			values[i] = value(host, i)
		}
		if err := w.Add(hostName(host), "power", Part{}, Block{0, slots * 10, 10}, values); err != nil {
			t.Fatal(err)
		}
	}
	info, err := w.Commit()
	if err != nil || info.Rows != hosts*slots {
		t.Fatal(info, err)
	}
	meta := footerOf(t, info.Path)
	if len(meta.groups) < 2 {
		t.Errorf("%d row groups", len(meta.groups))
	}
	for range 20 {
		host, i := r.IntN(hosts), r.IntN(slots)
		n := 0
		err := a.Read(t.Context(), &Selection{Cluster: "fritz", Host: hostName(host), From: int64(i) * 10, To: int64(i)*10 + 5000}, func(rows *Rows) error {
			for k, at := range rows.Times {
				if want := value(host, int(at-5)/10); rows.Values[k] != want {
					t.Errorf("%v at %d, want %v", rows.Values[k], at, want)
				}
			}
			n += len(rows.Times)
			return nil
		})
		if want := min(500, slots-i); err != nil || n != want {
			t.Errorf("%d samples, want %d: %v", n, want, err)
		}
	}
}

func hostName(i int) string { return "f" + string(rune('a'+i/26)) + string(rune('a'+i%26)) }

func footerOf(t *testing.T, path string) *fileMeta {
	t.Helper()
	f, err := openFile(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.file.Close()
	return f.meta
}

// TestReadIsBounded: reads beyond the bound wait, and their context ends that; errors and panics of the
// caller's function are the caller's.
func TestReadIsBounded(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{Readers: 1})
	put(t, a, "c", 1, randomSeriesOf("h"), nil)
	s := &Selection{Cluster: "c", Host: "h", From: 0, To: 1 << 40}
	var inside, done sync.WaitGroup
	inside.Add(1)
	leave := make(chan struct{})
	done.Go(func() {
		once := sync.OnceFunc(func() { inside.Done(); <-leave })
		if err := a.Read(t.Context(), s, func(*Rows) error { once(); return nil }); err != nil {
			t.Error(err)
		}
	})
	inside.Wait()
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	if err := a.Read(ctx, s, func(*Rows) error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("a read that waits ends with %v", err)
	}
	close(leave)
	done.Wait()
	own := errors.New("own")
	if err := a.Read(t.Context(), s, func(*Rows) error { return own }); err != own {
		t.Errorf("the error is %v, want the caller's", err)
	}
	func() {
		defer func() {
			if p := recover(); p != "own" {
				t.Errorf("the panic is %v, want the caller's", p)
			}
		}()
		_ = a.Read(t.Context(), s, func(*Rows) error { panic("own") })
	}()
	if err := a.Read(t.Context(), s, func(*Rows) error { return nil }); err != nil {
		t.Errorf("a read after these: %v", err)
	}
}

// randomSeriesOf returns a few series of a host.
func randomSeriesOf(host string) []series {
	all := randomSeries(rand.New(rand.NewPCG(1, 1)), 1, 4)
	for i := range all {
		all[i].host = host
	}
	return all
}

// TestReadsBesideAll: reads, writes, retention and scans at the same time.
func TestReadsBesideAll(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{MaxBytes: 200_000})
	all := randomSeriesOf("h")
	var wait sync.WaitGroup
	for range 3 {
		wait.Go(func() {
			for range 30 {
				if err := a.Read(t.Context(), &Selection{Cluster: "c", Host: "h", From: -1 << 30, To: 1 << 40}, func(*Rows) error { return nil }); err != nil {
					t.Error(err)
				}
				a.Newest("c")
				a.Files()
			}
		})
	}
	wait.Go(func() {
		for i := range 30 {
			put(t, a, "c", int64(i), all, nil)
			if _, err := a.Clean(t.Context()); err != nil {
				t.Error(err)
			}
		}
	})
	wait.Go(func() {
		for range 5 {
			err := Scan(t.Context(), a.directory, ScanSelection{}, func(_, _ string, _ *Rows) error { return nil })
			if err != nil && !strings.Contains(err.Error(), "no such file") {
				t.Error(err)
			}
		}
	})
	wait.Wait()
	if s := a.Stats(); s.Bytes > 200_000 || s.Files == 0 {
		t.Errorf("%+v", s)
	}
}

// TestAllSeries: series without samples in the time are named if they are in a file that the time
// touches, and samples are those that a read without them gives.
func TestAllSeries(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{})
	early, late := oneSeries("h", 100, 1), oneSeries("h", 100_000, 2)
	late[0].part = Part{Type: "socket", ID: "0"}
	put(t, a, "alex", 1, append(early, late...), nil)
	put(t, a, "alex", 2, oneSeries("h", 1_000_000, 3), nil)
	var got []string
	s := &Selection{Cluster: "alex", Host: "h", From: 0, To: 1000, AllSeries: true}
	if err := a.Read(t.Context(), s, func(r *Rows) error {
		got = append(got, fmt.Sprint(r.Part.Type, r.Part.ID, r.Values))
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := []string{"[1]", "socket0[]"}; !slices.Equal(got, want) {
		t.Errorf("got %q, want %q", got, want)
	}
	for _, hosts := range [][]string{{"b", "a"}, {"c", "a"}} {
		var all []series
		for _, h := range slices.Sorted(slices.Values(hosts)) {
			all = append(all, oneSeries(h, 100, 1)...)
		}
		put(t, a, "fritz", 1, all, nil)
	}
	if hosts, err := a.Hosts(t.Context(), "fritz", 0, 1000); err != nil || !slices.Equal(hosts, []string{"a", "b", "c"}) {
		t.Errorf("hosts %q, %v", hosts, err)
	}
	if hosts, err := a.Hosts(t.Context(), "fritz", 5000, 6000); err != nil || len(hosts) > 0 {
		t.Errorf("hosts %q of another time, %v", hosts, err)
	}
}

// TestCacheIsBounded: more files than may be open are read, and as few stay open, and in memory, as the
// bounds say.
func TestCacheIsBounded(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{Readers: 2})
	want := map[sample]float64{}
	for i := range 10 {
		put(t, a, "c", int64(i), oneSeries("h", int64(i)*1000, 1, 2, 3), want)
	}
	for _, bounds := range [][2]int{{3, 1 << 20}, {100, 5000}, {1, 1}} {
		a.cache.maxOpen, a.cache.maxBytes = bounds[0], bounds[1]
		var wait sync.WaitGroup
		for range 4 {
			wait.Go(func() { compareSamples(t, all(t, a, "c", "h"), want) })
		}
		wait.Wait()
		a.cache.mu.Lock()
		n, bytes := a.cache.recent.Len(), 0
		for _, f := range a.cache.files {
			bytes += f.cost
			if f.uses != 0 {
				t.Errorf("%s has %d uses", f.path, f.uses)
			}
		}
		if n > bounds[0] || len(a.cache.files) != n || bytes != a.cache.bytes || n > 1 && bytes > bounds[1] {
			t.Errorf("bounds %v: %d files open, %d bytes, %d counted", bounds, n, bytes, a.cache.bytes)
		}
		a.cache.mu.Unlock()
	}
}

// TestHostsAndMetrics: Names knows the names in a file.
func TestHostsAndMetrics(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{})
	want := map[sample]float64{}
	info := put(t, a, "c", 1, randomSeries(testkit.Rand(t), 5, 20), want)
	hosts, metrics := map[string]bool{}, map[string]bool{}
	for k := range want {
		hosts[k.host], metrics[k.metric] = true, true
	}
	gotHosts, gotMetrics, err := Names(t.Context(), info.Path, info.Cluster)
	if err != nil || !slices.Equal(gotHosts, slices.Sorted(maps.Keys(hosts))) || !slices.Equal(gotMetrics, slices.Sorted(maps.Keys(metrics))) {
		t.Errorf("%q %q %v", gotHosts, gotMetrics, err)
	}
	if _, _, err := Names(t.Context(), info.Path+"x", info.Cluster); err == nil || !strings.Contains(err.Error(), info.Path) {
		t.Errorf("a file that is not there: %v", err)
	}
	if h, m, err := Names(t.Context(), "testdata/original/alex/1795631400.parquet", "alex"); err != nil || len(h) != 2 || !slices.Contains(m, "clock") {
		t.Errorf("%q %q %v", h, m, err)
	}
}

// TestReadOfManyFiles: a read of one file does not wait until a read of many files has come to its end.
func TestReadOfManyFiles(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	synctest.Test(t, func(t *testing.T) {
		a := openArchive(t, Config{Directory: dir, Readers: 1})
		for i := range int64(5) {
			put(t, a, "c", i, oneSeries("h", 1000*i, 1), nil)
		}
		files, left := 0, 0
		done := make(chan error)
		err := a.Read(t.Context(), &Selection{Cluster: "c", Host: "h", From: 0, To: 1 << 40}, func(*Rows) error {
			if files++; files == 1 {
				go func() {
					err := a.Read(t.Context(), &Selection{Cluster: "c", Host: "h", From: 0, To: 500}, func(*Rows) error {
						left = files
						return nil
					})
					done <- err
				}()
				synctest.Wait() // until that waits for its place
				time.Sleep(turn)
			}
			return nil
		})
		if err := errors.Join(err, <-done); err != nil || left != 1 || files != 5 {
			t.Errorf("it was read after %d of %d files, %v", left, files, err)
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	})
}

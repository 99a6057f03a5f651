package store

import (
	"maps"
	"math"
	"os"
	"path/filepath"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestReadCheckpoint: the files of a checkpoint hold what the store held, hosts that were freed are not among it, and
// reading changes nothing.
func TestReadCheckpoint(t *testing.T) {
	r := newRestarts(t, testkit.Seed(t), 8)
	for range 40 {
		r.appendEntry()
	}
	r.mustWrite()
	for range 5 {
		r.freeEntry()
		r.appendEntry()
	}
	r.mustWrite()
	all := &ExportSelection{From: math.MinInt64, To: math.MaxInt64}
	want := exportAll(t, r.store, all)
	before := readFiles(t, r.dir)
	path, ok, err := NewestCheckpoint(r.dir)
	if err != nil || !ok {
		t.Fatal(path, ok, err)
	}
	s, err := ReadCheckpoint(t.Context(), path)
	if err != nil {
		t.Fatal(err)
	}
	got := exportAll(t, s, all)
	if !maps.EqualFunc(got, want, func(a, b map[readCell]float64) bool { return maps.EqualFunc(a, b, sameBits) }) {
		t.Errorf("%d series are read, of %d", len(got), len(want))
	}
	listed, bytes, err := ListCheckpoint(t.Context(), path)
	if err != nil || bytes == 0 {
		t.Fatal(bytes, err)
	}
	counted := map[string]*FileContents{}
	for id, cells := range want {
		if counted[id.Cluster] == nil {
			counted[id.Cluster] = &FileContents{}
		}
		for cell := range cells {
			counted[id.Cluster].Add(id.Host, id.Metric, 1, cell.at, cell.at)
		}
	}
	for name, c := range counted {
		l := listed[name]
		if l == nil || l.Samples != c.Samples || l.First != c.First || l.Last != c.Last || len(l.Hosts) != len(c.Hosts) || len(l.Metrics) != len(c.Metrics) {
			t.Errorf("cluster %q: listed are %+v, want %+v", name, l, c)
		}
	}
	if after := readFiles(t, r.dir); !maps.EqualFunc(after, before, func(a, b []byte) bool { return string(a) == string(b) }) {
		t.Error("reading has changed the files")
	}
	segments, err := filepath.Glob(filepath.Join(r.dir, "*.segment"))
	if err != nil || len(segments) == 0 {
		t.Fatal(segments, err)
	}
	for _, segment := range segments {
		if err := os.Truncate(segment, 8); err != nil {
			t.Fatal(err)
		}
	}
	if s, err := ReadCheckpoint(t.Context(), path); s == nil || err == nil {
		t.Errorf("lost blocks: %v, %v", s, err)
	}
	if left, _, err := ListCheckpoint(t.Context(), path); len(left) == 0 || err == nil {
		t.Errorf("lost blocks: %v, %v", left, err)
	}
	if err := os.Truncate(path, 100); err != nil {
		t.Fatal(err)
	}
	if s, err := ReadCheckpoint(t.Context(), path); s != nil || err == nil {
		t.Errorf("a checkpoint that is cut off: %v, %v", s, err)
	}
}

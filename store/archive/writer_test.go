package archive

import (
	"errors"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestWriterMemory: whatever is written, a writer takes bounded memory. The values are random bits, which
// nothing makes smaller, and there are many names.
func TestWriterMemory(t *testing.T) {
	r := testkit.Rand(t)
	a := openArchive(t, Config{})
	runtime.GC()
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	before, most := m.HeapAlloc, uint64(0)
	w, err := a.NewWriter("c", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	values := make([]float64, 128)
	for block := range int64(20_000) {
		for i := range values {
			values[i] = math.Float64frombits(r.Uint64())
		}
		// Each block is of another time, and each tenth of another host.
		start := block * 1280
		if err := w.Add(longName(block/10), "power", Part{}, Block{start, start + 1280, 10}, values); err != nil {
			t.Fatal(err)
		}
		if block%500 == 0 {
			runtime.ReadMemStats(&m)
			most = max(most, m.HeapAlloc)
		}
	}
	if info, err := w.Commit(); err != nil || info.Hosts != 2000 || info.Rows < 2_500_000 {
		t.Errorf("%+v %v", info, err)
	}
	t.Logf("%d MiB at most", (most-min(before, most))>>20)
	if most > before+100<<20 {
		t.Errorf("%d MiB on the heap, %d before", most>>20, before>>20)
	}
}

// longName is the name of a host with 200 bytes.
func longName(i int64) string {
	name := make([]byte, 200)
	for k := range name {
		name[k] = 'a'
	}
	for k := range 6 {
		name[5-k] = byte('a' + i%26)
		i /= 26
	}
	return string(name)
}

// TestWriteFails: after an error of the disk there is no file, and the error says where it happened.
func TestWriteFails(t *testing.T) {
	t.Parallel()
	for _, when := range []string{"samples", "page index"} {
		a := openArchive(t, Config{})
		w, err := a.NewWriter("c", 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add("h", "m", Part{}, Block{0, 10, 10}, []float64{1}); err != nil {
			t.Fatal(err)
		}
		file := w.file.file
		if when != "samples" {
			file = w.file.offsets.file
		}
		if err := file.Close(); err != nil {
			t.Fatal(err)
		}
		if info, err := w.Commit(); err == nil {
			t.Errorf("%s: committed as %+v", when, info)
		}
		if entries, err := os.ReadDir(filepath.Join(a.directory, "c")); err != nil || len(entries) > 0 || len(a.Files()) > 0 {
			t.Errorf("%s: %v is left: %v", when, entries, err)
		}
		put(t, a, "c", 1, oneSeries("h", 0, 1), nil)
	}
}

// TestGivenUp: a file that is not to be is not seen by anybody, nor after another start, and the next one takes its
// place.
func TestGivenUp(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{})
	w, err := a.NewWriter("c", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add("h", "m", Part{}, Block{0, 10, 10}, []float64{1}); err != nil {
		t.Fatal(err)
	}
	info, err := w.CommitIf(func(func()) bool { return false })
	if !errors.Is(err, ErrGivenUp) || info != (FileInfo{}) {
		t.Errorf("%+v, %v", info, err)
	}
	if entries, err := os.ReadDir(filepath.Join(a.directory, "c")); err != nil || len(entries) > 0 || len(a.Files()) > 0 {
		t.Errorf("%v is left: %v", entries, err)
	}
	put(t, a, "c", 1, oneSeries("h", 0, 2), nil)
	if got := all(t, a, "c", "h"); len(got) != 1 {
		t.Error(got)
	}
}

// TestFull: a file that is full refuses more, and can be committed with what it has.
func TestFull(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{MaxGroups: 1})
	w, err := a.NewWriter("c", 1)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	values := make([]float64, maxGroupRows)
	b := Block{0, maxGroupRows * 10, 10}
	if err := w.Add("h", "m", Part{}, b, values); err != nil {
		t.Fatal(err)
	}
	b.Start, b.End = b.End, 2*b.End
	for range 2 {
		if err := w.Add("h", "m", Part{}, b, values); err != ErrFull {
			t.Fatalf("the error is %v, want %v", err, ErrFull)
		}
	}
	if info, err := w.Commit(); err != nil || info.Rows != maxGroupRows {
		t.Errorf("%+v %v", info, err)
	}
}

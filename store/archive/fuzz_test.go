package archive

import (
	"bytes"
	"context"
	"encoding/binary"
	"math"
	"math/rand/v2"
	"os"
	"path/filepath"
	"runtime"
	"sync/atomic"
	"testing"

	"github.com/parquet-go/parquet-go/format"

	"cc-metric-store/test/testkit"
)

// readBytes reads a whole file from memory, as Open and Read would.
func readBytes(data []byte) (rows int, err error) {
	m, err := readFooter(bytes.NewReader(data), int64(len(data)))
	if err != nil {
		return 0, err
	}
	pages, err := newPageReader()
	if err != nil {
		return 0, err
	}
	defer pages.decoder.Close()
	r := bytes.NewReader(data)
	s := &source{r: r, meta: m,
		index:        func(group int) (*groupIndex, error) { return readIndex(r, m, group) },
		dictionaries: func(int) *groupDictionaries { return newGroupDictionaries(new(atomic.Int64)) },
	}
	f := newFilter(nil, nil, nil, nil, math.MinInt64, math.MaxInt64)
	err = readFile(context.Background(), s, newGroupReader(pages), f, func(_, _ string, r *Rows) error {
		rows += len(r.Times)
		return nil
	})
	return rows, err
}

// smallFiles are a file of ours and those of the original program.
func smallFiles(tb testing.TB) [][]byte {
	tb.Helper()
	a := openArchive(tb, Config{})
	paths := []string{
		put(tb, a, "c", 1, randomSeries(rand.New(rand.NewPCG(1, 2)), 2, 3), nil).Path,
		put(tb, a, "c", 2, oneSeries("h", 0, 1, 2, 3), nil).Path, // all footer
	}
	original, err := filepath.Glob("testdata/original/*/*.parquet")
	if err != nil || len(original) == 0 {
		tb.Fatal(original, err)
	}
	var files [][]byte
	for _, path := range append(paths, original...) {
		data, err := os.ReadFile(path)
		if err != nil {
			tb.Fatal(err)
		}
		files = append(files, data)
	}
	return files
}

// checkMemory runs a function and fails if it allocates more than a damaged file may cost.
func checkMemory(tb testing.TB, what string, function func()) {
	tb.Helper()
	var before, after runtime.MemStats
	runtime.ReadMemStats(&before)
	function()
	runtime.ReadMemStats(&after)
	if n := after.TotalAlloc - before.TotalAlloc; n > 512<<20 {
		tb.Errorf("%s took %d MiB", what, n>>20)
	}
}

// TestDamagedFiles: cut and altered files are read or refused, without a panic and in bounded memory.
func TestDamagedFiles(t *testing.T) {
	r := testkit.Rand(t)
	for _, data := range smallFiles(t) {
		for range 40 {
			if _, err := readBytes(data[:r.IntN(len(data))]); err == nil {
				t.Error("a cut file is read")
			}
		}
		footer := int(binary.LittleEndian.Uint32(data[len(data)-8:]))
		checkMemory(t, "altered files", func() {
			for range 300 {
				altered := bytes.Clone(data)
				for range 1 + r.IntN(3) {
					at := r.IntN(len(data))
					if r.IntN(2) == 0 { // the footer, which has no checksum
						at = len(data) - 8 - footer + r.IntN(footer)
					}
					altered[at] ^= 1 << r.IntN(8)
				}
				_, _ = readBytes(altered) // an error or other values
			}
		})
	}
}

// FuzzFile: no alteration of a file brings the reader to a panic or to unbounded memory. The input is the alteration, as
// the fuzzer takes minutes to make a whole file smaller: of which file, bytes that replace those from one
// place on, counted from the end, where the footer is, and from another.
func FuzzFile(f *testing.F) {
	files := smallFiles(f)
	for i := range files {
		f.Add(i, uint16(100), []byte{}, uint16(0), []byte{})
		f.Add(i, uint16(8), []byte{200, 0, 0, 0}, uint16(300), []byte{255, 255, 255, 255, 15})
	}
	f.Fuzz(func(t *testing.T, file int, at uint16, patch []byte, at2 uint16, patch2 []byte) {
		if file < 0 || file >= len(files) {
			return
		}
		data := bytes.Clone(files[file])
		copy(data[max(len(data)-int(at), 0):], patch)
		copy(data[max(len(data)-int(at2), 0):], patch2)
		checkMemory(t, "a file", func() { _, _ = readBytes(data) })
	})
}

// FuzzPage: no page does, of any encoding.
func FuzzPage(f *testing.F) {
	for e := range 10 {
		f.Add(e, 100, []byte{7, 3, 1, 200, 1, 2, 0, 0})
		f.Add(e, 8, []byte{128, 1, 4, 8, 2, 0, 0, 0, 0, 0, 0, 0, 1, 2, 3})
	}
	f.Fuzz(func(t *testing.T, encoding, values int, body []byte) {
		h := &pageHeader{encoding: format.Encoding(encoding), values: int64(values)}
		if values < 0 || values > maxPageValues {
			return
		}
		guard := func(decode func() (int, error)) {
			defer func() { _ = recover() }() // as readFile does
			if n, err := decode(); err == nil && n != values {
				t.Errorf("%d values, want %d", n, values)
			}
		}
		checkMemory(t, "a page", func() {
			for _, isNarrow := range []bool{false, true} {
				guard(func() (int, error) {
					l, err := decodeInts(h, body, isNarrow, []int64{1, 2, 3}, nil)
					return len(l), err
				})
				guard(func() (int, error) {
					l, err := decodeFloats(h, body, isNarrow, []float64{1, 2, 3}, nil)
					return len(l), err
				})
			}
			guard(func() (int, error) {
				runs, err := decodeStrings(h, body, []string{"a", "b"}, nil)
				if len(runs) == 0 {
					return 0, err
				}
				return runs[len(runs)-1].end, err
			})
		})
	})
}

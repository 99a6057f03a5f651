package archive

import (
	"fmt"
	"math"
	"os"
	"runtime"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"
)

// heapGrowth returns a function that tells how many MiB more are on the heap than now.
func heapGrowth() func() int64 {
	heap := func() int64 {
		runtime.GC()
		runtime.GC() // pools are emptied by the second one
		var m runtime.MemStats
		runtime.ReadMemStats(&m)
		return int64(m.HeapAlloc)
	}
	before := heap()
	return func() int64 { return (heap() - before) >> 20 }
}

// TestLargeDictionaries: what is kept of a file of other programs is bounded, also while it is read, however
// large its dictionaries and their names are.
func TestLargeDictionaries(t *testing.T) {
	type row struct {
		Cluster   string  `parquet:"cluster,dict"`
		Host      string  `parquet:"hostname,dict"`
		Metric    string  `parquet:"metric,dict"`
		Scope     string  `parquet:"scope,dict"`
		ScopeID   string  `parquet:"scope_id,dict,zstd"`
		Time      int64   `parquet:"timestamp"`
		Frequency int64   `parquet:"frequency"`
		Value     float64 `parquet:"value"`
	}
	directory := t.TempDir()
	const groups, names = 30, 512
	var rows []row
	for i := range groups * names {
		rows = append(rows, row{"c", "h", "m", "core", fmt.Sprint(i) + strings.Repeat("x", 8<<10), int64(i), 10, 1})
	}
	writeForeign(t, directory+"/c", rows, parquet.MaxRowsPerRowGroup(names), parquet.Compression(&parquet.Zstd))
	rows = nil
	a := openArchive(t, Config{Directory: directory})
	growth := heapGrowth()
	most, n := int64(0), 0
	s := &Selection{Cluster: "c", Host: "h", From: math.MinInt64, To: math.MaxInt64}
	err := a.Read(t.Context(), s, func(r *Rows) error {
		if n++; n%500 == 0 {
			most = max(most, growth())
		}
		return nil
	})
	if err != nil || n != groups*names {
		t.Fatal(n, err)
	}
	if now := growth(); most > 60 || now > 40 {
		t.Errorf("%d MiB at most, %d MiB in the end", most, now)
	}
}

// TestManyBlocksElsewhere: a file of another program with a block for each sample takes bounded memory
// where all series are asked for, also if no block has samples in the time.
func TestManyBlocksElsewhere(t *testing.T) {
	type row struct {
		Cluster    string  `parquet:"cluster,dict"`
		Host       string  `parquet:"hostname,dict"`
		Metric     string  `parquet:"metric,dict"`
		Scope      string  `parquet:"scope,dict"`
		ScopeID    string  `parquet:"scope_id,dict"`
		Time       int64   `parquet:"timestamp,delta"`
		Frequency  int64   `parquet:"frequency"`
		Value      float64 `parquet:"value"`
		BlockStart int64   `parquet:"block_start,delta"`
		BlockEnd   int64   `parquet:"block_end,delta"`
	}
	directory := t.TempDir()
	const blocks = 300_000
	var rows []row
	for i := range int64(blocks) {
		rows = append(rows, row{"c", "h", "m", "core", "0", i * 10, 10, 1, i * 10, i*10 + 10})
	}
	writeForeign(t, directory+"/c", rows, parquet.Compression(&parquet.Zstd))
	rows = nil
	if info, err := os.Stat(directory + "/c/1.parquet"); err != nil || info.Size() > 8<<20 {
		t.Fatal(info, err)
	}
	a := openArchive(t, Config{Directory: directory})
	growth := heapGrowth()
	most, n := int64(0), 0
	s := &Selection{Cluster: "c", Host: "h", From: blocks*10 - 30, To: math.MaxInt64, AllSeries: true}
	err := a.Read(t.Context(), s, func(r *Rows) error {
		if n++; n%100_000 == 0 {
			most = max(most, growth())
		}
		return nil
	})
	if err != nil || n == 0 || most > 40 {
		t.Errorf("%d calls, %d MiB at most, %v", n, most, err)
	}
}

// TestLastSequence: a file that claims to be the last one for ever does not come before the next ones.
func TestLastSequence(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{})
	a.sequence = math.MaxUint64 - 1
	put(t, a, "c", 1, oneSeries("h", 0, 1), nil)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	a = openArchive(t, Config{Directory: a.directory})
	if put(t, a, "c", 1, oneSeries("h", 0, 2), nil); len(a.Files()) != 1 || a.Stats().Left != 1 || a.sequence != 1 {
		t.Errorf("%+v, sequence %d", a.Files(), a.sequence)
	}
}

// TestHostNamesAreBounded: the names of the hosts of many files are not kept for ever.
func TestHostNamesAreBounded(t *testing.T) {
	a := openArchive(t, Config{})
	a.cache.maxBytes = 4 << 20
	const files, hosts = 30, 3000
	for f := range int64(files) {
		var all []series
		for h := range hosts {
			all = append(all, oneSeries(fmt.Sprintf("%0100d", h), f*100, 1)...)
		}
		put(t, a, "c", f, all, nil)
	}
	growth := heapGrowth()
	for range 2 {
		if names, err := a.Hosts(t.Context(), "c", 0, files*100); err != nil || len(names) != hosts {
			t.Fatal(len(names), err)
		}
	}
	if n := growth(); n > 7 {
		t.Errorf("%d MiB are kept", n)
	}
}

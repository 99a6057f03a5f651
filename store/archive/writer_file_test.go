package archive

import (
	"errors"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"testing"
)

// TestFileOfSeveralClusters: a file that Create has made is listed, scanned and read cluster by cluster, beside
// the process that owns the archive or without one; it is not there before it is complete.
func TestFileOfSeveralClusters(t *testing.T) {
	t.Parallel()
	path := filepath.Join(t.TempDir(), "backup.parquet")
	w, err := Create(path)
	if err != nil {
		t.Fatal(err)
	}
	defer w.Abort()
	core := func(id string) Part { return Part{Type: "core", ID: id} }
	add := func(cluster, host, metric string, p Part, start int64, values ...float64) {
		t.Helper()
		if err := w.Add(cluster, host, metric, p, Block{start, start + 60*int64(len(values)), 60}, values); err != nil {
			t.Fatal(err)
		}
	}
	add("a", "h1", "m", core("1"), 600, 1, math.NaN(), 2)
	add("a", "h1", "m", core("0"), 600, 3) // in any order
	add("a", "h1", "m", core("1"), 0, 4)
	add("a", "h2", "m", Part{}, -600, -1e-308)
	add("b", "h1", "x", Part{}, 6000, 5, 6)
	if _, err := os.Stat(path); !errors.Is(err, fs.ErrNotExist) {
		t.Errorf("the file is there before it is complete: %v", err)
	}
	if err := w.Commit(); err != nil {
		t.Fatal(err)
	}
	if left, err := filepath.Glob(filepath.Dir(path) + "/*"); err != nil || len(left) != 1 {
		t.Errorf("left are %q", left)
	}
	infos, err := List(path)
	if err != nil || len(infos) != 2 || infos[0].Cluster != "a" || infos[0].Rows != 5 || infos[0].First != -570 || infos[0].Last != 750 ||
		infos[1].Cluster != "b" || infos[1].Rows != 2 || infos[1].First != 6030 || infos[0].Bytes < infos[1].Bytes {
		t.Fatalf("%+v, %v", infos, err)
	}
	var seen []float64
	if err := Scan(t.Context(), path, ScanSelection{From: math.MinInt64}, func(_, _ string, r *Rows) error {
		seen = append(seen, r.Values...)
		return nil
	}); err != nil || !slices.Equal(seen, []float64{1, 2, 3, 4, -1e-308, 5, 6}) {
		t.Errorf("scanned %v, %v", seen, err)
	}
	for cluster, want := range map[string][]string{"a": {"h1", "h2"}, "b": {"h1"}} {
		hosts, metrics, err := Names(t.Context(), path, cluster)
		if err != nil || !slices.Equal(hosts, want) || len(metrics) != 1 {
			t.Errorf("%s: %q, %q, %v", cluster, hosts, metrics, err)
		}
	}
	for _, directory := range []string{path, filepath.Dir(path)} {
		a, err := Open(Config{Directory: directory, ReadOnly: true})
		if err != nil {
			t.Fatal(err)
		}
		if hosts, err := a.Hosts(t.Context(), "b", -1<<40, 1<<40); err != nil || !slices.Equal(hosts, []string{"h1"}) || !slices.Equal(a.Clusters(), []string{"a", "b"}) {
			t.Errorf("%q, %q, %v", a.Clusters(), hosts, err)
		}
		got := map[SeriesExtent]int{}
		if err := a.Series(t.Context(), &SeriesSelection{Cluster: "a", Hosts: []string{"h1"}, From: -1 << 40, To: 1 << 40}, func(e *SeriesExtent) error {
			got[*e]++
			return nil
		}); err != nil || len(got) != 3 || got[SeriesExtent{"h1", "m", core("1"), 60, 600, 840}] != 1 || got[SeriesExtent{"h1", "m", core("1"), 60, 0, 120}] != 1 {
			t.Errorf("%v, %v", got, err)
		}
		if _, err := a.NewWriter("a", 0); err == nil {
			t.Error("an archive that is opened for reading is written")
		}
		if err := a.Close(); err != nil {
			t.Error(err)
		}
	}
	if files, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(files) != 1 {
		t.Errorf("reading has made %q", files)
	}
}

// TestFileOutOfOrder: names that do not ascend are an error, and nothing is left of the file.
func TestFileOutOfOrder(t *testing.T) {
	t.Parallel()
	for _, next := range [][3]string{{"a", "z", "z"}, {"b", "a", "z"}, {"b", "h", "a"}} {
		path := filepath.Join(t.TempDir(), "x.parquet")
		w, err := Create(path)
		if err != nil {
			t.Fatal(err)
		}
		one := []float64{1}
		if err := w.Add("b", "h", "m", Part{}, Block{0, 60, 60}, one); err != nil {
			t.Fatal(err)
		}
		if err := w.Add(next[0], next[1], next[2], Part{}, Block{0, 60, 60}, one); err == nil {
			t.Errorf("%q is taken", next)
		}
		w.Abort()
		if left, _ := filepath.Glob(filepath.Dir(path) + "/*"); len(left) > 0 {
			t.Errorf("left are %q", left)
		}
	}
}

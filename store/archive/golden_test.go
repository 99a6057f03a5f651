package archive

import (
	"math"
	"os"
	"testing"
)

// TestGolden: a file of version 1 is read for ever, and has the columns that FORMAT.md says.
func TestGolden(t *testing.T) {
	t.Parallel()
	const path = "testdata/version1.parquet"
	want := map[sample]float64{}
	a := openArchive(t, Config{})
	info := put(t, a, "golden", 1000, []series{
		{"h1", "cpu_load", Part{}, Block{-5, 35, 10}, []float64{1.5, math.NaN(), math.Copysign(0, -1), 2}},
		{"h1", "cpu_load", Part{}, Block{35, 52, 10}, []float64{math.Inf(1), 4.25}},
		{"h1", "cpu_load", Part{Subtype: "filesystem", SubID: "/home"}, Block{35, 45, 10}, []float64{7}},
		{"h1", "cpu_load", Part{"hwthread", "0", "smt", "1"}, Block{0, 180, 60}, []float64{1e-310, -1, math.MaxFloat64}},
		{"h2", "power", Part{Type: "socket", ID: "0"}, Block{0, 3, 1}, []float64{1, 2, 3}},
	}, want)
	if os.Getenv("GOLDEN") != "" { // writes it anew
		data, err := os.ReadFile(info.Path)
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, data, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	got := map[sample]float64{}
	err := Scan(t.Context(), path, ScanSelection{}, func(cluster, host string, r *Rows) error { return collect(t, got, cluster, host)(r) })
	if err != nil {
		t.Fatal(err)
	}
	compareSamples(t, got, want)
	compareSamples(t, readWithLibrary(t, path), want)
}

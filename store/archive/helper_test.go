package archive

import (
	"context"
	"math"
	"slices"
	"testing"
)

// sample is where a sample belongs; it is the key of the plain maps that judge.
type sample struct {
	cluster, host, metric string
	part                  Part
	frequency             int64
	block                 Block
	time                  int64
}

// openArchive opens an archive that is closed at the end of the test.
func openArchive(tb testing.TB, c Config) *Archive {
	tb.Helper()
	if c.Directory == "" {
		c.Directory = tb.TempDir()
	}
	a, err := Open(c)
	if err != nil {
		tb.Fatal(err)
	}
	tb.Cleanup(func() {
		if err := a.Close(); err != nil {
			tb.Error(err)
		}
	})
	return a
}

// collect returns a function that puts samples into the map, those that a read gives first.
func collect(tb testing.TB, into map[sample]float64, cluster, host string) func(*Rows) error {
	return func(r *Rows) error {
		if len(r.Times) != len(r.Values) || len(r.Times) == 0 {
			tb.Errorf("%d times and %d values of %s", len(r.Times), len(r.Values), r.Metric)
		}
		if !slices.IsSorted(r.Times) {
			tb.Errorf("times of %s are not in order", r.Metric)
		}
		for i, t := range r.Times {
			key := sample{cluster, host, r.Metric, r.Part, r.Frequency, r.Block, t}
			if _, counts := into[key]; !counts { // what comes first does
				into[key] = r.Values[i]
			}
		}
		return nil
	}
}

// series is a call of Writer.Add.
type series struct {
	host, metric string
	part         Part
	block        Block
	values       []float64
}

// put writes series in their order, as one file, and adds their samples to the map.
func put(tb testing.TB, a *Archive, cluster string, before int64, all []series, into map[sample]float64) FileInfo {
	tb.Helper()
	w, err := a.NewWriter(cluster, before)
	if err != nil {
		tb.Fatal(err)
	}
	defer w.Abort()
	for _, s := range all {
		if err := w.Add(s.host, s.metric, s.part, s.block, s.values); err != nil {
			tb.Fatal(err)
		}
		for i, v := range s.values {
			if !math.IsNaN(v) && into != nil {
				t := s.block.Start + s.block.Frequency/2 + int64(i)*s.block.Frequency
				into[sample{cluster, s.host, s.metric, s.part, s.block.Frequency, s.block, t}] = v
			}
		}
	}
	info, err := w.Commit()
	if err != nil {
		tb.Fatal(err)
	}
	return info
}

// all reads all samples of a host.
func all(tb testing.TB, a *Archive, cluster, host string) map[sample]float64 {
	tb.Helper()
	got := map[sample]float64{}
	s := &Selection{Cluster: cluster, Host: host, From: math.MinInt64, To: math.MaxInt64}
	if err := a.Read(context.Background(), s, collect(tb, got, cluster, host)); err != nil {
		tb.Fatal(err)
	}
	return got
}

// compare tells the first samples that differ.
func compareSamples(tb testing.TB, got, want map[sample]float64) {
	tb.Helper()
	told := 0
	for k, v := range want {
		if g, ok := got[k]; (!ok || math.Float64bits(g) != math.Float64bits(v)) && told < 5 {
			tb.Errorf("%+v is %v (%t), want %v", k, g, ok, v)
			told++
		}
	}
	if len(got) != len(want) {
		tb.Errorf("%d samples, want %d", len(got), len(want))
	}
}

func nan() float64 { return math.NaN() }

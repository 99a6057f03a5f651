package archive

import (
	"context"
	"errors"
	"fmt"
	"maps"
	"math"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestSeriesNames: the names are those that Series has, whatever is selected. Without parts, each has none.
func TestSeriesNames(t *testing.T) {
	t.Parallel()
	r := testkit.Rand(t)
	a := openArchive(t, Config{MaxGroups: 3})
	for f := range int64(5) {
		for _, cluster := range []string{"a", "b"} { // with hosts of the same names
			var all []series
			for h := range 6 {
				for m := range 3 {
					for _, part := range []Part{{}, {Type: "core", ID: "0"}, {Type: "core", ID: "1"}, {Type: "socket", ID: "0"}} {
						if r.IntN(3) == 0 {
							all = append(all, series{fmt.Sprint("h", h), fmt.Sprint("m", m), part, Block{f * 1000, f*1000 + 100, 10}, make([]float64, 10)})
						}
					}
				}
			}
			put(t, a, cluster, f, all, nil)
		}
	}
	const long = 10 * pageRows // in the file, the hosts have other times
	put(t, a, "c", 1, []series{{"h1", "m0", Part{}, Block{0, long, 10}, make([]float64, pageRows)}, {"h3", "m2", Part{}, Block{long, 2 * long, 10}, make([]float64, pageRows)}}, nil)
	some := func(names ...string) (out []string) {
		for _, name := range names {
			if r.IntN(2) == 0 {
				out = append(out, name)
			}
		}
		return out // nil: all
	}
	found := 0
	for range 500 {
		s := &SeriesSelection{Cluster: []string{"a", "b", "c"}[r.IntN(3)], Hosts: some("h1", "h3", "none"), Metrics: some("m0", "m2")}
		parts := r.IntN(2) == 0
		if parts {
			s.Types = some("", "core")
		}
		s.From = r.Int64N(6000) - 500
		s.To = s.From + r.Int64N(3000) - 100
		want, got := map[SeriesName]bool{}, map[SeriesName]bool{}
		err := a.Series(t.Context(), s, func(e *SeriesExtent) error {
			name := SeriesName{e.Host, e.Metric, e.Part}
			if !parts {
				name.Part = Part{}
			}
			want[name] = true
			return nil
		})
		err = errors.Join(err, a.SeriesNames(t.Context(), s, parts, func(n *SeriesName) error {
			got[*n] = true
			return nil
		}))
		if err != nil || !maps.Equal(got, want) {
			t.Errorf("%+v, parts %v: %v, error %v, want %v", s, parts, got, err, want)
		}
		found += len(got)
	}
	if found == 0 {
		t.Error("nothing was found")
	}
}

// TestSeriesNamesEnd: an error or a panic of the caller is the caller's, and the archive reads on.
func TestSeriesNamesEnd(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{Readers: 1})
	put(t, a, "c", 1, oneSeries("h", 0, 1), nil)
	all, ofCaller := &SeriesSelection{Cluster: "c", From: math.MinInt64, To: math.MaxInt64}, errors.New("enough")
	names := func(ctx context.Context, use func() error) (thrown any, err error) {
		defer func() { thrown = recover() }()
		return nil, a.SeriesNames(ctx, all, true, func(*SeriesName) error { return use() })
	}
	for range 3 {
		if thrown, err := names(t.Context(), func() error { return ofCaller }); err != ofCaller || thrown != nil {
			t.Errorf("an error: %v, %v", err, thrown)
		}
		if thrown, err := names(t.Context(), func() error { panic(ofCaller) }); err != nil || thrown != any(ofCaller) {
			t.Errorf("a panic: %v, %v", err, thrown)
		}
	}
	ended, end := context.WithCancel(t.Context())
	end()
	if _, err := names(ended, func() error { return nil }); !errors.Is(err, context.Canceled) {
		t.Errorf("the context has ended: %v", err)
	}
	n := 0
	if _, err := names(t.Context(), func() error { n++; return nil }); err != nil || n != 1 {
		t.Errorf("%d names, error %v", n, err)
	}
}

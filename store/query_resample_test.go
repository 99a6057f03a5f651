package store

import (
	"math"
	"slices"
	"testing"
)

func ramp(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = float64(i)
	}
	return v
}

func TestResample(t *testing.T) {
	tests := []struct {
		n          int
		wanted     int64
		length     int
		resolution int64
	}{
		{1000, 0, 1000, 60},
		{1000, 60, 1000, 60},
		{1000, 59, 1000, 60},
		{999, 600, 999, 60},
		{1000, 600, 100, 600},
		{1500, 90, 750, 120}, // rounded up to a multiple
		{1000, 60 * 500, 2, 60 * 500},
		{1000, 60 * 1000, 1, 60 * 1000},
		{1000, math.MaxInt64, 1, 60 * 1000},
	}
	for _, test := range tests {
		r := Series{Resolution: 60, Values: ramp(test.n)}
		r.resample(test.wanted)
		if len(r.Values) != test.length || r.Resolution != test.resolution {
			t.Errorf("%d values at %d s: %d at %d s, want %d at %d s", test.n, test.wanted, len(r.Values), r.Resolution, test.length, test.resolution)
		}
	}
}

// TestLTTBKeepsPeaks is what the algorithm is for.
func TestLTTBKeepsPeaks(t *testing.T) {
	v := make([]float64, 2000)
	v[777], v[1500] = 100, -50
	out := lttb(v, 100)
	if !slices.Contains(out, 100) || !slices.Contains(out, -50) {
		t.Error("a peak is lost")
	}
}

func TestLTTBWithGaps(t *testing.T) {
	v := ramp(2000)
	for i := 500; i < 1500; i++ {
		v[i] = math.NaN()
	}
	for i := 0; i < 400; i += 2 { // every second one: never picked
		v[i+1] = math.NaN()
	}
	out := lttb(v, 200)
	gaps, previous := 0, math.Inf(-1)
	for i, x := range out {
		if math.IsNaN(x) {
			gaps++
			if i < 50 || i > 150 {
				t.Errorf("value %d is a gap", i)
			}
			continue
		}
		if x <= previous {
			t.Errorf("value %d is %v, after %v", i, x, previous)
		}
		previous = x
	}
	if gaps < 98 || gaps > 102 {
		t.Errorf("%d gaps for half of the values", gaps)
	}
}

func TestLTTBPicksEachLengthWithoutFault(t *testing.T) {
	for _, n := range []int{3, 4, 5, 10, 1000} {
		for k := range n + 2 {
			if got := len(lttb(ramp(n), k)); got != min(k, n) {
				t.Errorf("%d of %d values: %d", k, n, got)
			}
		}
	}
}

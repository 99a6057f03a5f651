package store

import (
	"math"
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
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
		for _, how := range []Resampling{ResampleLTTB, ResampleAverage, ResampleSimple} {
			r := Series{Resolution: 60, Values: ramp(test.n)}
			r.resample(test.wanted, how)
			if len(r.Values) != test.length || r.Resolution != test.resolution {
				t.Errorf("%d values at %d s, way %d: %d at %d s, want %d at %d s", test.n, test.wanted, how, len(r.Values), r.Resolution, test.length, test.resolution)
			}
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

// slowResample is resample as its description says it, a step at a time.
func slowResample(values []float64, step int, how Resampling) []float64 {
	out := []float64{}
	for len(values) >= step {
		var present []float64
		for _, v := range values[:step] {
			if v == v {
				present = append(present, v)
			}
		}
		switch {
		case how == ResampleSimple:
			out = append(out, values[0])
		case len(present) == 0:
			out = append(out, math.NaN())
		default:
			sum := 0.0
			for _, v := range present {
				sum += v
			}
			out = append(out, sum/float64(len(present)))
		}
		values = values[step:]
	}
	return out
}

// TestAverageAndSimple compares both ways with slowResample, for random series with gaps.
func TestAverageAndSimple(t *testing.T) {
	rng := testkit.Rand(t)
	for range 300 {
		values := make([]float64, minResampled+rng.IntN(2000))
		gaps := []float64{0, 0.1, 0.9, 1}[rng.IntN(4)]
		for i := range values {
			if values[i] = rng.NormFloat64(); rng.Float64() < gaps {
				values[i] = math.NaN()
			}
		}
		step := 2 + rng.IntN(2*len(values))
		for _, how := range []Resampling{ResampleAverage, ResampleSimple} {
			r := Series{Resolution: 10, Values: slices.Clone(values)}
			r.resample(int64(10*step-rng.IntN(10)), how)
			used := min(step, len(values)) // a longer step is cut to one over all values
			want := slowResample(values, used, how)
			same := slices.EqualFunc(r.Values, want, func(a, b float64) bool { return a == b || a != a && b != b })
			if !same || r.Resolution != int64(10*used) {
				t.Fatalf("way %d, %d values by %d: %d at %d s, want %d at %d s", how, len(values), step, len(r.Values), r.Resolution, len(want), 10*used)
			}
		}
	}
}

func TestResampleEdges(t *testing.T) {
	gaps := make([]float64, 2000)
	fillGaps(gaps)
	huge := make([]float64, 2000)
	for i := range huge {
		huge[i] = math.MaxFloat64
	}
	for _, how := range []Resampling{ResampleLTTB, ResampleAverage, ResampleSimple} {
		r := Series{Resolution: 1, Values: slices.Clone(gaps)}
		if r.resample(10, how); len(r.Values) != 200 || hasValue(r.Values) {
			t.Errorf("way %d: gaps give %d values, %v", how, len(r.Values), r.Values[:3])
		}
		few := Series{Resolution: 1, Values: ramp(minResampled - 1)}
		if few.resample(10, how); len(few.Values) != minResampled-1 || few.Resolution != 1 {
			t.Errorf("way %d: few values became %d", how, len(few.Values))
		}
		var none Series
		if none.resample(10, how); len(none.Values) != 0 {
			t.Errorf("way %d: nothing became %v", how, none.Values)
		}
	}
	r := Series{Resolution: 1, Values: huge}
	if r.resample(10, ResampleAverage); hasValue(r.Values) {
		t.Errorf("a mean that overflows is %v", r.Values[0])
	}
}

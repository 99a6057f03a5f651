package chunk

import (
	"math"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestInverseDivides holds quotients by an inverse against divisions, bit for
// bit: of small integers, of those next to the limit, and of random ones of
// each length.
func TestInverseDivides(t *testing.T) {
	r := testkit.Rand(t)
	for decimals := range inverseDecimals + 1 {
		divisor := math.Pow10(decimals)
		by := inverseOf(divisor)
		check := func(m int64) {
			t.Helper()
			got, want := by.quotient(float64(m)), float64(m)/divisor
			if math.Float64bits(got) != math.Float64bits(want) {
				t.Fatalf("%d/%v is %v, want %v", m, divisor, got, want)
			}
		}
		for m := range int64(100_000) {
			check(m)
			check(-m)
			check(inverseLimit - 1 - m)
			check(m + 1 - inverseLimit)
		}
		for range 100_000 {
			m := int64(r.Uint64N(inverseLimit)) >> r.IntN(32)
			check(m)
			check(-m)
		}
	}
}

// TestInvertible lists scales at the borders of what an inverse takes.
func TestInvertible(t *testing.T) {
	const limit = inverseLimit
	for _, test := range []struct {
		scale scale
		most  uint64
		want  bool
	}{
		{scale{step: 1}, limit - 1, true},
		{scale{step: 1}, limit, false},
		{scale{step: 1}, math.MaxUint64, false},
		{scale{step: 1, decimals: 7}, 5, true},
		{scale{step: 1, decimals: 8}, 5, false},
		{scale{patterns: true}, 5, false},
		{scale{step: 2}, 1 << 63, false},
		{scale{step: 5}, limit/5 + 1, false},
		{scale{step: 5}, limit / 5, true},
		{scale{step: 5, anchor: 4}, limit / 5, false},
		{scale{step: limit}, 0, false},
		{scale{step: -1}, 0, false},
		{scale{step: 1, anchor: -1}, 0, false},
		{scale{step: 1 << 31, anchor: limit - 1}, limit - 1, false},
	} {
		if got := test.scale.invertible(test.most); got != test.want {
			t.Errorf("%+v up to %d: %v, want %v", test.scale, test.most, got, test.want)
		}
	}
}

// TestQuotients decodes frames, with patches and without, and deltas of integers
// at the borders of what an inverse takes and beyond, of either sign.
func TestQuotients(t *testing.T) {
	r := testkit.Rand(t)
	var b GroupBuilder
	for _, most := range []float64{1 << 20, 1<<32 - 1, 1 << 32, 1 << 36, 1 << 40} {
		for decimals := range 9 {
			for _, sign := range []float64{-1, 1} {
				power := math.Pow10(decimals)
				integer := func(m float64) float64 { return sign * math.Round(m) / power }
				noise := each(64, func(int) float64 { return integer(most * r.Float64()) })
				noise[7] = integer(most)
				peaks := each(256, func(i int) float64 {
					if i%64 == 3 {
						return integer(most * (1 - r.Float64()/100))
					}
					return integer(most / 32 * r.Float64())
				})
				ramp := each(64, func(i int) float64 { return integer(most/64*float64(i) + 1000*r.Float64()) })
				for _, values := range [][]float64{noise, peaks, ramp} {
					g := checkBlock(t, "borders", &b, values)
					checkParts(t, "borders", r, g, 0, values)
				}
			}
		}
	}
}

// BenchmarkInverse divides like BenchmarkDivide, by the inverse.
func BenchmarkInverse(b *testing.B) {
	dst := make([]float64, MaxSlots)
	b.SetBytes(int64(8 * len(dst)))
	s := scale{decimals: 2, divisor: 100, step: 1}
	for n := uint64(0); b.Loop(); n++ {
		for i := range dst {
			dst[i] = math.Float64frombits(integerBias + n%1e6 + uint64(i))
		}
		s.quotients(dst)
	}
	if dst[0] < 0 {
		b.Fatal(dst)
	}
}

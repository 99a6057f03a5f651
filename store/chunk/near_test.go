package chunk

import (
	"math"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestMoved: float64 numbers of all kinds have an order, in which each can be reached from any
// other one.
func TestMoved(t *testing.T) {
	r := testkit.Rand(t)
	ascending := []float64{math.Inf(-1), -math.MaxFloat64, -1, -5e-324, negative, 0, 5e-324, 1, math.MaxFloat64, math.Inf(1)}
	for i, v := range ascending[1:] {
		if ordered(ascending[i]) >= ordered(v) {
			t.Errorf("%v does not come before %v", ascending[i], v)
		}
	}
	for v, next := range map[float64]float64{1: 1 + 0x1p-52, 5e-324: 1e-323, -5e-324: negative, math.MaxFloat64: math.Inf(1)} {
		if got := moved(v, 1); math.Float64bits(got) != math.Float64bits(next) {
			t.Errorf("%v comes after %v, want %v", got, v, next)
		}
	}
	for range 1000 {
		v, w := math.Float64frombits(r.Uint64()), math.Float64frombits(r.Uint64())
		if got := moved(v, ordered(w)-ordered(v)); math.Float64bits(got) != math.Float64bits(w) {
			t.Fatalf("moved from %v to %v, want %v", v, got, w)
		}
	}
}

// TestSumsStaySmall bounds what sums of decimal numbers take that were added in float64. Most
// have the digits of a full float64.
func TestSumsStaySmall(t *testing.T) {
	r := testkit.Rand(t)
	const slots = 128
	var b GroupBuilder
	for _, walks := range []int{2, 8, 72} {
		for d := range 7 {
			bytes, blocks := 0, 50
			for range blocks {
				values := sumOfWalks(r, walks, d, slots)
				bytes += len(blockOf(checkBlock(t, "sums", &b, values)))
			}
			perSample := float64(bytes) / float64(blocks*slots)
			t.Logf("%d walks of %d decimals: %.2f B/sample", walks, d, perSample)
			// A sum needs about 3.3 bits for each decimal, and some for its walk and for the offsets.
			if most := 1.55 + 0.42*float64(d); perSample > most {
				t.Errorf("%d walks of %d decimals: %.2f B/sample, want at most %.2f", walks, d, perSample, most)
			}
		}
	}
}

// TestNearDecimalsAtTheirLimits has values among sums that are hardly or not near a decimal
// number.
func TestNearDecimalsAtTheirLimits(t *testing.T) {
	r := testkit.Rand(t)
	var b GroupBuilder
	near := 0
	for _, odd := range []float64{
		0, negative, 5e-324, 1e-300, 1e-17, 1e17, maxExact, maxExact + 2, nearInteger, math.MaxFloat64, math.Inf(1),
		moved(0.25, nearOffset), moved(0.25, nearOffset+1), moved(0.25, -nearOffset), moved(0.25, -nearOffset-1), math.Pi,
	} {
		for d := range 8 {
			for _, n := range []int{1, 2, 9, 64} {
				values := each(n, func(int) float64 { return moved(decimalsOf(100*r.NormFloat64(), d), r.Int64N(31)-15) })
				for _, odd := range []float64{odd, -odd, odd / math.Pow10(d)} {
					values[r.IntN(n)] = odd
					if g := checkBlock(t, "near decimals", &b, values); blockOf(g)[0]&headerNear != 0 {
						near++
						checkParts(t, "near decimals", r, g, 0, values)
					}
				}
			}
		}
	}
	if near == 0 {
		t.Error("no block of near decimals")
	}
}

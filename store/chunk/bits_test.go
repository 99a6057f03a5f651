package chunk

import (
	"math"
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestPack holds packed integers of each width and of many lengths against the
// slow reader of bits.
func TestPack(t *testing.T) {
	r := testkit.Rand(t)
	for width := range uint(65) {
		for n := 0; n <= MaxSlots; n += 1 + r.IntN(9) {
			base := int64(r.Uint64())
			v := make([]int64, n)
			for i := range v {
				v[i] = base + int64(r.Uint64()&mask(width))
			}
			head := []byte("head")
			packed := pack(slices.Clone(head), v, base, width)
			if len(packed) != len(head)+packedSize(n, width) || string(packed[:len(head)]) != string(head) {
				t.Fatalf("%d codes of width %d: %d bytes that begin with %q", n, width, len(packed), packed[:len(head)])
			}
			reader := bitReader{bytes: packed[len(head):]}
			if got := reader.packed(base, n, int(width)); !slices.Equal(got, v) {
				t.Fatalf("%d codes of width %d above %d:\n%v, want\n%v", n, width, base, got, v)
			}
		}
	}
}

// TestDecimalsAtTheirLimits encodes decimal numbers of all lengths among which one
// is hardly or not within what an inverse can make, and values that are none.
func TestDecimalsAtTheirLimits(t *testing.T) {
	var b GroupBuilder
	for decimals := range maxDecimals + 1 {
		power := math.Pow10(decimals)
		for _, odd := range []float64{
			inverseLimit - 1, inverseLimit, inverseLimit + 1, 1 << 51, 3 << 51, maxExact - 1, maxExact, maxExact + 2, 1e300,
			math.Inf(1), 0, 0.5, 1e-300, math.MaxFloat64, math.SmallestNonzeroFloat64, 0.1 + 0.2,
		} {
			for _, odd := range []float64{odd, -odd, odd / power, -odd / power, math.Copysign(odd, -1)} {
				for _, n := range []int{1, 2, 9, 64} {
					values := each(n, func(i int) float64 { return float64(1000+7*i*i) / power })
					values[n/2] = odd
					checkBlock(t, "decimals", &b, values)
				}
			}
		}
	}
}

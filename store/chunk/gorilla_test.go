package chunk

import (
	"math"
	"math/bits"
	"testing"

	"cc-metric-store/test/testkit"
)

// gorilla encodes values, without timestamps, as the Gorilla paper does: each is
// XORed with the one before it, and of the result the bits between the leading
// and the trailing zeros are kept. It is here to be compared with.
func gorilla(values []float64) []byte {
	var w bitWriter
	last := math.Float64bits(values[0])
	w.write(last, 64)
	leading, length := -1, 0 // of the window that the value before used
	for _, v := range values[1:] {
		x := math.Float64bits(v) ^ last
		last ^= x
		if x == 0 {
			w.write(0, 1)
			continue
		}
		w.write(1, 1)
		lead := min(bits.LeadingZeros64(x), 31)
		trail := bits.TrailingZeros64(x)
		if leading >= 0 && lead >= leading && trail >= 64-leading-length {
			w.write(0, 1)
			w.write(x>>(64-leading-length), length)
			continue
		}
		leading, length = lead, 64-lead-trail
		w.write(1, 1)
		w.write(uint64(leading), 5)
		w.write(uint64(length-1), 6)
		w.write(x>>trail, length)
	}
	return w.bytes
}

// bitWriter writes bits, highest bit first.
type bitWriter struct {
	bytes []byte
	n     int
}

func (w *bitWriter) write(x uint64, n int) {
	for i := n - 1; i >= 0; i-- {
		if w.n%8 == 0 {
			w.bytes = append(w.bytes, 0)
		}
		w.bytes[w.n/8] |= byte(x>>i&1) << (7 - w.n%8)
		w.n++
	}
}

// ungorilla decodes n values.
func ungorilla(b []byte, n int) []float64 {
	at := 0
	read := func(n int) (x uint64) {
		for range n {
			x = x<<1 | uint64(b[at/8]>>(7-at%8)&1)
			at++
		}
		return x
	}
	last := read(64)
	values := []float64{math.Float64frombits(last)}
	leading, length := 0, 0
	for range n - 1 {
		if read(1) == 1 {
			if read(1) == 1 {
				leading, length = int(read(5)), int(read(6))+1
			}
			last ^= read(length) << (64 - leading - length)
		}
		values = append(values, math.Float64frombits(last))
	}
	return values
}

// TestGorilla makes sure that the comparison is with something that works.
func TestGorilla(t *testing.T) {
	r := testkit.Rand(t)
	for range 500 {
		name, values := randomBlock(r)
		if values = present(values); len(values) > 0 {
			checkSame(t, name, ungorilla(gorilla(values), len(values)), values)
		}
	}
}

// present returns the values that are no gap.
func present(values []float64) []float64 {
	var kept []float64
	for _, v := range values {
		if !math.IsNaN(v) {
			kept = append(kept, v)
		}
	}
	return kept
}

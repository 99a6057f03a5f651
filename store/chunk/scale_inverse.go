package chunk

import "math"

// inverse divides integers by a power of ten by multiplying them with its inverse. That is
// several times as quick as a division, and gives the same float64: the one next to the
// quotient.
//
// The inverse of d = 10^e is kept in two parts: high is its first 21 bits, low
// what is missing, to 53 bits of its own. For an integer m below 2^32, m*high is
// exact. What m*low lacks to be exact is, like what low lacks, less than 2^-73
// of the quotient, so that the sum before it is rounded errs by less than 2^-72
// of it. To be rounded to another float64 than the quotient, the two would have
// to lie on both sides of a point half way between two float64 numbers, which is
// an odd integer q of 54 bits times a power of two. The quotient m/d is
// m*2^a / (5^e*2^b), so that its distance from q*2^c is, in parts of q*2^c, at
// least 1/(q*5^e): the numerator, a difference of two integers, is not 0, as one
// of them is odd and the other one even. With e up to 7, that is more than
// 2^-54 * 2^-17, more than the error. If the processor fuses a product with
// the sum, the error is smaller still.
type inverse struct{ high, low float64 }

const (
	inverseLimit    = 1 << 32 // of the magnitudes of integers
	inverseDecimals = 7
	inverseLowBits  = 1<<32 - 1 // those of a float64 that high does not have
)

// inverses are those of the powers of ten, by their decimals.
var inverses = func() (all [inverseDecimals + 1]inverse) {
	for decimals := range all {
		all[decimals] = inverseOf(math.Pow10(decimals))
	}
	return all
}()

func inverseOf(divisor float64) inverse {
	high := math.Float64frombits(math.Float64bits(1/divisor) &^ inverseLowBits)
	// The product has no more bits than a float64, and so has the difference.
	return inverse{high, (1 - high*divisor) / divisor}
}

// quotient returns m/divisor for an integer m of a magnitude below inverseLimit.
func (v inverse) quotient(m float64) float64 { return m*v.high + m*v.low }

// The sum of integerBias and a small integer, positive or not, has the bits of the float64 that
// is the integer plus integerOrigin.
const (
	integerBias   = 0x4338000000000000
	integerOrigin = 3 << 51
)

// quotients turns integers plus integerBias into values, in place.
func (s *scale) quotients(dst []float64) {
	by := inverses[s.decimals]
	if s.step != 1 || s.anchor != 0 {
		step, anchor := float64(s.step), float64(s.anchor)
		for i, v := range dst {
			dst[i] = by.quotient((v-integerOrigin)*step + anchor)
		}
		return
	}
	for ; len(dst) >= 8; dst = dst[8:] {
		d := (*[8]float64)(dst)
		d[0] = by.quotient(d[0] - integerOrigin)
		d[1] = by.quotient(d[1] - integerOrigin)
		d[2] = by.quotient(d[2] - integerOrigin)
		d[3] = by.quotient(d[3] - integerOrigin)
		d[4] = by.quotient(d[4] - integerOrigin)
		d[5] = by.quotient(d[5] - integerOrigin)
		d[6] = by.quotient(d[6] - integerOrigin)
		d[7] = by.quotient(d[7] - integerOrigin)
	}
	for i, v := range dst {
		dst[i] = by.quotient(v - integerOrigin)
	}
}

// invertible reports whether an inverse can turn integers into values, if their magnitudes are at
// most most.
func (s *scale) invertible(most uint64) bool {
	if s.patterns || s.decimals > inverseDecimals || most >= inverseLimit {
		return false
	}
	step, anchor := uint64(s.step), uint64(s.anchor)
	return step < inverseLimit && anchor < inverseLimit && most*step+anchor < inverseLimit
}

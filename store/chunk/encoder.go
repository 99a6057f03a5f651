package chunk

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// A decimal scale is compared with bit patterns if it has at least manyDecimals.
const manyDecimals = 8

// A frame of differences is not planned if at least one in narrowShare of the differences needs
// as many bits as the integers.
const narrowShare = 6

const (
	signBit      = 1 << 63
	infinityBits = 0x7ff << 52
)

// Encoder encodes blocks. It holds only scratch space, about twelve kilobytes: the zero value is
// ready for use, and a block depends on its values alone. It is not safe for concurrent use.
type Encoder struct {
	n      int // values of the block: slots that are no gap
	values [MaxSlots]float64
	gaps   indexList

	scale    scale
	ints     [MaxSlots]int64 // the values on the scale
	within   limits          // of the integers
	outliers indexList       // values that the scale cannot express

	deltas  [MaxSlots]int64
	dict    dictionary
	patches patches
}

// Encode appends a block with the values to dst and returns the slice. NaN is a gap.
// There must be between 1 and MaxSlots values, or Encode panics. It allocates
// only if dst has to grow.
func (e *Encoder) Encode(dst []byte, values []float64) []byte {
	if len(values) == 0 || len(values) > MaxSlots {
		panic(fmt.Sprintf("chunk: block of %d slots", len(values)))
	}
	same := e.load(values)
	header := len(dst)
	dst = e.appendHeader(dst, len(values))
	body := len(dst)
	mode := modeEmpty
	switch {
	case e.n == 0:
	case same:
		mode, dst = modeConstant, e.appendConstant(dst)
	default:
		mode, dst = e.appendValues(dst)
	}
	if len(dst)-body > 8*e.n {
		mode, dst = modeRaw, e.appendRaw(dst[:body])
	}
	dst[header] |= byte(mode)
	return dst
}

// load copies the values that are no gap, and reports whether all are the same.
func (e *Encoder) load(values []float64) (same bool) {
	n, gaps := 0, 0
	for i, v := range values {
		// Both are always written, and kept by counting them: a processor predicts gaps badly.
		// Bits above those of an infinity are NaN.
		e.values[uint8(n)], e.gaps.at[uint8(gaps)] = v, uint8(i)
		gap := int((infinityBits - math.Float64bits(v)&^signBit) >> 63)
		gaps += gap
		n += 1 - gap
	}
	e.n, e.gaps.n = n, gaps
	first := math.Float64bits(e.values[0])
	for _, v := range e.values[:n] {
		if math.Float64bits(v) != first {
			return false
		}
	}
	return true
}

// fit puts the values on the scale that keeps their integers close together.
func (e *Encoder) fit() {
	if !e.fitDecimals() {
		e.fitPatterns()
		return
	}
	// With so many decimals, any number seems to be decimal. Bit patterns may be shorter; those
	// of float32 values are.
	if e.scale.decimals >= manyDecimals {
		decimal := e.n*int(width(e.within.span())) + e.outliers.n*outlierBits
		if e.n*int(width(e.patternSpan())) < decimal {
			e.fitPatterns()
			return
		}
	}
	e.fitStep()
}

// fitPatterns turns the bit patterns of the values into integers, without the zeros that all of
// them end with.
func (e *Encoder) fitPatterns() {
	shift := e.patternShift()
	e.scale = scale{patterns: true, shift: shift}
	e.outliers.n = 0
	for i, v := range e.values[:e.n] {
		e.ints[i] = int64(math.Float64bits(v) >> shift)
	}
	e.within = limitsOf(e.ints[:e.n])
}

// patternShift returns the number of zeros that all bit patterns end with.
func (e *Encoder) patternShift() uint {
	var all uint64
	for _, v := range e.values[:e.n] {
		all |= math.Float64bits(v)
	}
	return uint(bits.TrailingZeros64(all)) & 63
}

// patternSpan returns the span of the integers that fitPatterns would make.
func (e *Encoder) patternSpan() uint64 {
	lo, hi := uint64(math.MaxUint64), uint64(0)
	for _, v := range e.values[:e.n] {
		lo, hi = min(lo, math.Float64bits(v)), max(hi, math.Float64bits(v))
	}
	return (hi - lo) >> e.patternShift()
}

// appendValues appends the smallest body of all modes but raw, and returns its mode.
func (e *Encoder) appendValues(dst []byte) (bodyMode, []byte) {
	e.fit()
	dst = e.appendScale(dst)
	ints, deltas := e.ints[:e.n], e.deltas[:e.n-1]
	plain, delta := planFrame(ints, e.within), layout{bits: math.MaxInt}
	if within, ok := difference(deltas, ints, plain.width); ok {
		delta = planFrame(deltas, within)
		delta.bits += 8 * varintSize(ints[0])
	}
	least := min(plain.bits, delta.bits)
	switch {
	case least > e.n*dictionaryWidth && e.planDictionary(least):
		return modeDictionary, e.appendDictionary(dst)
	case delta.bits < plain.bits:
		dst = appendVarint(dst, ints[0])
		return modeDelta, appendFrame(dst, deltas, delta, &e.patches)
	}
	return modeFrame, appendFrame(dst, ints, plain, &e.patches)
}

// difference writes the differences of neighbours in v to dst, and returns their limits. It gives
// up, with false, if too many of them do not fit into a frame narrower than width.
func difference(dst, v []int64, width uint) (within limits, ok bool) {
	const turn = 32
	half := uint64(1) << max(width, 2) >> 2
	all := len(dst)
	within = limits{math.MaxInt64, math.MinInt64}
	last, wide := v[0], 0
	for v = v[1:]; len(v) > 0; {
		n := min(turn, len(v))
		differences := dst[:n]
		for i, x := range v[:n] {
			d := x - last
			last = x
			differences[i] = d
			within.add(d)
			if uint64(d)+half >= 2*half {
				wide++
			}
		}
		if wide*narrowShare >= all {
			return within, false
		}
		v, dst = v[n:], dst[n:]
	}
	return within, true
}

// appendHeader appends what comes before the body; the mode is added later.
func (e *Encoder) appendHeader(dst []byte, slots int) []byte {
	header := byte(0)
	for code := range 3 {
		if slots == shortestLength<<code {
			header = byte(code+1) << 5
		}
	}
	known := header != 0
	gaps := 0 < e.gaps.n && e.gaps.n < slots
	if gaps {
		header |= headerGaps
	}
	dst = append(dst, header)
	if !known {
		dst = append(dst, byte(slots-1))
	}
	if gaps {
		dst = e.gaps.append(dst)
	}
	return dst
}

// appendScale appends the scale and the outliers.
func (e *Encoder) appendScale(dst []byte) []byte {
	dst = e.scale.append(dst, e.outliers.n > 0)
	if e.outliers.n == 0 {
		return dst
	}
	dst = e.outliers.append(dst)
	for _, at := range e.outliers.list() {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(e.values[at]))
	}
	return dst
}

func (e *Encoder) appendRaw(dst []byte) []byte {
	for _, v := range e.values[:e.n] {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	}
	return dst
}

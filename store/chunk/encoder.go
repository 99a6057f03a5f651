package chunk

import (
	"encoding/binary"
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

// encoder encodes the values of blocks. It holds only scratch space, about fourteen kilobytes: the
// zero value is ready for use, and what it appends depends on the values alone.
type encoder struct {
	n      int // values of the block: slots that are no gap
	values [MaxSlots]float64
	gaps   indexSet
	same   bool // all values are

	scale    scale
	ints     [MaxSlots]int64 // the values on the scale
	within   limits          // of the integers
	outliers indexList       // values that the scale cannot express
	offsets  [MaxSlots]int64 // what the values are moved by from those of the integers

	deltas  [MaxSlots]int64
	dict    dictionary
	patches patches
}

// encode appends the smallest body for the values that load took, of which there is at least one.
// It returns the header of the block, but for its gaps. It allocates only if dst has to grow.
func (e *encoder) encode(dst []byte) (header byte, _ []byte) {
	body, n := len(dst), e.n
	if e.same {
		e.n = 1 // one stands for all
	}
	e.fit()
	mode, dst := e.appendIntegers(dst)
	header = byte(mode)
	if e.scale.patterns || e.scale.decimals >= manyDecimals {
		// These are numbers of many digits, unless they are nearly decimal.
		at := len(dst)
		mode, all, ok := e.appendNear(dst)
		if dst = all[:at]; ok && len(all)-at < at-body {
			header = byte(mode) | headerNear
			dst = append(dst[:body], all[at:]...)
		}
	}
	e.n = n
	if len(dst)-body > 8*n {
		return byte(modeRaw), e.appendRaw(dst[:body])
	}
	if short, ok := bodyMode(header).short(dst[body]); ok {
		header = byte(short)
		dst = append(dst[:body], dst[body+1:]...)
	}
	return header, dst
}

// load copies the values that are no gap. There are at most MaxSlots.
func (e *encoder) load(values []float64) {
	n := 0
	e.gaps.bits = [len(e.gaps.bits)]uint64{}
	for i := 0; i < len(values); i += 64 {
		gaps := uint64(0)
		for j, v := range values[i:min(i+64, len(values))] {
			// It is always written, and kept by counting it: a processor predicts gaps badly.
			// Bits above those of an infinity are NaN.
			e.values[uint8(n)] = v
			gap := (infinityBits - math.Float64bits(v)&^signBit) >> 63
			gaps |= gap << (j & 63)
			n += 1 - int(gap)
		}
		e.gaps.bits[i>>6] = gaps
	}
	e.n, e.gaps.n = n, len(values)-n
	first := math.Float64bits(e.values[0])
	e.same = true
	for _, v := range e.values[:n] {
		if math.Float64bits(v) != first {
			e.same = false
			return
		}
	}
}

// fit puts the values on the scale that keeps their integers close together.
func (e *encoder) fit() {
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
func (e *encoder) fitPatterns() {
	shift := e.patternShift()
	e.scale = scale{patterns: true, shift: shift}
	e.outliers.n = 0
	for i, v := range e.values[:e.n] {
		e.ints[i] = int64(math.Float64bits(v) >> shift)
	}
	e.within = limitsOf(e.ints[:e.n])
}

// patternShift returns the number of zeros that all bit patterns end with.
func (e *encoder) patternShift() uint {
	var all uint64
	for _, v := range e.values[:e.n] {
		all |= math.Float64bits(v)
	}
	return uint(bits.TrailingZeros64(all)) & 63
}

// patternSpan returns the span of the integers that fitPatterns would make.
func (e *encoder) patternSpan() uint64 {
	lo, hi := uint64(math.MaxUint64), uint64(0)
	for _, v := range e.values[:e.n] {
		lo, hi = min(lo, math.Float64bits(v)), max(hi, math.Float64bits(v))
	}
	return (hi - lo) >> e.patternShift()
}

// appendIntegers appends the scale and the integers, in the smallest of all modes but raw, and
// returns the mode.
func (e *encoder) appendIntegers(dst []byte) (bodyMode, []byte) {
	dst = e.appendScale(dst)
	if e.same {
		return modeConstant, appendVarint(dst, e.ints[0])
	}
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

// appendScale appends the scale and the outliers.
func (e *encoder) appendScale(dst []byte) []byte {
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

func (e *encoder) appendRaw(dst []byte) []byte {
	for _, v := range e.values[:e.n] {
		dst = binary.LittleEndian.AppendUint64(dst, math.Float64bits(v))
	}
	return dst
}

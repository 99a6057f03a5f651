package chunk

import (
	"encoding/binary"
	"math"
)

// The kernels below read as many codes with one load of eight bytes as surely
// fit behind the up to 7 bits that precede the first: four of up to 14 bits,
// two of up to 28, else one.
const (
	width4 = 14
	width2 = 28
	width1 = 57
)

// unpack writes the values of the integers [from, from+len(dst)) of p to dst.
func (s *scale) unpack(dst []float64, p *packed, from int) {
	switch {
	case p.width == 0:
		fill(dst, s.value(p.base))
	case p.width > width1 || len(p.codes) < 8:
		for i := range dst {
			dst[i] = s.value(p.at(from + i))
		}
	case s.patterns:
		unpackPatterns(dst, p.codes, uint(from)*p.width, p.width, uint64(p.base), s.shift&63)
	default:
		unpackDecimals(dst, p.codes, uint(from)*p.width, p.width, s.anchor+p.base*s.step, s.step, s.divisor)
	}
}

// unpackDecimals writes (base+code*step)/divisor for codes from the given bit on.
func unpackDecimals(dst []float64, codes []byte, bit, width uint, base, step int64, divisor float64) {
	mask := mask(width)
	width &= 63                  // spares the check of the shifts
	last := uint(len(codes) - 8) // of the loads
	if width <= width4 {
		for len(dst) >= 4 && bit>>3 <= last {
			o := bit >> 3
			x := binary.LittleEndian.Uint64(codes[o:o+8]) >> (bit & 7)
			dst[0] = float64(base+int64(x&mask)*step) / divisor
			x >>= width
			dst[1] = float64(base+int64(x&mask)*step) / divisor
			x >>= width
			dst[2] = float64(base+int64(x&mask)*step) / divisor
			x >>= width
			dst[3] = float64(base+int64(x&mask)*step) / divisor
			dst = dst[4:]
			bit += 4 * width
		}
	} else if width <= width2 {
		for len(dst) >= 2 && bit>>3 <= last {
			o := bit >> 3
			x := binary.LittleEndian.Uint64(codes[o:o+8]) >> (bit & 7)
			dst[0] = float64(base+int64(x&mask)*step) / divisor
			x >>= width
			dst[1] = float64(base+int64(x&mask)*step) / divisor
			dst = dst[2:]
			bit += 2 * width
		}
	}
	for i := range dst {
		o := min(bit>>3, last)
		x := binary.LittleEndian.Uint64(codes[o:o+8]) >> ((bit - 8*o) & 63)
		dst[i] = float64(base+int64(x&mask)*step) / divisor
		bit += width
	}
}

// unpackPatterns writes the floats with the bits (base+code)<<shift for codes
// from the given bit on.
func unpackPatterns(dst []float64, codes []byte, bit, width uint, base uint64, shift uint) {
	mask := mask(width)
	width &= 63                  // spares the check of the shifts
	last := uint(len(codes) - 8) // of the loads
	if width <= width4 {
		for len(dst) >= 4 && bit>>3 <= last {
			o := bit >> 3
			x := binary.LittleEndian.Uint64(codes[o:o+8]) >> (bit & 7)
			dst[0] = math.Float64frombits((base + x&mask) << shift)
			x >>= width
			dst[1] = math.Float64frombits((base + x&mask) << shift)
			x >>= width
			dst[2] = math.Float64frombits((base + x&mask) << shift)
			x >>= width
			dst[3] = math.Float64frombits((base + x&mask) << shift)
			dst = dst[4:]
			bit += 4 * width
		}
	} else if width <= width2 {
		for len(dst) >= 2 && bit>>3 <= last {
			o := bit >> 3
			x := binary.LittleEndian.Uint64(codes[o:o+8]) >> (bit & 7)
			dst[0] = math.Float64frombits((base + x&mask) << shift)
			x >>= width
			dst[1] = math.Float64frombits((base + x&mask) << shift)
			dst = dst[2:]
			bit += 2 * width
		}
	}
	for i := range dst {
		o := min(bit>>3, last)
		x := binary.LittleEndian.Uint64(codes[o:o+8]) >> ((bit - 8*o) & 63)
		dst[i] = math.Float64frombits((base + x&mask) << shift)
		bit += width
	}
}

package chunk

import (
	"encoding/binary"
	"math"
)

// The functions below read as many codes with one load of eight bytes as fit behind the up to 7
// bits that precede the first one: four of up to 14 bits, two of up to 28, otherwise one.
const (
	width4 = 14
	width2 = 28
	width1 = 57
)

// unpack writes the integers [from, from+len(dst)) of p, each of them plus bias, to dst, as the
// bits of its floats: the caller turns them into values in place.
func (p *packed) unpack(dst []float64, from int, bias uint64) {
	bias += uint64(p.base)
	if p.width == 0 {
		fill(dst, math.Float64frombits(bias))
		return
	}
	if p.width > width1 || len(p.codes) < 8 {
		for i := range dst {
			dst[i] = math.Float64frombits(bias + code(p.codes, from+i, p.width))
		}
		return
	}
	unpackCodes(dst, p.codes, uint(from)*p.width, p.width, bias)
}

// unpackCodes writes bias+code to dst, for the codes from the given bit on. There are at least
// eight bytes of codes, and width is at most width1.
func unpackCodes(dst []float64, codes []byte, bit, width uint, bias uint64) {
	n := 0
	switch {
	case width <= width4:
		n = unpackFours(dst, codes, bit, width, bias)
	case width <= width2:
		n = unpackTwos(dst, codes, bit, width, bias)
	default:
		n = unpackOnes(dst, codes, bit, width, bias)
	}
	// The remaining codes are fewer than one load has, or lie in the last eight bytes.
	bit += uint(n) * width
	o := min(bit>>3, uint(len(codes)-8))
	x := binary.LittleEndian.Uint64(codes[o:]) >> ((bit - 8*o) & 63)
	mask := mask(width)
	for rest := dst[n:]; len(rest) > 0; rest = rest[1:] {
		rest[0] = math.Float64frombits(bias + x&mask)
		x >>= width & 63
	}
}

// The functions below unpack as many codes as they can, and return how many. Each is a function
// of its own with one load in each round, so that its variables stay in registers.

func unpackFours(dst []float64, codes []byte, bit, width uint, bias uint64) int {
	mask, last, n := mask(width), uint(len(codes)-8), len(dst)
	width &= 63 // spares the check of the shifts
	dst = dst[:n:n]
	for len(dst) >= 4 && bit>>3 <= last {
		o := bit >> 3
		x := binary.LittleEndian.Uint64(codes[o:o+8:o+8]) >> (bit & 7)
		bit += 4 * width
		d := (*[4]float64)(dst)
		dst = dst[4:]
		d[0] = math.Float64frombits(bias + x&mask)
		x >>= width
		d[1] = math.Float64frombits(bias + x&mask)
		x >>= width
		d[2] = math.Float64frombits(bias + x&mask)
		x >>= width
		d[3] = math.Float64frombits(bias + x&mask)
	}
	return n - len(dst)
}

func unpackTwos(dst []float64, codes []byte, bit, width uint, bias uint64) int {
	mask, last, n := mask(width), uint(len(codes)-8), len(dst)
	width &= 63 // spares the check of the shifts
	dst = dst[:n:n]
	for len(dst) >= 2 && bit>>3 <= last {
		o := bit >> 3
		x := binary.LittleEndian.Uint64(codes[o:o+8:o+8]) >> (bit & 7)
		bit += 2 * width
		d := (*[2]float64)(dst)
		dst = dst[2:]
		d[0] = math.Float64frombits(bias + x&mask)
		x >>= width
		d[1] = math.Float64frombits(bias + x&mask)
	}
	return n - len(dst)
}

func unpackOnes(dst []float64, codes []byte, bit, width uint, bias uint64) (n int) {
	mask, last := mask(width), uint(len(codes)-8)
	for n = range dst {
		o := bit >> 3
		if o > last {
			return n
		}
		x := binary.LittleEndian.Uint64(codes[o:o+8:o+8]) >> (bit & 7)
		bit += width
		dst[n] = math.Float64frombits(bias + x&mask)
	}
	return len(dst)
}

package chunk

import (
	"fmt"
	"math"
	"math/bits"
)

// The first byte of a frame: its width, and whether patches follow.
const (
	frameWidth   = 0x7f
	frameCentred = 0x40 // is added to the width if the base is not stored
	framePatched = 0x80
)

// frame is a packed sequence of integers: codes of one width above a base. The few integers that
// do not fit are patches, which are packed with a base and a width of their own.
type frame struct {
	integers packed
	patched  indexSet // the integers that are patches
	patches  packed
}

// packed is a sequence of integers, each of them a code of a fixed width above
// a base.
type packed struct {
	n     int
	base  int64
	width uint
	codes []byte
}

func (p *packed) at(i int) int64 { return p.base + int64(code(p.codes, i, p.width)) }

// parse reads n integers and returns what follows them. Their width has been read already, and is
// up to 64, or frameCentred is added to it.
func (p *packed) parse(b []byte, n int, width uint) (rest []byte, err error) {
	if p.n = n; width > 64 {
		width -= frameCentred
		p.base = -1 << (width - 1)
	} else if p.base, b, err = parseVarint(b); err != nil {
		return nil, fmt.Errorf("base of %d codes: %w", n, err)
	}
	p.width = width
	if p.codes, b, err = cut(b, packedSize(n, width)); err != nil {
		return nil, fmt.Errorf("%d codes of width %d: %w", n, width, err)
	}
	return b, nil
}

// parse reads a frame of n integers and returns what follows it.
func (f *frame) parse(b []byte, n int) (rest []byte, err error) {
	if len(b) == 0 {
		return nil, fmt.Errorf("width: %w", errCorrupt)
	}
	patched := b[0]&framePatched != 0
	if b, err = f.integers.parse(b[1:], n, uint(b[0]&frameWidth)); err != nil || !patched {
		return b, err
	}
	if b, err = f.patched.parse(b, n); err != nil {
		return nil, fmt.Errorf("patches: %w", err)
	}
	if len(b) == 0 || b[0] > 64 {
		return nil, fmt.Errorf("width of patches: %w", errCorrupt)
	}
	if b, err = f.patches.parse(b[1:], f.patched.n, uint(b[0])); err != nil {
		return nil, fmt.Errorf("patches: %w", err)
	}
	// The base of the patches is stored relative to that of the frame, as it is small then.
	f.patches.base += f.integers.base
	return b, nil
}

// most returns an upper bound for the magnitudes of all integers of p.
func (p *packed) most() uint64 {
	return saturate(magnitude(p.base), mask(p.width))
}

// most returns an upper bound for the magnitudes of all integers of f.
func (f *frame) most() uint64 {
	if f.patched.n == 0 {
		return f.integers.most()
	}
	return max(f.integers.most(), f.patches.most())
}

// saturate returns a+b, or the largest uint64 if the sum overflows.
func saturate(a, b uint64) uint64 {
	sum, carry := bits.Add64(a, b, 0)
	return sum | -carry
}

// unpack writes the integers [from, from+len(dst)), each of them plus bias, to dst, as the bits
// of its floats.
func (f *frame) unpack(dst []float64, from int, bias uint64) {
	f.integers.unpack(dst, from, bias)
	if f.patched.n == 0 {
		return
	}
	n := 0 // index of the patch
	for i, word := range f.patched.bits {
		for ; word != 0; word &= word - 1 {
			at := 64*i + bits.TrailingZeros64(word) - from
			if uint(at) < uint(len(dst)) {
				dst[at] = math.Float64frombits(bias + uint64(f.patches.at(n)))
			}
			n++
		}
	}
}

// decode writes the values of the integers [from, from+len(dst)) to dst.
func (f *frame) decode(dst []float64, s *scale, from int) {
	if f.integers.width == 0 && f.patched.n == 0 {
		fill(dst, s.value(f.integers.base))
		return
	}
	if s.invertible(f.most()) {
		f.unpack(dst, from, integerBias)
		s.quotients(dst)
		return
	}
	f.unpack(dst, from, 0)
	s.values(dst)
}

// cut splits b after n bytes.
func cut(b []byte, n int) (first, rest []byte, err error) {
	if n > len(b) {
		return nil, nil, fmt.Errorf("%d bytes of %d: %w", len(b), n, errCorrupt)
	}
	return b[:n], b[n:], nil
}

// A frame body is a frame of the values' integers.

func (d *decoder) decodeFrame(dst []float64, b []byte, from int) error {
	b, err := d.frame.parse(b, d.values)
	if err != nil {
		return err
	}
	d.frame.decode(dst, &d.scale, from)
	return finish(b)
}

package chunk

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// packedSize returns the number of bytes that n codes of width bits take.
func packedSize(n int, width uint) int { return (n*int(width) + 7) / 8 }

// pack appends the codes, which are less than 1<<width, first code in the
// lowest bits.
func pack(dst []byte, codes []uint64, width uint) []byte {
	if width == 0 {
		return dst
	}
	dst, out := extend(dst, packedSize(len(codes), width))
	var acc uint64
	var n uint // bits in acc, less than 64
	for _, c := range codes {
		acc |= c << n
		if n += width; n >= 64 {
			binary.LittleEndian.PutUint64(out, acc)
			out = out[8:]
			n -= 64
			acc = c >> (width - n)
		}
	}
	for i := range out {
		out[i] = byte(acc)
		acc >>= 8
	}
	return dst
}

// extend appends n zero bytes to b, which it returns, as they are, too.
func extend(b []byte, n int) (all, added []byte) {
	all = slices.Grow(b, n)[:len(b)+n]
	added = all[len(b):]
	clear(added)
	return all, added
}

// load64 returns the eight bytes from p[at] on; those behind the end of p are
// zero.
func load64(p []byte, at int) uint64 {
	if at+8 <= len(p) {
		return binary.LittleEndian.Uint64(p[at:])
	}
	var x uint64
	for i := len(p) - 1; i >= at; i-- {
		x = x<<8 | uint64(p[i])
	}
	return x
}

// code returns code i of the packed codes p. It takes any width up to 64.
func code(p []byte, i int, width uint) uint64 {
	bit := i * int(width)
	shift := uint(bit & 7)
	x := load64(p, bit>>3) >> shift
	if shift+width > 64 {
		x |= uint64(p[bit>>3+8]) << (64 - shift)
	}
	return x & mask(width)
}

// mask returns the lowest width bits.
func mask(width uint) uint64 {
	if width == 0 {
		return 0
	}
	return math.MaxUint64 >> (64 - width)
}

// width returns the number of bits that numbers up to x need.
func width(x uint64) uint { return uint(bits.Len64(x)) }

// zigzag folds the sign into the lowest bit.
func zigzag(x int64) uint64 { return uint64(x<<1) ^ uint64(x>>63) }

func unzigzag(u uint64) int64 { return int64(u>>1) ^ -int64(u&1) }

func appendVarint(dst []byte, x int64) []byte {
	return binary.AppendUvarint(dst, zigzag(x))
}

// varintSize returns the number of bytes that appendVarint appends.
func varintSize(x int64) int { return (int(width(zigzag(x)|1)) + 6) / 7 }

package chunk

import (
	"encoding/binary"
	"math"
	"math/bits"
	"slices"
)

// packedSize returns how many bytes n codes of width bits need.
func packedSize(n int, width uint) int { return (n*int(width) + 7) / 8 }

// pack appends the codes of v: the differences to base, each less than 1<<width. The first code
// is in the lowest bits.
func pack(dst []byte, v []int64, base int64, width uint) []byte {
	if width == 0 {
		return dst
	}
	size := packedSize(len(v), width)
	dst = slices.Grow(dst, size+8)
	w := codeWriter{out: dst[len(dst) : len(dst)+size+8]}
	if width <= width4 {
		for ; len(v) >= 4; v = v[4:] {
			four := (*[4]int64)(v)
			x := uint64(four[3] - base)
			x = x<<(width&63) | uint64(four[2]-base)
			x = x<<(width&63) | uint64(four[1]-base)
			x = x<<(width&63) | uint64(four[0]-base)
			w.put(x, 4*width)
		}
	}
	for _, x := range v {
		c := uint64(x - base)
		if width > width1 {
			w.put(c&math.MaxUint32, 32)
			w.put(c>>32, width-32)
		} else {
			w.put(c, width)
		}
	}
	return dst[:len(dst)+size]
}

// codeWriter writes codes to out, which has eight bytes more than they need.
type codeWriter struct {
	out  []byte // what follows the bytes that are full
	next uint64 // bits that do not fill a byte yet
	n    uint   // how many of them there are, less than eight
}

// put writes the lowest width bits of x, whose other bits are zero. width is at most width1.
func (w *codeWriter) put(x uint64, width uint) {
	x = x<<(w.n&7) | w.next
	binary.LittleEndian.PutUint64(w.out, x)
	w.n += width
	w.out = w.out[w.n>>3:]
	w.next = x >> (w.n &^ 7)
	w.n &= 7
}

// extend appends n zero bytes to b. It returns the whole slice and the zero bytes.
func extend(b []byte, n int) (all, added []byte) {
	all = slices.Grow(b, n)[:len(b)+n]
	added = all[len(b):]
	clear(added)
	return all, added
}

// load64 returns the eight bytes from p[at] on as an integer. Bytes behind the end of p are zero.
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

// code returns code i of the packed codes p. Any width up to 64 is possible.
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

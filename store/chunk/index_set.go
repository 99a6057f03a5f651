package chunk

import (
	"encoding/binary"
	"fmt"
	"math"
	"math/bits"
)

// indexSet is an indexList as it is decoded: a bit for each index. It needs less clearing than a
// list, and how many indices precede another one is counted and not searched.
type indexSet struct {
	n    int // how many indices it has
	bits [MaxSlots / 64]uint64
}

// parse reads an encoded set of indices below limit and returns what follows them.
func (s *indexSet) parse(b []byte, limit int) ([]byte, error) {
	if len(b) < 2 {
		return nil, fmt.Errorf("index set ends early: %w", errCorrupt)
	}
	n := int(b[0])
	b = b[1:]
	if n == 0 || n > limit {
		return nil, fmt.Errorf("%d indices of %d: %w", n, limit, errCorrupt)
	}
	k := uint(b[0] & maxRice)
	low := uint64(1)<<k - 1
	bit, next, end := 3, 0, 8*len(b)
	for missing := n; missing > 0; {
		if bit >= end {
			return nil, fmt.Errorf("index set ends early: %w", errCorrupt)
		}
		x := load64(b, bit>>3) >> (bit & 7)
		have := 64 - bit&7
		for missing > 0 {
			zeros := min(bits.TrailingZeros64(x), have)
			size := zeros + 1 + int(k)
			if size > have { // the distance goes on behind x
				next += zeros << k
				bit += zeros
				break
			}
			x >>= (zeros + 1) & 63
			next += zeros<<k | int(x&low)
			if next >= limit {
				return nil, fmt.Errorf("index %d of %d: %w", next, limit, errCorrupt)
			}
			s.bits[next>>6%len(s.bits)] |= 1 << (next & 63)
			missing--
			next++
			x >>= k
			have -= size
			bit += size
		}
	}
	if bit > end {
		return nil, fmt.Errorf("index set ends early: %w", errCorrupt)
	}
	s.n = n
	return b[(bit+7)/8:], nil
}

// load reads a set that is kept as a bitmap of at most MaxSlots bits, in whole words.
func (s *indexSet) load(bitmap []byte) {
	s.n = 0
	for i := range len(bitmap) / wordBytes {
		word := binary.LittleEndian.Uint64(bitmap[i*wordBytes:])
		s.bits[i%len(s.bits)] = word
		s.n += bits.OnesCount64(word)
	}
}

// fill makes the set have the first n indices.
func (s *indexSet) fill(n int) {
	s.n = n
	for i := range s.bits {
		s.bits[i] = mask(uint(max(0, min(64, n-64*i))))
	}
}

// window cuts the set to the indices [from, from+n), which then count from 0,
// and returns how many precede them.
func (s *indexSet) window(from, n int) (before int) {
	var w indexSet
	for i := range w.bits {
		word := s.word(from + 64*i)
		if left := n - 64*i; left < 64 {
			word &= 1<<max(left, 0) - 1
		}
		w.bits[i] = word
		w.n += bits.OnesCount64(word)
	}
	for i, word := range s.bits {
		if left := from - 64*i; left < 64 {
			word &= 1<<max(left, 0) - 1
		}
		before += bits.OnesCount64(word)
	}
	*s = w
	return before
}

// word returns the bits of the 64 indices from i on.
func (s *indexSet) word(i int) uint64 {
	n := i >> 6
	if n >= len(s.bits) {
		return 0
	}
	x := s.bits[n] >> (i & 63)
	if n+1 < len(s.bits) && i&63 != 0 {
		x |= s.bits[n+1] << (64 - i&63)
	}
	return x
}

// A loop moves fewer than shortRun values more quickly than copy.
const shortRun = 4

// spread moves the values at the front of dst apart, in place, so that there are gaps at the
// indices of the set. dst has all of them.
func (s *indexSet) spread(dst []float64) {
	end, before := len(dst), s.n
	for i := len(s.bits) - 1; i >= 0; i-- {
		for word := s.bits[i]; word != 0; {
			at := bits.Len64(word) - 1
			word &^= 1 << at
			at += 64 * i
			// The values between this gap and the one behind it go up by as many
			// slots as there are gaps up to here.
			to, from := dst[at+1:end], dst[at+1-before:]
			if len(to) < shortRun {
				for n := len(to) - 1; n >= 0; n-- {
					to[n] = from[n]
				}
			} else {
				copy(to, from)
			}
			dst[at] = math.NaN()
			end = at
			before--
		}
	}
}

// replace writes the values in raw, eight bytes each, to the indices of the set. The first slot of
// dst is the index from; indices that dst does not have are skipped.
func (s *indexSet) replace(dst []float64, raw []byte, from int) {
	for i, word := range s.bits {
		for ; word != 0; word &= word - 1 {
			at := 64*i + bits.TrailingZeros64(word) - from
			if uint(at) < uint(len(dst)) {
				dst[at] = math.Float64frombits(binary.LittleEndian.Uint64(raw))
			}
			raw = raw[8:]
		}
	}
}

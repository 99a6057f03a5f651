package chunk

import "math/bits"

// indexList is an ascending list of indices below MaxSlots. It is encoded as the number of indices
// and the distances between them, in a Rice code with the parameter that makes it smallest. With
// the parameter 0 it is a bitmap.
type indexList struct {
	n  int
	at [MaxSlots]uint8
}

// maxRice is the largest Rice parameter: three bits hold it.
const maxRice = 7

func (p *indexList) add(i int) {
	p.at[p.n] = uint8(i)
	p.n++
}

// set makes the list have the indices of s.
func (p *indexList) set(s *indexSet) {
	p.n = 0
	for i, word := range s.bits {
		for ; word != 0; word &= word - 1 {
			p.add(64*i + bits.TrailingZeros64(word))
		}
	}
}

func (p *indexList) list() []uint8 { return p.at[:p.n] }

// riceBits returns the size of the distances, in bits, with the parameter k.
func (p *indexList) riceBits(k uint) int {
	n := p.n * int(k+1)
	next := 0
	for _, at := range p.list() {
		n += (int(at) - next) >> k
		next = int(at) + 1
	}
	return n
}

// rice returns the best parameter, and the size of the distances with it in bits.
func (p *indexList) rice() (k uint, n int) {
	n = p.riceBits(0)
	for k < maxRice {
		next := p.riceBits(k + 1)
		if next >= n {
			break
		}
		k, n = k+1, next
	}
	return k, n
}

// append appends the encoded list, which has between 1 and 255 indices.
func (p *indexList) append(dst []byte) []byte {
	k, n := p.rice()
	dst, out := extend(append(dst, byte(p.n)), (3+n+7)/8)
	out[0] = byte(k)
	bit, next := 3, 0
	for _, i := range p.list() {
		d := uint(int(i) - next)
		bit += int(d >> k) // zeros
		x := (1 | d&(1<<k-1)<<1) << (bit & 7)
		out[bit>>3] |= byte(x)
		if x > 0xff {
			out[bit>>3+1] |= byte(x >> 8)
		}
		bit += 1 + int(k)
		next = int(i) + 1
	}
	return dst
}

package chunk

import "math/bits"

// layout says how a sequence of integers becomes a frame.
type layout struct {
	base    int64
	width   uint
	patches int   // integers outside [base, base+1<<width)
	bits    int   // estimated length
	most    int64 // the largest integer inside, once there are no patches in the sequence
}

const (
	windowBits  = 5               // a histogram has 1<<windowBits buckets
	windowSteps = 2               // widths that are tried with each histogram
	patchedBits = (1 + 1 + 3) * 8 // size of the count, width and base of patches
)

// planFrame finds the window of values [base, base+1<<width) that makes the frame of v small. A
// narrow window leaves many patches, a wide one wastes bits on all other values. The integers
// are counted in a histogram, which is quicker than sorting them. If a much narrower window is
// better, the search goes on in a finer histogram. within are the limits of v.
func planFrame(v []int64, within limits) layout {
	full := width(within.span())
	best := layout{base: within.lo, width: full, bits: len(v) * int(full), most: within.hi}
	start, w := within.lo, full
	var buckets histogram
	for w > 0 {
		shift := (max(w, windowBits) - windowBits) & 63
		buckets.count(v, start, shift)
		narrower := layout{bits: best.bits}
		for next := w; next > shift && next > 0 && next+windowSteps > w; {
			next--
			at, in := buckets.densest(1 << (next - shift))
			out := len(v) - in
			bits := len(v)*int(next) + patchedBits + out*int(full) + indexListBits(len(v), out)
			if bits < narrower.bits {
				narrower = layout{base: start + int64(at)<<shift, width: next, patches: out, bits: bits}
			}
		}
		if narrower.bits == best.bits {
			break
		}
		best = narrower
		start, w = best.base, best.width
	}
	return best
}

// histogram counts integers by the buckets of a window. Element i is how many lie in the buckets
// before i.
type histogram [1<<windowBits + 1]int32

// count fills h with the integers of v that lie in buckets of 1<<shift from start on. It counts
// in two arrays by turns, as a processor would wait for a bucket that it has just written.
func (h *histogram) count(v []int64, start int64, shift uint) {
	var even, odd [1<<windowBits + 1]int32 // the last one for what lies outside
	shift &= 63
	for ; len(v) > 1; v = v[2:] {
		even[min((uint64(v[0])-uint64(start))>>shift, 1<<windowBits)]++
		odd[min((uint64(v[1])-uint64(start))>>shift, 1<<windowBits)]++
	}
	if len(v) > 0 {
		even[min((uint64(v[0])-uint64(start))>>shift, 1<<windowBits)]++
	}
	sum := int32(0)
	for i := range h {
		h[i] = sum
		sum += even[i] + odd[i]
	}
}

// densest returns the first of the n neighbouring buckets that hold most integers, and how many
// they hold. Of several equal ones, the first ones count.
func (h *histogram) densest(n int) (at, sum int) {
	// The sum is in the upper bits. The lower ones are larger for earlier buckets. So the
	// maximum is found without a branch.
	const indexBits = windowBits + 1
	best := int32(0)
	ends := h[n:]
	for i, begin := range h[:len(ends)] {
		best = max(best, (ends[i]-begin)<<indexBits|int32(1<<windowBits-i))
	}
	return 1<<windowBits - int(best&(1<<indexBits-1)), int(best >> indexBits)
}

// indexListBits estimates the size of n encoded indices below limit, in bits.
func indexListBits(limit, n int) int {
	if n == 0 {
		return 0
	}
	k := int(width(uint64(limit/n))) - 1
	return n*(k+1) + limit>>k
}

// limits are the smallest and the largest of some integers.
type limits struct{ lo, hi int64 }

// limitsOf returns the limits of v, which is not empty.
func limitsOf(v []int64) limits {
	l := limits{v[0], v[0]}
	for _, x := range v {
		l.add(x)
	}
	return l
}

func (l *limits) add(x int64) { l.lo, l.hi = min(l.lo, x), max(l.hi, x) }

// span returns the distance between the limits.
func (l limits) span() uint64 { return uint64(l.hi) - uint64(l.lo) }

// patches are the integers outside of the window of a frame, and their indices.
type patches struct {
	indexList
	ints [MaxSlots]int64
}

// appendFrame appends the frame of v that l describes. It overwrites v, and uses p as scratch.
func appendFrame(dst []byte, v []int64, l layout, p *patches) []byte {
	p.n = 0
	if l.patches > 0 {
		l.movePatches(p, v)
	}
	header := byte(l.width)
	centred := l.centre()
	if centred {
		header += frameCentred
	}
	for _, at := range p.list() {
		v[at] = l.base
	}
	if p.n > 0 {
		header |= framePatched
	}
	dst = append(dst, header)
	if !centred {
		dst = appendVarint(dst, l.base)
	}
	dst = pack(dst, v, l.base, l.width)
	if p.n == 0 {
		return dst
	}
	dst = p.append(dst)
	within := limitsOf(p.ints[:p.n])
	w := width(within.span())
	dst = append(dst, byte(w))
	dst = appendVarint(dst, within.lo-l.base)
	return pack(dst, p.ints[:p.n], within.lo, w)
}

// centre moves the base to where there are as many negative integers as others in the window, so that
// it is known by the width. It returns false if the window cannot lie so.
func (l *layout) centre() bool {
	if l.width == 0 || l.width == 64 {
		return false
	}
	half := int64(1) << (l.width - 1)
	if l.base < -half || l.most >= half {
		return false
	}
	l.base = -half
	return true
}

// movePatches moves the integers outside of the window from v to p. Before, it raises the base to
// the smallest integer in the window, and narrows the width to what the largest one needs.
func (l *layout) movePatches(p *patches, v []int64) {
	limit := mask(l.width)
	n, lo, hi := 0, limit, uint64(0)
	for i, x := range v {
		// Without a branch, as a processor predicts patches badly.
		c := uint64(x) - uint64(l.base)
		_, out := bits.Sub64(limit, c, 0)
		p.at[uint8(n)] = uint8(i)
		n += int(out)
		lo, hi = min(lo, c|-out), max(hi, c&^-out)
	}
	l.base, l.most, l.width = l.base+int64(lo), l.base+int64(hi), width(hi-lo)
	limit = mask(l.width)
	p.n = 0
	for _, at := range p.at[:n] {
		// The window may have moved over what was above it.
		if x := v[at]; uint64(x)-uint64(l.base) > limit {
			p.at[p.n], p.ints[p.n] = at, x
			p.n++
		} else {
			l.most = max(l.most, x)
		}
	}
}

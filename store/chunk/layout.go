package chunk

// layout is how a sequence of integers is laid out as a frame.
type layout struct {
	base    int64
	width   uint
	patches int // integers outside [base, base+1<<width)
	bits    int // estimated length
}

const (
	windowBits  = 5               // logarithm of the buckets of a look at a window
	windowSteps = 2               // widths tried for each look
	patchedBits = (1 + 1 + 3) * 8 // number, width and base of patches
)

// planFrame finds the window of values [base, base+1<<width) that makes the
// frame of v small: a narrow one leaves many patches, a wide one wastes bits on
// all others. Integers are counted in buckets rather than sorted; where a much
// narrower window pays, it is searched again in finer buckets.
func planFrame(v []int64) layout {
	lo, hi := bounds(v)
	full := width(uint64(hi) - uint64(lo))
	best := layout{base: lo, width: full, bits: len(v) * int(full)}
	start, w := lo, full
	for w > 0 {
		shift := (max(w, windowBits) - windowBits) & 63
		buckets := count(v, start, shift)
		narrower := layout{bits: best.bits}
		for next := w; next > shift && next > 0 && next+windowSteps > w; {
			next--
			at, in := densest(&buckets, 1<<(next-shift))
			out := len(v) - in
			bits := len(v)*int(next) + patchedBits + out*int(full) + positionBits(len(v), out)
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

// tighten moves the base up to the smallest integer of the window, and narrows
// the width to what the largest needs.
func (l *layout) tighten(v []int64) {
	lo, hi, span := int64(0), int64(0), uint64(1)<<l.width
	found := false
	for _, x := range v {
		if uint64(x)-uint64(l.base) >= span {
			continue
		}
		if !found {
			lo, hi, found = x, x, true
		}
		lo, hi = min(lo, x), max(hi, x)
	}
	l.base, l.width = lo, width(uint64(hi)-uint64(lo))
}

// histogram counts integers by buckets of a window; what lies outside of it falls
// into the last one.
type histogram [1<<windowBits + 1]int32

// count fills a histogram of buckets of 1<<shift integers. It counts in turns, as
// a processor waits for a bucket that it has just written.
func count(v []int64, start int64, shift uint) histogram {
	var even, odd histogram
	shift &= 63
	for ; len(v) > 1; v = v[2:] {
		even[min((uint64(v[0])-uint64(start))>>shift, 1<<windowBits)]++
		odd[min((uint64(v[1])-uint64(start))>>shift, 1<<windowBits)]++
	}
	for _, x := range v {
		even[min((uint64(x)-uint64(start))>>shift, 1<<windowBits)]++
	}
	for i, n := range &odd {
		even[i] += n
	}
	return even
}

// densest returns the start and the sum of the n neighbouring buckets of the window
// that hold most, the first of several.
func densest(buckets *histogram, n int) (at, sum int) {
	run := int32(0)
	for _, c := range buckets[:n] {
		run += c
	}
	// The sum and, below it, what is larger for the earlier ones: a maximum without
	// a branch.
	const placeBits = windowBits + 1
	best := run<<placeBits | 1<<windowBits
	leaves, enters := buckets[:1<<windowBits-n], buckets[n:1<<windowBits]
	for i, c := range enters {
		run += c - leaves[i]
		best = max(best, run<<placeBits|int32(1<<windowBits-1-i))
	}
	return 1<<windowBits - int(best&(1<<placeBits-1)), int(best >> placeBits)
}

// positionBits estimates the length of n encoded positions below limit, n > 0
// or not.
func positionBits(limit, n int) int {
	if n == 0 {
		return 0
	}
	k := int(width(uint64(limit/n))) - 1
	return n*(k+1) + limit>>k
}

func bounds(v []int64) (lo, hi int64) {
	lo, hi = v[0], v[0]
	lo2, hi2 := lo, hi // two at a time
	for ; len(v) > 1; v = v[2:] {
		lo, hi = min(lo, v[0]), max(hi, v[0])
		lo2, hi2 = min(lo2, v[1]), max(hi2, v[1])
	}
	for _, x := range v {
		lo, hi = min(lo, x), max(hi, x)
	}
	return min(lo, lo2), max(hi, hi2)
}

// appendFrame appends the frame of v that l describes. codes is scratch of the
// length of v.
func appendFrame(dst []byte, v []int64, l layout, codes []uint64) []byte {
	if l.patches > 0 {
		l.tighten(v)
	}
	var patched positions
	codes = codes[:len(v)]
	limit := mask(l.width)
	var lo, hi int64
	for i, x := range v {
		c := uint64(x) - uint64(l.base)
		if c > limit {
			if patched.n == 0 {
				lo, hi = x, x
			}
			lo, hi = min(lo, x), max(hi, x)
			patched.add(i)
			c = 0
		}
		codes[i] = c
	}
	head := byte(l.width)
	if patched.n > 0 {
		head |= framePatched
	}
	dst = append(dst, head)
	dst = appendVarint(dst, l.base)
	dst = pack(dst, codes, l.width)
	if patched.n == 0 {
		return dst
	}
	dst = patched.append(dst)
	w := width(uint64(hi) - uint64(lo))
	dst = append(dst, byte(w))
	dst = appendVarint(dst, lo-l.base)
	for i, at := range patched.list() {
		codes[i] = uint64(v[at]) - uint64(lo)
	}
	return pack(dst, codes[:patched.n], w)
}

package chunk

import (
	"errors"
	"math"
	"math/big"
)

// The decoder in this file is the format once more, written to be obvious: it
// reads one bit at a time, and makes decimal numbers by rational arithmetic.

var errReference = errors.New("reference: corrupt")

// bitReader reads bits, lowest bit of the first byte first.
type bitReader struct {
	bytes []byte
	bit   int
}

func (r *bitReader) read(n int) uint64 {
	var x uint64
	for i := range n {
		if r.bit/8 >= len(r.bytes) {
			panic(errReference)
		}
		x |= uint64(r.bytes[r.bit/8]>>(r.bit%8)&1) << i
		r.bit++
	}
	return x
}

// rest returns all bytes that are left, and reads them.
func (r *bitReader) rest() []byte {
	rest := r.bytes[r.bit/8:]
	r.bit = 8 * len(r.bytes)
	return rest
}

func (r *bitReader) align() { r.bit = (r.bit + 7) / 8 * 8 }

func (r *bitReader) uvarint() uint64 {
	var x uint64
	for i := 0; ; i++ {
		b := r.read(8)
		if i == 9 && b > 1 {
			panic(errReference)
		}
		x |= b & 0x7f << (7 * i)
		if b < 0x80 {
			return x
		}
	}
}

func (r *bitReader) varint() int64 {
	u := r.uvarint()
	if u%2 == 1 {
		return ^int64(u / 2)
	}
	return int64(u / 2)
}

// indexSet returns a set of indices below limit.
func (r *bitReader) indexSet(limit int) []int {
	n := int(r.read(8))
	if n == 0 || n > limit {
		panic(errReference)
	}
	k := int(r.read(3))
	var list []int
	for next := 0; len(list) < n; next++ {
		for r.read(1) == 0 {
			next += 1 << k
		}
		next += int(r.read(k))
		if next >= limit {
			panic(errReference)
		}
		list = append(list, next)
	}
	r.align()
	return list
}

func (r *bitReader) packed(base int64, n, width int) []int64 {
	list := make([]int64, n)
	for i := range list {
		list[i] = base + int64(r.read(width))
	}
	r.align()
	return list
}

func (r *bitReader) frame(n int) []int64 {
	header := r.read(8)
	width, base := int(header&0x7f), int64(0)
	if width > 64 {
		width -= 64
		base = -1 << (width - 1)
	} else {
		base = r.varint()
	}
	list := r.packed(base, n, width)
	if header&0x80 != 0 {
		at := r.indexSet(n)
		width = int(r.read(8))
		if width > 64 {
			panic(errReference)
		}
		patchBase := base + r.varint()
		for i, k := range r.packed(patchBase, len(at), width) {
			list[at[i]] = k
		}
	}
	return list
}

// sums returns the running sums of a first integer and n-1 differences.
func (r *bitReader) sums(n int) []int64 {
	list := []int64{r.varint()}
	for _, d := range r.frame(n - 1) {
		list = append(list, list[len(list)-1]+d)
	}
	return list
}

// referenceScale reads a scale, and returns the function that it is.
func (r *bitReader) scale() (value func(int64) float64, outliers bool) {
	header := r.read(8)
	outliers = header&0x80 != 0
	if header&0x40 != 0 {
		shift := header & 0x3f
		return func(k int64) float64 { return math.Float64frombits(uint64(k) << shift) }, outliers
	}
	if header&0x1f > 17 {
		panic(errReference)
	}
	step, anchor := int64(1), int64(0)
	if header&0x20 != 0 {
		step, anchor = int64(r.uvarint()), int64(r.uvarint())
	}
	divisor := new(big.Int).Exp(big.NewInt(10), big.NewInt(int64(header&0x1f)), nil)
	return func(k int64) float64 {
		m := anchor + k*step
		if m <= -1<<53 || m >= 1<<53 {
			// Nothing that Encode writes: two roundings are what Decode does.
			d, _ := divisor.Float64()
			return float64(m) / d
		}
		v, _ := new(big.Rat).SetFrac(big.NewInt(m), divisor).Float64()
		return v
	}, outliers
}

// step moves v to the next float64 number above or below: -0 lies below 0, and the lowest
// follows the highest.
func step(v float64, up bool) float64 {
	bits := math.Float64bits(v)
	switch {
	case up && bits == 1<<63:
		return 0
	case !up && bits == 0:
		return math.Copysign(0, -1)
	case up && bits == 1<<63-1:
		return math.Float64frombits(1<<64 - 1)
	case !up && bits == 1<<64-1:
		return math.Float64frombits(1<<63 - 1)
	case up == !math.Signbit(v):
		return math.Float64frombits(bits + 1)
	}
	return math.Float64frombits(bits - 1)
}

// stepped moves v by so many numbers.
func stepped(v float64, n int64) float64 {
	if n < -1000 || n > 1000 {
		return moved(v, n) // one by one would take for ever
	}
	for ; n > 0; n-- {
		v = step(v, true)
	}
	for ; n < 0; n++ {
		v = step(v, false)
	}
	return v
}

func (r *bitReader) values(mode bodyMode, near bool, n int) []float64 {
	if mode >= 6 { // 6..9: frame, 10..13: delta, 14 and 15: constant, with 0.. decimals
		decimals := byte(mode-6) % 4
		mode = []bodyMode{modeFrame, modeDelta, modeConstant}[(mode-6)/4]
		long := &bitReader{bytes: append([]byte{decimals}, r.rest()...)}
		values := long.values(mode, false, n)
		if long.bit != 8*len(long.bytes) {
			panic(errReference)
		}
		return values
	}
	if mode == modeEmpty {
		return nil
	}
	values := make([]float64, n)
	if mode == modeRaw {
		for i := range values {
			values[i] = math.Float64frombits(r.read(64))
		}
		return values
	}
	offsets := make([]int64, n)
	if near {
		offsets = r.frame(n)
	}
	value, hasOutliers := r.scale()
	outliers := make(map[int]float64)
	if hasOutliers {
		for _, at := range r.indexSet(n) {
			outliers[at] = 0
		}
		for i := range n {
			if _, ok := outliers[i]; ok {
				outliers[i] = math.Float64frombits(r.read(64))
			}
		}
	}
	ints := r.integers(mode, n)
	for i := range values {
		values[i] = stepped(value(ints[i]), offsets[i])
		if v, ok := outliers[i]; ok {
			values[i] = v
		}
	}
	return values
}

func (r *bitReader) integers(mode bodyMode, n int) []int64 {
	switch mode {
	case modeConstant:
		k := r.varint()
		ints := make([]int64, n)
		for i := range ints {
			ints[i] = k
		}
		return ints
	case modeFrame:
		return r.frame(n)
	case modeDelta:
		if n < 2 {
			panic(errReference)
		}
		return r.sums(n)
	}
	distinct := int(r.read(8))
	if distinct < 2 || distinct > 128 {
		panic(errReference)
	}
	entries := r.sums(distinct)
	width := 0
	for 1<<width < distinct {
		width++
	}
	ints := make([]int64, n)
	for i := range ints {
		if c := int(r.read(width)); c < distinct {
			ints[i] = entries[c]
		} else {
			panic(errReference)
		}
	}
	r.align()
	return ints
}

package chunk

import "math"

// referenceColumn is what the reference makes of a column: its slots, or an error.
type referenceColumn struct {
	slots []float64
	err   error
}

// catch returns errReference if do panics with it.
func catch(do func()) (err error) {
	defer func() {
		switch e := recover(); e {
		case nil:
		case errReference:
			err = errReference
		default:
			panic(e)
		}
	}()
	do()
	return nil
}

// reference returns the columns of a group of so many slots. It fails if the group does not
// have the structure of one.
func reference(data []byte, slots int) (columns map[int32]referenceColumn, err error) {
	err = catch(func() { columns = (&bitReader{bytes: data}).group(slots) })
	return columns, err
}

func (r *bitReader) group(slots int) map[int32]referenceColumn {
	columns, version2 := int(r.read(31)), r.read(1) == 1
	count := int(r.read(32))
	var shared []bool // nil: none
	narrow := false
	if version2 {
		if int(r.read(8))+1 != slots {
			panic(errReference)
		}
		hasShared := r.read(1) == 1
		narrow = r.read(1) == 0
		if r.read(6) != 0 {
			panic(errReference)
		}
		if hasShared {
			shared = r.bitmap(slots)
			if n := countTrue(shared); n == 0 || n == slots {
				panic(errReference)
			}
		}
	}
	present := r.bitmap(columns)
	if countTrue(present) != count {
		panic(errReference)
	}
	var bases []int
	for range (columns + 63) / 64 {
		if narrow {
			bases = append(bases, int(r.read(32)))
		}
	}
	ends := make(map[int]int)
	for c, ok := range present {
		switch {
		case ok && narrow:
			ends[c] = bases[c/64] + int(r.read(16))
		case ok:
			ends[c] = int(r.read(32))
		}
	}
	blocks := r.bytes[r.bit/8:]
	out := make(map[int32]referenceColumn)
	from := 0
	for c, ok := range present {
		if narrow && c%64 == 0 && bases[c/64] != from {
			panic(errReference)
		}
		if !ok {
			continue
		}
		if ends[c] < from || ends[c] > len(blocks) {
			panic(errReference)
		}
		b := &bitReader{bytes: blocks[from:ends[c]]}
		from = ends[c]
		if version2 {
			out[int32(c)] = b.block(slots, shared)
		} else {
			out[int32(c)] = b.block1(slots)
		}
	}
	if from != len(blocks) {
		panic(errReference)
	}
	return out
}

// bitmap returns n bits, which are kept in words of 64.
func (r *bitReader) bitmap(n int) []bool {
	if n/8 > len(r.bytes) {
		panic(errReference)
	}
	list := make([]bool, (n+63)/64*64)
	for i := range list {
		if list[i] = r.read(1) == 1; list[i] && i >= n {
			panic(errReference)
		}
	}
	return list[:n]
}

func countTrue(list []bool) (n int) {
	for _, ok := range list {
		if ok {
			n++
		}
	}
	return n
}

// block returns the slots of a block of version 2. It panics if the header is wrong.
func (r *bitReader) block(slots int, shared []bool) referenceColumn {
	mode := bodyMode(r.read(4))
	kind := r.read(2)
	near := r.read(1) == 1
	if r.read(1) == 1 || mode == modeEmpty || near && mode >= modeRaw {
		panic(errReference)
	}
	isGap := make([]bool, slots)
	switch kind {
	case 0:
	case 1:
		for _, at := range r.indexSet(slots) {
			isGap[at] = true
		}
	case 2:
		if shared == nil {
			panic(errReference)
		}
		isGap = shared
	default:
		panic(errReference)
	}
	return r.body(mode, near, isGap)
}

// block1 returns the slots of a block of version 1, of which there have to be so many. It panics if
// the header is wrong.
func (r *bitReader) block1(slots int) referenceColumn {
	mode := bodyMode(r.read(4))
	hasGaps := r.read(1) == 1
	n := []int{0, 64, 128, 256}[r.read(2)]
	if r.read(1) == 1 || mode > modeRaw {
		panic(errReference)
	}
	if n == 0 {
		n = int(r.read(8)) + 1
	}
	if n != slots {
		panic(errReference)
	}
	isGap := make([]bool, n)
	if hasGaps {
		for _, at := range r.indexSet(n) {
			isGap[at] = true
		}
	}
	if mode == modeEmpty {
		for i := range isGap {
			isGap[i] = true
		}
	}
	return r.body(mode, false, isGap)
}

func (r *bitReader) body(mode bodyMode, near bool, isGap []bool) (c referenceColumn) {
	n := len(isGap) - countTrue(isGap)
	if mode != modeEmpty && n == 0 {
		panic(errReference)
	}
	c.err = catch(func() {
		values := r.values(mode, near, n)
		if r.bit != 8*len(r.bytes) {
			panic(errReference)
		}
		for _, gap := range isGap {
			if gap {
				c.slots = append(c.slots, math.NaN())
				continue
			}
			c.slots, values = append(c.slots, values[0]), values[1:]
		}
	})
	return c
}

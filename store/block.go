package store

import (
	"cmp"
	"math"
	"slices"

	"cc-metric-store/store/checkpoint"
	"cc-metric-store/store/chunk"
)

// block holds the values of a row of slots of all columns of a grid. It is open
// (head) while samples arrive, and then sealed: compressed and immutable, but
// for the patches that later samples make.
type block struct {
	start, end int64 // Unix seconds
	slots      int64 // from start on; the last one is cut short by end

	head    *head            // nil: sealed
	sealed  chunk.Group      // nil: open
	patches []patch          // to the sealed values, in the order of their arrival
	place   checkpoint.Place // where the sealed values lie on the disk, zero: nowhere
}

// patch is a value that arrived when its block was sealed.
type patch struct {
	column int32
	slot   int32
	value  float64
}

const (
	// maxPatches of a block make it worth while to seal it anew.
	maxPatches = 4096

	blockBytes = 192 // of a block without values
	patchBytes = 16
	valueBytes = 8
)

func newBlock(start, end, slots int64) *block {
	return &block{start: start, end: end, slots: slots, head: &head{}}
}

// size returns the bytes that the block takes.
func (b *block) size() int64 {
	n := int64(blockBytes + len(b.sealed) + patchBytes*cap(b.patches))
	if b.head != nil {
		n += valueBytes * b.head.size()
	}
	return n
}

// has reports whether the column has a value.
func (b *block) has(column int32) bool {
	if b.head != nil {
		return b.head.has(column)
	}
	return b.sealed.Column(column) != nil || b.isPatched(column)
}

// open returns the value of an open block, NaN if there is none.
func (b *block) open(slot int64, column int32) float64 {
	if b.head != nil && b.head.chunk(slot) != nil {
		if row := b.head.row(slot); int(column) < len(row) {
			return row[column]
		}
	}
	return math.NaN()
}

func (b *block) isPatched(column int32) bool {
	return slices.ContainsFunc(b.patches, func(p patch) bool { return p.column == column })
}

// columns returns how many of the grid's columns have a value.
func (b *block) columns(all int32) (n int) {
	for c := range all {
		if b.has(c) {
			n++
		}
	}
	return n
}

// read copies the column's values of the slots from slot on to dst; slots
// without a value become gaps.
func (b *block) read(dst []float64, column int32, slot int64) {
	if b.head != nil {
		b.head.read(dst, column, slot)
		return
	}
	if data := b.sealed.Column(column); data != nil {
		decode(dst, data, slot)
	} else {
		fillGaps(dst)
	}
	for _, p := range b.patches {
		if i := int64(p.slot) - slot; p.column == column && i >= 0 && i < int64(len(dst)) {
			dst[i] = p.value
		}
	}
}

// extent returns the first and the last slot in which the column, which holds
// something, has a value.
func (b *block) extent(column int32) (first, last int64) {
	var buf [chunk.MaxSlots]float64
	v := buf[:b.slots]
	b.read(v, column, 0)
	for math.IsNaN(v[first]) {
		first++
	}
	last = b.slots - 1
	for math.IsNaN(v[last]) {
		last--
	}
	return first, last
}

// seal compresses the values, with the patches to those that are sealed
// already. It returns false if there are none.
func (b *block) seal(columns int32, s *chunk.GroupBuilder) bool {
	// By column, and in the order of their arrival for each.
	slices.SortStableFunc(b.patches, func(p, q patch) int { return cmp.Compare(p.column, q.column) })
	patches := b.patches
	s.Begin(columns)
	var buf [chunk.MaxSlots]float64
	v := buf[:b.slots]
	for c := range columns {
		switch data := b.sealed.Column(c); {
		case b.head != nil:
			b.head.read(v, c, 0)
		case data != nil:
			decode(v, data, 0)
		default:
			fillGaps(v)
		}
		for ; len(patches) > 0 && patches[0].column == c; patches = patches[1:] {
			v[patches[0].slot] = patches[0].value
		}
		s.Add(c, v)
	}
	b.sealed, b.head, b.patches, b.place = s.Finish(), nil, nil, checkpoint.Place{}
	return b.sealed != nil
}

// drop makes gaps of all values of the given columns.
func (b *block) drop(columns []int32, all int32, s *chunk.GroupBuilder) (left bool) {
	if b.head != nil {
		for _, c := range columns {
			b.head.clear(c)
		}
		return slices.ContainsFunc(b.head.chunks, func(c []float64) bool {
			return slices.ContainsFunc(c, func(v float64) bool { return !math.IsNaN(v) })
		})
	}
	dropped := make([]bool, all)
	for _, c := range columns {
		dropped[c] = true
	}
	s.Begin(all)
	var buf [chunk.MaxSlots]float64
	v := buf[:b.slots]
	for c := range all {
		if !dropped[c] && b.has(c) {
			b.read(v, c, 0)
			s.Add(c, v)
		}
	}
	b.sealed, b.patches, b.place = s.Finish(), nil, checkpoint.Place{}
	return b.sealed != nil
}

// decode reads values that were sealed in this process.
func decode(dst []float64, data []byte, slot int64) {
	if err := chunk.DecodeRange(dst, data, int(slot)); err != nil {
		panic("store: " + err.Error())
	}
}

// addSealed adds values that were sealed in this process to dst.
func addSealed(dst []float64, data []byte, slot int64) {
	if err := chunk.AddTo(dst, data, int(slot)); err != nil {
		panic("store: " + err.Error())
	}
}

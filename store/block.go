package store

import (
	"iter"
	"math"
	"slices"

	"cc-metric-store/store/checkpoint"
	"cc-metric-store/store/chunk"
)

// block holds the values of a row of slots of all columns of a grid. It is sparse
// while it has few: then they are patches, so that a stray sample takes neither
// memory nor time for the columns of other samples. When whole ticks arrive it
// gets a head, with room for all columns; and then it is sealed: compressed and
// immutable, but for the patches that later samples make.
type block struct {
	start, end int64 // Unix seconds
	slots      int64 // from start on; the last one is cut short by end

	head    *head               // nil: sparse or sealed
	sealed  chunk.Group         // nil: not sealed
	patches patches             // to the sealed values; none if there is a head
	ref     checkpoint.BlockRef // where the sealed values lie on the disk, zero: nowhere
}

const (
	blockBytes = 192 // of a block without values
	patchBytes = 16
	valueBytes = 8
)

func newBlock(start, end, slots int64) *block {
	return &block{start: start, end: end, slots: slots}
}

// size returns the bytes that the block takes.
func (b *block) size() int64 {
	n := int64(blockBytes + len(b.sealed) + patchBytes*cap(b.patches.list))
	if b.head != nil {
		n += valueBytes * b.head.size()
	}
	return n
}

// isEmpty reports whether the block has no value yet.
func (b *block) isEmpty() bool { return b.head == nil && b.sealed == nil && len(b.patches.list) == 0 }

// has reports whether the column has a value.
func (b *block) has(column int32) bool {
	if b.head != nil {
		return b.head.has(column)
	}
	return b.sealed.Has(column) || b.patches.has(column)
}

// open returns the value of a block that is not sealed, NaN if there is none.
func (b *block) open(slot int64, column int32) float64 {
	switch {
	case b.head != nil && b.head.chunk(slot) != nil:
		if row := b.head.row(slot); int(column) < len(row) {
			return row[column]
		}
	case b.head == nil && b.sealed == nil:
		v := [1]float64{math.NaN()}
		b.patches.apply(v[:], column, slot)
		return v[0]
	}
	return math.NaN()
}

// present returns those of the grid's columns that have a value, ascending. It
// takes no time for the others, unless there is a head. It is for a caller who may
// write to the block.
func (b *block) present(all int32) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		if b.head != nil {
			for c := range all {
				if b.head.has(c) && !yield(c) {
					return
				}
			}
			return
		}
		for c := range b.merged() {
			if !yield(c) {
				return
			}
		}
	}
}

// encoded are the values of a column: sealed ones, and patches to them.
type encoded struct {
	sealed  []byte // nil: none
	patches []patch
}

// merged returns the columns with values of a block without head, ascending.
func (b *block) merged() iter.Seq2[int32, encoded] {
	return func(yield func(int32, encoded) bool) {
		b.patches.sort()
		patches := b.patches.list
		cut := func() (column int32, of []patch) {
			column = patches[0].column
			n := 1
			for n < len(patches) && patches[n].column == column {
				n++
			}
			of, patches = patches[:n], patches[n:]
			return column, of
		}
		for c, data := range b.sealed.All() {
			for len(patches) > 0 && patches[0].column < c {
				if p, of := cut(); !yield(p, encoded{patches: of}) {
					return
				}
			}
			e := encoded{sealed: data}
			if len(patches) > 0 && patches[0].column == c {
				_, e.patches = cut()
			}
			if !yield(c, e) {
				return
			}
		}
		for len(patches) > 0 {
			if p, of := cut(); !yield(p, encoded{patches: of}) {
				return
			}
		}
	}
}

// columns returns how many of the grid's columns have a value.
func (b *block) columns(all int32) (n int) {
	if b.head == nil && len(b.patches.list) == 0 {
		return b.sealed.Count()
	}
	for range b.present(all) {
		n++
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
	b.patches.apply(dst, column, slot)
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

// seal compresses the values, with the patches to those that are sealed already,
// whose other columns stay as they are. It returns false if there are no values.
func (b *block) seal(columns int32, s *chunk.GroupBuilder) bool {
	s.Begin(columns)
	var buf [chunk.MaxSlots]float64
	v := buf[:b.slots]
	if b.head != nil {
		for c := range columns {
			if b.head.has(c) {
				b.head.read(v, c, 0)
				s.Add(c, v)
			}
		}
	} else {
		for c, e := range b.merged() {
			if len(e.patches) == 0 {
				s.AddEncoded(c, e.sealed)
				continue
			}
			if e.sealed != nil {
				decode(v, e.sealed, 0)
			} else {
				fillGaps(v)
			}
			for _, p := range e.patches {
				v[p.slot] = p.value
			}
			s.Add(c, v)
		}
	}
	b.sealed, b.head, b.patches, b.ref = s.Finish(), nil, patches{}, checkpoint.BlockRef{}
	return b.sealed != nil
}

// isWorthSealing reports whether a block takes less memory when it is sealed, or
// sealed anew. A sealed column takes about as much as four patches do, apart from
// its values, and a bit for each column of the grid.
func (b *block) isWorthSealing(all int32) bool {
	if b.head != nil || b.sealed != nil {
		return b.head != nil || len(b.patches.list) > 0
	}
	b.patches.sort()
	return len(b.patches.list) >= 4*b.patches.columns()+int(all/(8*patchBytes))
}

// drop makes gaps of all values of the dropped columns, which ascend. It returns
// false if nothing is left.
func (b *block) drop(dropped []int32, s *chunk.GroupBuilder) (left bool) {
	if b.head != nil {
		for _, c := range dropped {
			b.head.clear(c)
		}
		return slices.ContainsFunc(b.head.chunks, func(c []float64) bool {
			return slices.ContainsFunc(c, func(v float64) bool { return !math.IsNaN(v) })
		})
	}
	b.patches.sort()
	b.patches.drop(dropped)
	kept := 0
	s.Begin(b.sealed.Columns())
	for c, data := range b.sealed.All() {
		if _, ok := slices.BinarySearch(dropped, c); !ok {
			s.AddEncoded(c, data)
			kept++
		}
	}
	if kept < b.sealed.Count() {
		b.sealed, b.ref = s.Finish(), checkpoint.BlockRef{}
	}
	return b.sealed != nil || len(b.patches.list) > 0
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

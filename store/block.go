package store

import (
	"iter"
	"math"
	"slices"

	"cc-metric-store/store/checkpoint"
	"cc-metric-store/store/chunk"
)

// block holds the values of all columns of a grid in a row of slots. It is in one of three
// states:
//   - sparse, while it has few values: they are patches, so that a stray sample costs neither
//     memory nor time for the columns without one;
//   - with a head, when whole ticks arrive: the head has room for all columns;
//   - sealed: the values are compressed and immutable. Later samples are kept as patches.
type block struct {
	start, end int64 // Unix seconds
	slots      int64 // their number; end may cut the last one short

	head    *head               // nil: sparse or sealed
	sealed  chunk.Group         // nil: not sealed
	patches patches             // to the sealed values; none if there is a head
	totals  chunk.Keyed         // made of the sealed values, see total; nil: none
	ref     checkpoint.BlockRef // to the sealed values on the disk, zero: they are not there
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
	n := int64(blockBytes + len(b.sealed) + len(b.totals) + patchBytes*cap(b.patches.list))
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

// open returns a value of a block that is not sealed, NaN if there is none.
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

// present returns the columns that have a value, ascending; all is the number of the grid's
// columns. Without a head, columns without a value take no time. It may sort the patches: the
// lock of the stripe is held for writing.
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

// encoded says what a column has: sealed values, and patches to them.
type encoded struct {
	sealed  bool
	patches []patch
}

// merged returns the columns with values of a block without a head, ascending. It sorts the
// patches.
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
		for c := range b.sealed.All() {
			for len(patches) > 0 && patches[0].column < c {
				if p, of := cut(); !yield(p, encoded{patches: of}) {
					return
				}
			}
			e := encoded{sealed: true}
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
	if b.sealed.Has(column) {
		decode(dst, b.sealed, column, slot)
	} else {
		fillGaps(dst)
	}
	b.patches.apply(dst, column, slot)
}

// extent returns the first and the last slot with a value of the column, which has one.
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

// seal compresses the values. Of a block that is sealed already, only the columns with patches
// are encoded anew. It returns false if there are no values.
func (b *block) seal(columns int32, s *chunk.GroupBuilder) bool {
	s.Begin(columns, int(b.slots))
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
				keep(s, b.sealed, c)
				continue
			}
			if e.sealed {
				decode(v, b.sealed, c, 0)
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
	b.totals = nil
	return b.sealed != nil
}

// isWorthSealing reports whether a block takes less memory when it is sealed, or sealed anew.
// Besides its values, a sealed column takes about as much as four patches, and a group takes a
// bit for each column of the grid.
func (b *block) isWorthSealing(all int32) bool {
	if b.head != nil || b.sealed != nil {
		return b.head != nil || len(b.patches.list) > 0
	}
	b.patches.sort()
	return len(b.patches.list) >= 4*b.patches.columns()+int(all/(8*patchBytes))
}

// drop removes all values of the dropped columns, which ascend. It returns false if no value is
// left.
func (b *block) drop(dropped []int32, s *chunk.GroupBuilder) (hasValues bool) {
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
	s.Begin(b.sealed.Columns(), int(b.slots))
	for c := range b.sealed.All() {
		if _, ok := slices.BinarySearch(dropped, c); !ok {
			keep(s, b.sealed, c)
			kept++
		}
	}
	if kept < b.sealed.Count() {
		b.sealed, b.totals, b.ref = s.Finish(), nil, checkpoint.BlockRef{}
	}
	return b.sealed != nil || len(b.patches.list) > 0
}

// decode writes sealed values of a column from the given slot on to dst. They were encoded by this
// process, or read from a checkpoint with a valid checksum: an error means that the memory is
// corrupt. Nothing recovers the panic in the goroutine of an appender, so the process ends, on
// purpose: no wrong values get into an answer or a checkpoint, and the next start restores the
// samples from the checkpoint and the log.
func decode(dst []float64, sealed chunk.Group, column int32, slot int64) {
	if err := sealed.DecodeRange(dst, column, int(slot)); err != nil {
		panic("store: " + err.Error())
	}
}

// sumSealed writes the sum of sealed columns from the given slot on to dst. It panics as decode
// does.
func sumSealed(dst []float64, sealed chunk.Group, columns []int32, slot int64) {
	if err := sealed.Sum(dst, columns, int(slot)); err != nil {
		panic("store: " + err.Error())
	}
}

// keep adds a sealed column to the group that s builds. It panics as decode does.
func keep(s *chunk.GroupBuilder, sealed chunk.Group, column int32) {
	if err := s.AddFrom(sealed, column); err != nil {
		panic("store: " + err.Error())
	}
}

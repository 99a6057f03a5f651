package store

import (
	"slices"

	"cc-metric-store/store/chunk"
)

// Run is a row of cells of one series. Its values are immutable, and stay readable while
// the run is kept, whatever the store drops meanwhile; but a run that is kept may keep a
// block of all series of its host in memory.
type Run struct {
	// Start is when the sample of the first cell is expected, in Unix seconds: the centre
	// of its slot.
	Start int64
	// Step is the sampling interval in seconds: the sample of cell i is expected at
	// Start + i*Step.
	Step int64

	cells   int16
	slot    uint8 // of the block: that of the first cell
	isTotal bool  // the values are the sums of several columns, for which the run stands
	// The values are those of a column of a sealed block, or those of the cells if sealed is
	// nil.
	column int32
	sealed chunk.Group
	values []float64
}

// Len returns the number of cells.
func (r *Run) Len() int { return int(r.cells) }

// AppendTo decodes the cells and appends their values to dst, NaN for a gap.
func (r *Run) AppendTo(dst []float64) []float64 {
	n := len(dst)
	dst = slices.Grow(dst, r.Len())[:n+r.Len()]
	r.read(dst[n:])
	return dst
}

// read writes the values to dst, which has room for those of all cells.
func (r *Run) read(dst []float64) {
	if r.sealed != nil {
		decode(dst, r.sealed, r.column, int64(r.slot))
	} else {
		copy(dst, r.values)
	}
}

// slotRange is some slots in a row of a block.
type slotRange struct {
	block       *block
	start       int64 // when a sample of the first one is expected
	slot, cells int32
}

// rangesAt appends the ranges of the slots that cover the times from, from+f, ... of so
// many cells of f seconds, in order. The blocks lie in this window.
func (g *grid) rangesAt(ranges []slotRange, blocks []*block, from, cells int64) []slotRange {
	f := g.frequency
	for _, b := range blocks {
		lo := max(ceilDiv(b.start-from, f), 0)
		hi := min(ceilDiv(b.end-from, f), cells)
		if lo < hi {
			slot := int64(0) // a later cell is the first one in the block
			if lo == 0 {
				slot = (from - b.start) / f
			}
			ranges = append(ranges, slotRange{b, g.centre(b, slot), int32(slot), int32(hi - lo)})
		}
	}
	return ranges
}

// rangesBetween appends the ranges of the slots whose samples are expected from one time
// on and before another one.
func (g *grid) rangesBetween(ranges []slotRange, blocks []*block, from, to int64) []slotRange {
	f := g.frequency
	for _, b := range blocks {
		first := g.centre(b, 0)
		lo := max(ceilDiv(from-first, f), 0)
		hi := min(ceilDiv(to-first, f), b.slots)
		if lo < hi {
			ranges = append(ranges, slotRange{b, g.centre(b, lo), int32(lo), int32(hi - lo)})
		}
	}
	return ranges
}

// appendRuns appends what a column has in the ranges: references to sealed values and
// copies of others. All columns of a block that are asked for under one hold of the lock have
// either references to one group or copies, in the memory that is given.
func (g *grid) appendRuns(memory *queryMemory, runs []Run, column int32, ranges []slotRange) []Run {
	for i := range ranges {
		at := &ranges[i]
		b := at.block
		if !b.has(column) {
			continue
		}
		r := Run{Start: at.start, Step: g.frequency, cells: int16(at.cells), slot: uint8(at.slot), column: column}
		if b.head == nil && len(b.patches.list) == 0 {
			r.sealed = b.sealed
		} else {
			r.values = memory.takeValues(int(r.cells))
			b.read(r.values, column, int64(r.slot))
		}
		runs = append(runs, r)
	}
	return runs
}

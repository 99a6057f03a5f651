package store

import (
	"math"
	"slices"
)

// grid is the row of time slots that all series of a host with one sampling
// interval share. Slot k covers [origin + k*frequency, origin + (k+1)*frequency),
// k may be negative. The origin lies half an interval before the first sample,
// so that jitter of less than half an interval never makes two samples share a
// slot.
type grid struct {
	frequency int64 // seconds
	origin    int64 // Unix seconds, the start of slot 0
	slots     int64 // slots of a block

	blocks  []*block // ascending, never empty blocks
	columns int32    // number of columns given out so far
	unused  []int32  // columns among them that no series has any more
}

// block holds the values of the slots [first, first+slots), first being a
// multiple of slots, of all columns that have a value there.
type block struct {
	first   int64
	columns [][]float64 // by column, shorter than grid.columns if later ones have no value; nil: no value
	live    int         // columns that are not nil
}

func newGrid(frequency, first int64, slots int) *grid {
	return &grid{frequency: frequency, origin: first - frequency/2, slots: int64(slots)}
}

// slot returns the number of the slot that covers t.
func (g *grid) slot(t int64) int64 { return floorDiv(t-g.origin, g.frequency) }

// centre returns the time at which a sample of the slot is due.
func (g *grid) centre(slot int64) int64 {
	return g.origin + g.frequency/2 + slot*g.frequency
}

// addColumn returns a column for a new series.
func (g *grid) addColumn() int32 {
	if n := len(g.unused); n > 0 {
		c := g.unused[n-1]
		g.unused = g.unused[:n-1]
		return c
	}
	g.columns++
	return g.columns - 1
}

// obtain returns the block that covers the slot, which it adds if need be.
func (g *grid) obtain(slot int64) *block {
	first := floorDiv(slot, g.slots) * g.slots
	if n := len(g.blocks); n > 0 && g.blocks[n-1].first == first {
		return g.blocks[n-1]
	}
	at, ok := g.search(first)
	if !ok {
		g.blocks = slices.Insert(g.blocks, at, &block{first: first, columns: make([][]float64, 0, g.columns)})
	}
	return g.blocks[at]
}

// search returns the position of the first block that starts at or after first.
func (g *grid) search(first int64) (int, bool) {
	return slices.BinarySearchFunc(g.blocks, first, func(b *block, first int64) int {
		switch {
		case b.first < first:
			return -1
		case b.first > first:
			return 1
		}
		return 0
	})
}

// values returns the slots of the column in the block, which it allocates from
// blank (a block's worth of NaN) if the column has none yet.
func (b *block) values(column int32, blank []float64) (v []float64, added bool) {
	for int(column) >= len(b.columns) {
		b.columns = append(b.columns, nil)
	}
	if v = b.columns[column]; v == nil {
		v = slices.Clone(blank)
		b.columns[column] = v
		b.live++
		added = true
	}
	return v, added
}

// at returns the slots of the column in the block, nil if there is no value.
func (b *block) at(column int32) []float64 {
	if int(column) >= len(b.columns) {
		return nil
	}
	return b.columns[column]
}

// holds reports whether the column has a value in any block.
func (g *grid) holds(column int32) bool {
	for _, b := range g.blocks {
		if b.at(column) != nil {
			return true
		}
	}
	return false
}

// extent returns the first and the last slot in which the column has a value.
func (g *grid) extent(column int32) (first, last int64, ok bool) {
	for _, b := range g.blocks {
		if v := b.at(column); v != nil {
			lo, _ := valueRange(v)
			first, ok = b.first+int64(lo), true
			break
		}
	}
	if !ok {
		return 0, 0, false
	}
	return first, g.last(column), true
}

// last returns the last slot in which the column, which holds something, has a
// value.
func (g *grid) last(column int32) int64 {
	for i := len(g.blocks) - 1; i >= 0; i-- {
		if v := g.blocks[i].at(column); v != nil {
			_, hi := valueRange(v)
			return g.blocks[i].first + int64(hi)
		}
	}
	panic("store: column without values")
}

// read combines the column's values of the slots from slot on with dst; slots
// without a value become gaps (NaN) in dst.
func (g *grid) read(dst []float64, column int32, slot int64, combine func(dst, src []float64)) {
	end := slot + int64(len(dst))
	next := slot // the slots before it are done
	at, _ := g.search(floorDiv(slot, g.slots) * g.slots)
	for ; at < len(g.blocks) && g.blocks[at].first < end; at++ {
		b := g.blocks[at]
		v := b.at(column)
		if v == nil {
			continue
		}
		lo, hi := max(b.first, slot), min(b.first+g.slots, end)
		fillGaps(dst[next-slot : lo-slot])
		combine(dst[lo-slot:hi-slot], v[lo-b.first:hi-b.first])
		next = hi
	}
	fillGaps(dst[next-slot:])
}

func assign(dst, src []float64) { copy(dst, src) }

// addTo adds src to dst; a gap (NaN) in either makes a gap.
func addTo(dst, src []float64) {
	for i := range dst {
		dst[i] += src[i]
	}
}

func fillGaps(v []float64) {
	for i := range v {
		v[i] = math.NaN()
	}
}

// valueRange returns the positions of the first and the last value in v, which
// holds at least one.
func valueRange(v []float64) (first, last int) {
	for math.IsNaN(v[first]) {
		first++
	}
	last = len(v) - 1
	for math.IsNaN(v[last]) {
		last--
	}
	return first, last
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

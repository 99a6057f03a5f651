package store

import "slices"

// grid is the row of blocks of all series of a host with one sampling
// interval. A block's slots lie side by side; a slot's centre is where samples
// are expected. The first block is centred on its first sample, so that jitter of
// less than a quarter of the interval never makes two samples share a slot. What
// place does keeps this true for jitter of less than an eighth when the collector
// comes back with another phase after the end of a block.
type grid struct {
	frequency int64 // seconds
	slots     int64 // of a block at the most

	blocks []*block // ascending, none without a value
	open   []*block // those among them that are not sealed, the last one written to last

	newest tick // that a sample was stored for

	columns int32   // number of columns given out so far
	unused  []int32 // columns among them that no series has any more
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

// position returns the number of blocks that start at or before t.
func (g *grid) position(t int64) int {
	if n := len(g.blocks); n > 0 && g.blocks[n-1].start <= t {
		return n // the usual case
	}
	at, _ := slices.BinarySearchFunc(g.blocks, t+1, func(b *block, t int64) int {
		if b.start < t {
			return -1
		}
		return 1
	})
	return at
}

// find returns the block and its slot that cover t, or nil.
func (g *grid) find(t int64) (*block, int64) {
	at := g.position(t)
	if at == 0 {
		return nil, 0
	}
	b := g.blocks[at-1]
	if t >= b.end {
		return nil, 0
	}
	return b, (t - b.start) / g.frequency
}

// obtain returns the block and its slot that cover t; if there is none, it adds
// one.
func (g *grid) obtain(t int64) (*block, int64) {
	if b, slot := g.find(t); b != nil {
		return b, slot
	}
	at := g.position(t)
	b := g.place(t, at)
	g.blocks = slices.Insert(g.blocks, at, b)
	g.open = append(g.open, b)
	return b, (t - b.start) / g.frequency
}

// place returns an empty block that covers t, between the blocks at-1 and at.
// It continues the slots of its neighbour, unless t lies further than a quarter
// of an interval from the centre of its slot: then the collector has another
// phase now (it was restarted), and the slots are centred on t.
func (g *grid) place(t int64, at int) *block {
	f, length := g.frequency, g.slots*g.frequency
	start, end := t-f/2, t-f/2+length
	switch {
	case at > 0: // whole blocks after the one before
		start = g.blocks[at-1].end
		start += (t - start) / length * length
		end = start + length
	case len(g.blocks) > 0: // whole blocks before the first one
		end = g.blocks[0].start
		end -= (end - 1 - t) / length * length
		start = end - length
	}
	if at < len(g.blocks) {
		end = min(end, g.blocks[at].start)
	}
	// shift is how much later the slots would have to start for t to be in the
	// centre of one.
	shift := (t - f/2 - start) % f
	if shift < 0 {
		shift += f
	}
	if off := min(shift, f-shift); off > f/4 {
		if t < start+shift {
			end = min(end, start+shift) // what the shifted slots leave over
		} else {
			start += shift
		}
	}
	return newBlock(start, end, ceilDiv(end-start, f))
}

// centre returns the time at which a sample of the block's slot is expected.
func (g *grid) centre(b *block, slot int64) int64 {
	return b.start + g.frequency/2 + slot*g.frequency
}

// touch notes that b was written to, and returns an open block that is to be
// sealed now, if any: one whose successor has got some samples, or the one
// written to least recently if too many are open. The newest block stays open,
// as that is where samples go on arriving while older ones are filled in.
func (g *grid) touch(b *block) *block {
	n := len(g.open)
	if n == 1 {
		return nil
	}
	if g.open[n-1] != b {
		i := slices.Index(g.open, b)
		copy(g.open[i:], g.open[i+1:])
		g.open[n-1] = b
	}
	newest := g.blocks[len(g.blocks)-1]
	i := slices.IndexFunc(g.open, func(o *block) bool { return o != newest && o != b })
	if i < 0 {
		return nil
	}
	if o := g.open[i]; n > maxOpen || o.start < b.start && b.head.high >= sealDelay {
		return o
	}
	return nil
}

const (
	// maxOpen blocks of a grid are not sealed at the most.
	maxOpen = 3
	// A block is sealed when a later one has a sample in this slot.
	sealDelay = 3
)

// closed takes b off the open blocks.
func (g *grid) closed(b *block) {
	if i := slices.Index(g.open, b); i >= 0 {
		g.open = slices.Delete(g.open, i, i+1)
	}
}

// remove takes the block at the position away.
func (g *grid) remove(at int) {
	g.closed(g.blocks[at])
	g.blocks = slices.Delete(g.blocks, at, at+1)
}

// holds reports whether the column has a value in any block.
func (g *grid) holds(column int32) bool {
	for _, b := range g.blocks {
		if b.has(column) {
			return true
		}
	}
	return false
}

// extent returns when the first and the last sample of the column, which holds
// something, are expected.
func (g *grid) extent(column int32) (first, last int64) {
	for _, b := range g.blocks {
		if b.has(column) {
			lo, _ := b.extent(column)
			first = g.centre(b, lo)
			break
		}
	}
	return first, g.last(column)
}

// last returns when the last sample of the column, which holds something, is
// expected.
func (g *grid) last(column int32) int64 {
	for _, b := range slices.Backward(g.blocks) {
		if b.has(column) {
			_, hi := b.extent(column)
			return g.centre(b, hi)
		}
	}
	panic("store: column without values")
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func ceilDiv(a, b int64) int64 { return -floorDiv(-a, b) }

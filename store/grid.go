package store

import "slices"

// grid holds all series of a host with one sampling interval: a row of blocks. The slots of a
// block lie side by side; samples are expected at the centre of a slot. The slots of the first
// block are centred on its first sample, so that jitter of less than a quarter of the interval
// never makes two samples share a slot. When the sender comes back with another phase after
// the end of a block, newBlockFor keeps this true for jitter of less than an eighth.
type grid struct {
	frequency int64 // seconds
	slots     int64 // largest number in a block

	blocks blockList // ascending, none without a value
	// open has those of the blocks where samples still arrive: all with a head, and sparse
	// ones. The one that was written to last is the last.
	open []*block

	newest tick // of the sample that was stored last

	columns int32   // how many columns were given out so far
	unused  []int32 // columns that were given out and that no series has any more
	// holders counts, by column, the blocks with a value of the column, but not open blocks.
	// It is nil while there are few blocks: then the blocks are searched.
	holders []int32
	// extents has, by column, samples of a recalled grid that are not in its blocks; a column behind its
	// end has none.
	extents []period
}

// addColumn returns a column for a new series.
func (g *grid) addColumn() int32 {
	if n := len(g.unused); n > 0 {
		c := g.unused[n-1]
		g.unused = g.unused[:n-1]
		return c
	}
	g.columns++
	if g.holders != nil {
		g.holders = append(g.holders, 0)
	}
	return g.columns - 1
}

// find returns the block that covers t, nil if there is none. at is where a new block that
// covers t would be.
func (g *grid) find(t int64) (b *block, at spot) {
	at = g.blocks.after(t)
	b, _ = g.blocks.around(at)
	if b == nil || t >= b.end {
		return nil, at
	}
	return b, at
}

// add adds a block that covers t, at the spot that find returned.
func (g *grid) add(t int64, at spot) *block {
	before, after := g.blocks.around(at)
	b := g.newBlockFor(t, before, after)
	g.blocks.insert(at, b)
	g.open = append(g.open, b)
	g.countHolders()
	return b
}

// newBlockFor returns an empty block that covers t, between two others, either of which may be
// nil. It continues the slots of its neighbour, unless t lies further than a quarter of an
// interval from the centre of its slot: then the sender has another phase (it was restarted),
// and the slots are centred on t.
func (g *grid) newBlockFor(t int64, before, after *block) *block {
	f, length := g.frequency, g.slots*g.frequency
	start, end := t-f/2, t-f/2+length
	switch {
	case before != nil: // as if whole blocks followed the one before
		start = before.end
		start += (t - start) / length * length
		end = start + length
	case after != nil: // as if whole blocks preceded the first one
		end = after.start
		end -= (end - 1 - t) / length * length
		start = end - length
	}
	if after != nil {
		end = min(end, after.start)
	}
	// If the slots started so much later, t would be at the centre of one.
	shift := (t - f/2 - start) % f
	if shift < 0 {
		shift += f
	}
	if off := min(shift, f-shift); off > f/4 {
		if t < start+shift {
			end = min(end, start+shift) // the part before the shifted slots
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

// touch records that the slot of b is written to. It returns an open block that is to be closed
// now, if any: one whose successor has some samples, or the one that was written to least
// recently if too many are open. The newest block stays open, as samples go on arriving there
// while older ones are filled in.
func (g *grid) touch(b *block, slot int64) *block {
	n := len(g.open)
	if n < 2 {
		return nil
	}
	if g.open[n-1] != b {
		i := slices.Index(g.open, b)
		if i < 0 {
			return nil
		}
		copy(g.open[i:], g.open[i+1:])
		g.open[n-1] = b
	}
	newest := g.blocks.last()
	i := slices.IndexFunc(g.open, func(o *block) bool { return o != newest && o != b })
	if i < 0 {
		return nil
	}
	if o := g.open[i]; n > maxOpen || o.start < b.start && slot >= sealDelay {
		return o
	}
	return nil
}

const (
	// maxOpen is how many blocks of a grid are open at most.
	maxOpen = 3
	// A block is closed when a later one has a sample in this slot.
	sealDelay = 3
)

// isOpen reports whether b is among the open blocks.
func (g *grid) isOpen(b *block) bool { return slices.Contains(g.open, b) }

// closed removes b from the open blocks.
func (g *grid) closed(b *block) {
	if i := slices.Index(g.open, b); i >= 0 {
		g.open = slices.Delete(g.open, i, i+1)
		g.count(b, 1)
	}
}

// reopen adds b, which is about to get a head, to the open blocks.
func (g *grid) reopen(b *block) {
	if !g.isOpen(b) {
		g.count(b, -1)
		g.open = append(g.open, b)
	}
}

// remove removes a block. It returns false if the block is not there.
func (g *grid) remove(b *block) bool {
	if !g.blocks.remove(b) {
		return false
	}
	if i := slices.Index(g.open, b); i >= 0 {
		g.open = slices.Delete(g.open, i, i+1)
	} else {
		g.count(b, -1)
	}
	g.countHolders()
	return true
}

// floorDiv returns a/b, rounded down.
func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

// ceilDiv returns a/b, rounded up.
func ceilDiv(a, b int64) int64 { return -floorDiv(-a, b) }

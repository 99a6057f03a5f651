package store

import "slices"

// grid is the row of blocks of all series of a host with one sampling
// interval. A block's slots lie side by side; a slot's centre is where samples
// are expected. The first block is centred on its first sample, so that jitter of
// less than a quarter of the interval never makes two samples share a slot. What
// newBlockFor does keeps this true for jitter of less than an eighth when the collector
// comes back with another phase after the end of a block.
type grid struct {
	frequency int64 // seconds
	slots     int64 // of a block at the most

	blocks blockList // ascending, none without a value
	// open are those among them where samples still arrive, the last one written to
	// last: all that have a head, and sparse ones.
	open []*block

	newest tick // that a sample was stored for

	columns int32   // number of columns given out so far
	unused  []int32 // columns among them that no series has any more
	// holders counts by column the blocks with a value of it, but for open ones; nil
	// while there are few blocks, which are looked through sooner.
	holders []int32
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

// find returns the block that covers t, nil if there is none, and the spot behind
// it, which is that of a new one.
func (g *grid) find(t int64) (*block, spot) {
	at := g.blocks.after(t)
	b, _ := g.blocks.around(at)
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

// newBlockFor returns an empty block that covers t, between two others, either of which
// may be nil.
// It continues the slots of its neighbour, unless t lies further than a quarter
// of an interval from the centre of its slot: then the collector has another
// phase now (it was restarted), and the slots are centred on t.
func (g *grid) newBlockFor(t int64, before, after *block) *block {
	f, length := g.frequency, g.slots*g.frequency
	start, end := t-f/2, t-f/2+length
	switch {
	case before != nil: // whole blocks after the one before
		start = before.end
		start += (t - start) / length * length
		end = start + length
	case after != nil: // whole blocks before the first one
		end = after.start
		end -= (end - 1 - t) / length * length
		start = end - length
	}
	if after != nil {
		end = min(end, after.start)
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

// touch notes that the slot of b is written to, and returns an open block that is
// to be closed now, if any: one whose successor has got some samples, or the one
// written to least recently if too many are open. The newest block stays open,
// as that is where samples go on arriving while older ones are filled in.
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
	// maxOpen blocks of a grid are open at the most.
	maxOpen = 3
	// A block is closed when a later one has a sample in this slot.
	sealDelay = 3
)

func (g *grid) isOpen(b *block) bool { return slices.Contains(g.open, b) }

// closed takes b off the open blocks.
func (g *grid) closed(b *block) {
	if i := slices.Index(g.open, b); i >= 0 {
		g.open = slices.Delete(g.open, i, i+1)
		g.count(b, 1)
	}
}

// reopen puts b, which is about to get a head, among the open blocks.
func (g *grid) reopen(b *block) {
	if !g.isOpen(b) {
		g.count(b, -1)
		g.open = append(g.open, b)
	}
}

// remove takes a block away, if it is there.
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

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && (a < 0) != (b < 0) {
		q--
	}
	return q
}

func ceilDiv(a, b int64) int64 { return -floorDiv(-a, b) }

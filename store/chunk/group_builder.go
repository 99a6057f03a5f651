package chunk

import "fmt"

// GroupBuilder builds one Group after the other, in memory that it uses again. It is not safe
// for concurrent use.
type GroupBuilder struct {
	encoder encoder
	columns int32
	slots   int
	present []uint64
	blocks  []builtBlock // by column that has values
	bodies  []byte       // of all blocks

	// The sets of gaps that blocks have, in the order in which they came, and where in sets
	// each one is.
	sets  []gapSet
	known map[indexSet]int32
	lists []byte // the sets, encoded
	list  indexList
}

// builtBlock is a block whose gaps are not written yet.
type builtBlock struct {
	header byte  // but for its gaps
	gaps   int32 // index into the sets, noGaps
	end    int   // of its body in bodies
	size   int   // of the whole block
}

const noGaps = -1

// A map of more sets than manySets is not used again: it does not shrink, and takes long to clear.
const manySets = 256

// gapSet is a set of gaps that some blocks have.
type gapSet struct {
	indexSet
	blocks   int // that have it
	from, to int // in lists
}

// Begin starts a Group of so many columns and slots. There must be between 1 and MaxSlots slots, or
// Begin panics.
func (b *GroupBuilder) Begin(columns int32, slots int) {
	if slots < 1 || slots > MaxSlots {
		panic(fmt.Sprintf("chunk: group of %d slots", slots))
	}
	b.columns, b.slots = columns, slots
	b.present = append(b.present[:0], make([]uint64, (columns+63)/64)...)
	b.blocks, b.bodies, b.sets = b.blocks[:0], b.bodies[:0], b.sets[:0]
	if len(b.known) > manySets {
		b.known = nil
	}
	clear(b.known)
}

// Add encodes the values of a column, one for each slot; columns come in ascending order. NaN is a
// gap. A column of gaps is left out.
func (b *GroupBuilder) Add(column int32, values []float64) {
	if len(values) != b.slots {
		panic(fmt.Sprintf("chunk: %d values for a group of %d slots", len(values), b.slots))
	}
	e := &b.encoder
	if e.load(values); e.n == 0 {
		return
	}
	var header byte
	header, b.bodies = e.encode(b.bodies)
	b.add(column, header, &e.gaps)
}

// AddFrom is Add for a column that has values of another Group with as many slots: it does not decode
// them. It fails only if the column is not there or its header is corrupt.
func (b *GroupBuilder) AddFrom(g Group, column int32) error {
	var d decoder
	if len(g) == 0 {
		return fmt.Errorf("copy a column: %w", errRange)
	}
	var p groupParts
	p.take(g)
	if err := d.open(&p, column); err != nil {
		return fmt.Errorf("copy a column: %w", err)
	}
	if d.slots != b.slots {
		return fmt.Errorf("copy a column of %d slots to %d: %w", d.slots, b.slots, errRange)
	}
	if d.mode == modeEmpty {
		return nil // version 1 could have such a block
	}
	b.bodies = append(b.bodies, d.body...)
	b.add(column, d.header, &d.gaps)
	return nil
}

// add adds the block whose body was appended to bodies.
func (b *GroupBuilder) add(column int32, header byte, gaps *indexSet) {
	b.present[column/64] |= 1 << (column % 64)
	b.blocks = append(b.blocks, builtBlock{header: header, gaps: b.setOf(gaps), end: len(b.bodies)})
}

// setOf counts a block with the gaps, and returns their index in sets.
func (b *GroupBuilder) setOf(gaps *indexSet) int32 {
	if gaps.n == 0 {
		return noGaps
	}
	// Most blocks have the gaps of the one before.
	i := int32(noGaps)
	if n := len(b.blocks); n > 0 {
		i = b.blocks[n-1].gaps
	}
	if i == noGaps || b.sets[i].indexSet != *gaps {
		var ok bool
		if i, ok = b.known[*gaps]; !ok {
			i = int32(len(b.sets))
			b.sets = append(b.sets, gapSet{indexSet: *gaps})
			if b.known == nil {
				b.known = make(map[indexSet]int32)
			}
			b.known[*gaps] = i
		}
	}
	b.sets[i].blocks++
	return i
}

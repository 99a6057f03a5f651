package store

import (
	"cmp"
	"slices"

	"cc-metric-store/store/checkpoint"
	"cc-metric-store/store/chunk"
)

// capture copies one host after the other for a checkpoint, into memory that it uses again.
// It is for one goroutine at a time. For each host, the caller calls growBlocks without a
// lock, copyHostLocked, and then encode without the lock.
type capture struct {
	store   *Store
	builder chunk.GroupBuilder

	host    checkpoint.Host
	heads   []capturedHead
	values  []float64 // of all heads
	blocks  []checkpoint.Block
	patches []checkpoint.Patch // of all blocks
	saved   []savedBlock
}

// capturedHead is a copy of the head of an open block.
type capturedHead struct {
	grid, block int // indices into host
	head        head
}

// savedBlock is a sealed block of the host that is about to be written.
type savedBlock struct {
	grid, block int // indices into host
	original    *block
	oldRef      checkpoint.BlockRef
}

// copyHostLocked copies a host: references to what is immutable, and the open values as they
// are, which is quicker than encoding them. The lock of the stripe may be held for reading.
func (c *capture) copyHostLocked(h *host) {
	c.host = checkpoint.Host{Cluster: h.key.cluster, Name: h.key.host, Applied: h.applied.Seq, Parts: c.host.Parts[:0], Grids: c.host.Grids[:0]}
	c.heads, c.values, c.blocks, c.patches, c.saved = c.heads[:0], c.values[:0], c.blocks[:0], c.patches[:0], c.saved[:0]
	for _, p := range h.parts {
		c.host.Parts = append(c.host.Parts, checkpoint.Part{Type: p.Type, ID: p.ID, Subtype: p.Subtype, SubID: p.SubID})
	}
	indices := make([]int, len(h.grids))
	c.growValuesLocked(h)
	for i, g := range h.grids {
		if g == nil {
			continue
		}
		indices[i] = len(c.host.Grids)
		c.host.Grids = append(c.host.Grids, c.copyGridLocked(g))
	}
	for k, column := range h.series {
		g := &c.host.Grids[indices[c.store.metrics.at(k.metric).grid]]
		g.Series = append(g.Series, checkpoint.Series{Part: k.part, Metric: int32(k.metric), Column: column})
	}
}

// growValuesLocked makes room for all open values at once, so that they do not move while they are
// copied.
func (c *capture) growValuesLocked(h *host) {
	n := 0
	for _, g := range h.grids {
		if g == nil {
			continue
		}
		for _, b := range g.open {
			if b.head != nil {
				n += int(b.head.size())
			}
		}
	}
	if cap(c.values) < n {
		c.values = make([]float64, 0, n+n/4)
	}
}

// growBlocks makes room for the blocks of a host before it is locked, as that takes long if
// there are many.
func (c *capture) growBlocks(blocks int) {
	if cap(c.blocks) < blocks {
		c.blocks = make([]checkpoint.Block, 0, blocks+blocks/16)
		c.patches = make([]checkpoint.Patch, 0, blocks+blocks/16)
	}
}

// copyGridLocked copies a grid, without its series.
func (c *capture) copyGridLocked(g *grid) checkpoint.Grid {
	out := checkpoint.Grid{Frequency: g.frequency, Columns: g.columns}
	first := len(c.blocks)
	index := len(c.host.Grids)
	for b := range g.blocks.all() {
		one := checkpoint.Block{Start: b.start, End: b.end, Slots: int(b.slots), Open: b.head != nil, Sparse: b.head == nil && b.sealed == nil, Values: b.sealed, Totals: b.totals, Ref: b.ref}
		if len(b.patches.list) > 0 {
			one.Patches = c.copyPatches(b.patches.list)
		}
		i := len(c.blocks) - first
		c.blocks = append(c.blocks, one)
		switch {
		case b.head != nil:
			c.heads = append(c.heads, capturedHead{index, i, c.copyHead(b.head)})
		case b.sealed != nil:
			c.saved = append(c.saved, savedBlock{index, i, b, b.ref})
		}
	}
	out.Blocks = c.blocks[first:len(c.blocks):len(c.blocks)]
	return out
}

// copyPatches copies the patches of a block into the memory for those of all blocks.
func (c *capture) copyPatches(of []patch) []checkpoint.Patch {
	from := len(c.patches)
	for _, p := range of {
		c.patches = append(c.patches, checkpoint.Patch{Column: p.column, Slot: p.slot, Value: p.value})
	}
	return c.patches[from:len(c.patches):len(c.patches)]
}

func (c *capture) copyHead(h *head) head {
	out := head{chunks: make([][]float64, len(h.chunks)), rows: h.rows, high: h.high}
	for i, values := range h.chunks {
		from := len(c.values)
		c.values = append(c.values, values...)
		out.chunks[i] = c.values[from:]
	}
	return out
}

// encode compresses what copyHostLocked copied, without a lock. The result is valid until the
// next copy.
func (c *capture) encode() *checkpoint.Host {
	var buf [chunk.MaxSlots]float64
	for i := range c.heads {
		at := &c.heads[i]
		g := &c.host.Grids[at.grid]
		b := &g.Blocks[at.block]
		v := buf[:b.Slots]
		c.builder.Begin(g.Columns, b.Slots)
		for column := range g.Columns {
			at.head.read(v, column, 0)
			c.builder.Add(column, v)
		}
		b.Values = c.builder.Finish()
	}
	for i := range c.host.Grids {
		slices.SortFunc(c.host.Grids[i].Series, func(a, b checkpoint.Series) int { return cmp.Compare(a.Column, b.Column) })
	}
	return &c.host
}

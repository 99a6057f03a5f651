package store

import (
	"math"

	"cc-metric-store/store/archive"
	"cc-metric-store/store/chunk"
)

// add adds archived samples, where there are none yet.
func (r *recall) add(rows *archive.Rows) error {
	if rows.Frequency < 1 || rows.Frequency > timeBound/chunk.MaxSlots {
		return nil // a file of somebody else: nothing could be on such a grid
	}
	part := Part(rows.Part)
	if !r.wanted.wants(&part) {
		return nil
	}
	if r.last.grid == nil || r.last.grid.frequency != rows.Frequency || r.lastPart != rows.Part {
		g, m, ok := r.obtainGrid(rows.Frequency)
		if !ok {
			return nil
		}
		r.last, r.lastPart = recalledSeries{g, r.addSeries(g, m, part)}, rows.Part
	}
	if len(rows.Times) == 0 {
		return nil // it is enough that the series is known
	}
	if b := r.blockOf(r.last.grid, &rows.Block); b != nil {
		return r.addTo(b, rows)
	}
	return r.addOneByOne(rows)
}

// blockOf returns the block that lies as an archived one does, which is added if there is room
// for it between others, or nil.
func (r *recall) blockOf(g *grid, of *archive.Block) *block {
	if of.Frequency != g.frequency || of.End <= of.Start || of.End-of.Start > int64(chunk.MaxSlots)*g.frequency {
		return nil
	}
	at := g.blocks.after(of.Start)
	before, after := g.blocks.around(at)
	switch {
	case before != nil && before.start == of.Start && before.end == of.End:
		return before
	case before != nil && before.end > of.Start, after != nil && after.start < of.End:
		return nil
	}
	b := r.newBlock(of.Start, of.End, ceilDiv(of.End-of.Start, g.frequency))
	g.blocks.insert(at, b)
	return b
}

// addTo adds the samples of a block, which b is a copy of.
func (r *recall) addTo(b *block, rows *archive.Rows) error {
	g, column := r.last.grid, r.last.column
	for i, t := range rows.Times {
		slot := floorDiv(t-b.start, g.frequency)
		if slot < 0 || slot >= b.slots {
			continue // a file of somebody else
		}
		if err := r.addValue(g, b, slot, column, rows.Values[i]); err != nil {
			return err
		}
	}
	return nil
}

// addOneByOne adds samples as if they were sent: to the slots that are there, or to new ones.
func (r *recall) addOneByOne(rows *archive.Rows) error {
	g, column := r.last.grid, r.last.column
	for i, t := range rows.Times {
		if t < -MaxTime || t > MaxTime {
			continue
		}
		b, at := g.find(t)
		if b == nil {
			before, after := g.blocks.around(at)
			b = g.newBlockFor(t, before, after)
			b.head = &head{}
			r.bytes += blockBytes
			g.blocks.insert(at, b)
		}
		if err := r.addValue(g, b, (t-b.start)/g.frequency, column, rows.Values[i]); err != nil {
			return err
		}
	}
	return nil
}

// addValue sets the value of a slot that has none yet.
func (r *recall) addValue(g *grid, b *block, slot int64, column int32, v float64) error {
	if math.IsNaN(v) || math.IsInf(v, 0) {
		return nil
	}
	at := b.head.place(slot, column)
	switch {
	case at == nil:
		return r.set(g, b, slot, column, v)
	case math.IsNaN(*at):
		*at = v
		b.head.high = max(b.head.high, slot)
	}
	return nil
}

package store

import (
	"hash/maphash"
	"math"
)

// steady stores the samples at the front of a.rest, but the last ones that are
// given, as long as they are of numbered series and fall into rows that are at
// hand.
func (a *appender) steady(last int) {
	if a.numbered == nil {
		return
	}
	samples := a.rest[:len(a.rest)-last]
	stored := 0
	for i := range samples {
		s := &samples[i]
		if s.Part >= 0 {
			break
		}
		n := &a.numbered[^s.Part]
		p := &a.places[n.grid]
		if p.at != s.Time || int(n.column) >= len(p.row) || math.Float64bits(s.Value)&notFinite == notFinite {
			break
		}
		if p.replaces != replacesNone && p.replaces.value(p.row[n.column], s.Value) {
			a.replace(n.metric, n.grid)
		}
		p.row[n.column] = s.Value
		stored++
	}
	a.rest = a.rest[stored:]
	a.done.Stored += stored
}

// notFinite is the exponent of infinities and NaN.
const notFinite = 0x7ff << 52

// sample stores one sample, or returns how much memory it needs.
func (a *appender) sample(sample *Sample) (need int64) {
	if sample.Time < -MaxTime || sample.Time > MaxTime || math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0) {
		a.done.Invalid++
		return 0
	}
	m := a.metric(sample)
	g, p := a.obtainGrid(m)
	column, need := a.obtainColumn(g, m, sample)
	if need > 0 || column < 0 {
		return need
	}
	if p.block == nil || p.at != sample.Time {
		b, slot, need := a.obtainBlock(g, sample.Time)
		if need > 0 {
			return need
		}
		*p = place{block: b, slot: slot, at: sample.Time, replaces: g.enter(b, slot, sample.Time, column)}
	}
	isReplacing := p.replaces != replacesNone && p.replaces.value(p.block.open(p.slot, column), sample.Value)
	if need = a.set(g, p, column, sample.Value); need > 0 {
		if p.block.isEmpty() { // a new one
			need += p.block.size()
			a.store.removeBlockLocked(g, p.block)
			*p = place{}
		}
		return need
	}
	if p.block.head != nil {
		p.row = p.block.head.row(p.slot)
	}
	a.done.Stored++
	if isReplacing {
		a.replace(m, a.store.metrics.at(m).grid)
	}
	return 0
}

func (a *appender) metric(sample *Sample) MetricID {
	if sample.Part < 0 {
		return a.batch.Source.series[^sample.Part].metric
	}
	return sample.Metric
}

func (a *appender) obtainGrid(m MetricID) (*grid, *place) {
	of := a.store.metrics.at(m)
	g := a.host.grid(of.grid)
	if g == nil {
		g = &grid{frequency: of.frequency, slots: int64(a.store.cfg.blockSlots)}
		a.host.setGrid(of.grid, g)
	}
	return g, &a.places[of.grid]
}

// obtainColumn returns the column of the sample's series, -1 if the series is
// refused.
func (a *appender) obtainColumn(g *grid, m MetricID, sample *Sample) (column int32, need int64) {
	h := a.host
	if sample.Part < 0 && a.numbered != nil {
		return a.numbered[^sample.Part].column, 0
	}
	name, part := a.part(sample)
	if part.number >= 0 {
		if c, ok := h.column(part.number, m); ok {
			return c, 0
		}
	}
	if len(h.series) >= a.store.cfg.MaxSeries {
		a.done.OverSeries++
		return -1, 0
	}
	before := h.size()
	if !a.store.reserve(partBytes + seriesBytes) {
		return 0, partBytes + seriesBytes
	}
	if !a.store.newSeries.allow(a.batch.At, a.store.cfg.MaxNewSeries) {
		a.store.release(partBytes + seriesBytes)
		a.done.OverNewSeries++
		return -1, 0
	}
	part.number = h.obtain(part.hash, name)
	c := g.addColumn()
	h.addSeries(part.number, m, a.store.metrics, c)
	a.store.release(partBytes + seriesBytes - (h.size() - before))
	return c, 0
}

// part returns the name of the sample's part, and what is known of it.
func (a *appender) part(sample *Sample) (Part, *batchPart) {
	var name Part
	var part *batchPart
	if sample.Part < 0 { // of a source that is not current
		src := a.batch.Source
		name = src.parts[src.series[^sample.Part].part]
		part = &a.moved
		part.number = -1
	} else {
		name = a.batch.Parts[sample.Part]
		part = &a.parts[sample.Part]
	}
	if part.number < 0 {
		part.hash = maphash.Comparable(a.store.seed, name)
		if n, ok := a.host.part(part.hash, name); ok {
			part.number = n
		}
	}
	return name, part
}

func (a *appender) obtainBlock(g *grid, t int64) (b *block, slot, need int64) {
	b, at := g.find(t)
	if b == nil {
		if !a.store.reserve(blockBytes) {
			return nil, 0, blockBytes
		}
		b = g.add(t, at)
	}
	slot = (t - b.start) / g.frequency
	if old := g.touch(b, slot); old != nil {
		a.store.closeBlockLocked(g, old)
	}
	return b, slot, 0
}

// set stores a value at the place found before.
func (a *appender) set(g *grid, p *place, column int32, v float64) (need int64) {
	b, one := p.block, patch{column, int32(p.slot), v}
	if b.head == nil {
		if b.patches.replace(one) {
			return 0
		}
		if len(b.patches.list) == cap(b.patches.list) {
			if need = a.makeRoomLocked(g, b); need > 0 {
				return need
			}
		}
	}
	if b.head == nil {
		if g.holders != nil && !b.has(column) && !g.isOpen(b) {
			g.holders[column]++
		}
		b.patches.add(one)
		return 0
	}
	switch n := valueBytes * b.head.growth(p.slot, column, g.columns); {
	case n < 0:
		defer a.store.release(-n)
	case n > 0 && !a.store.reserve(n):
		return n
	}
	b.head.set(p.slot, column, g.columns, v)
	return 0
}

package store

import (
	"hash/maphash"
	"math"
)

// appendSamples stores samples until they are done, or until there has to be room for
// so many bytes first. It returns how many are done.
func (a *appender) appendSamples(samples []Sample) (done int, need int64) {
	for done < len(samples) {
		if n := a.appendCurrent(samples[done:]); n > 0 {
			done += n
			continue
		}
		if need = a.appendOne(&samples[done]); need > 0 {
			break
		}
		done++
	}
	return done, need
}

// appendCurrent stores the samples at the front as long as they have current references
// and fall into rows that are at hand, and returns their number.
func (a *appender) appendCurrent(samples []Sample) (stored int) {
	if !a.isCurrent {
		return 0
	}
	cursors := a.cursors[:min(len(a.cursors), maxRefGrids)]
	for i := range samples {
		s := &samples[i]
		grid, column := s.Ref.split()
		if grid >= len(cursors) { // no reference
			break
		}
		p := &cursors[grid]
		if p.at != s.Time || column >= len(p.row) || math.Float64bits(s.Value)&notFinite == notFinite {
			break
		}
		if p.replaces != replacesNone && p.replaces.value(p.row[column], s.Value) {
			_, m := a.refs.seriesLocked(s.Ref)
			a.replace(m, uint16(grid))
		}
		p.row[column] = s.Value
		stored++
	}
	a.done.Stored += stored
	return stored
}

// notFinite is the exponent of infinities and NaN.
const notFinite = 0x7ff << 52

// appendOne stores one sample, or returns how many bytes of memory are missing for it.
func (a *appender) appendOne(sample *Sample) (need int64) {
	if !sample.IsValid() {
		a.done.Invalid++
		sample.Ref = 0
		return 0
	}
	m := a.metric(sample)
	g, p := a.obtainGrid(m)
	column, ref, need := a.obtainColumn(g, m, sample)
	if need > 0 {
		return need
	}
	if column < 0 {
		sample.Ref = 0
		return 0
	}
	if p.block == nil || p.at != sample.Time {
		b, slot, need := a.obtainBlock(g, sample.Time)
		if need > 0 {
			return need
		}
		*p = cursor{block: b, slot: slot, at: sample.Time, replaces: g.enter(b, slot, sample.Time, column)}
	}
	isReplacing := p.replaces != replacesNone && p.replaces.value(p.block.open(p.slot, column), sample.Value)
	if need = a.set(g, p, column, sample.Value); need > 0 {
		if p.block.isEmpty() { // a new one
			need += p.block.size()
			a.store.removeBlockLocked(g, p.block)
			*p = cursor{}
		}
		return need
	}
	if p.block.head != nil {
		p.row = p.block.head.row(p.slot)
	}
	sample.Ref = ref
	a.done.Stored++
	if isReplacing {
		a.replace(m, a.store.metrics.at(m).grid)
	}
	return 0
}

// metric returns the metric of a sample, by its reference or its name.
func (a *appender) metric(sample *Sample) MetricID {
	if sample.Ref != 0 {
		_, m := a.batch.Refs.seriesLocked(sample.Ref)
		return m
	}
	return a.batch.Names[sample.Name].Metric
}

// obtainGrid returns the grid for samples of m, which it adds if need be, and the cursor in it.
func (a *appender) obtainGrid(m MetricID) (*grid, *cursor) {
	of := a.store.metrics.at(m)
	g := a.host.grid(of.grid)
	if g == nil {
		g = &grid{frequency: of.frequency, slots: int64(a.store.cfg.blockSlots)}
		a.host.setGrid(of.grid, g)
	}
	return g, &a.cursors[of.grid]
}

// obtainColumn returns the column of the sample's series and the reference to it. The column
// is -1 if the series is refused. need is the memory in bytes that is missing, 0 if none is.
func (a *appender) obtainColumn(g *grid, m MetricID, sample *Sample) (column int32, ref SeriesRef, need int64) {
	if sample.Ref != 0 && a.isCurrent {
		_, c := sample.Ref.split()
		return int32(c), sample.Ref, 0
	}
	h := a.host
	name, part := a.part(sample)
	column, ok := int32(-1), false
	if part.index >= 0 {
		column, ok = h.column(part.index, m)
	}
	if !ok {
		if column, need = a.addSeries(g, m, name, part); need > 0 || column < 0 {
			return column, 0, need
		}
	}
	return column, a.refs.addLocked(a.store.metrics.at(m).grid, column, seriesKey{part.index, m}), 0
}

// refer gives each sample the reference to its series, or none if the host does not have
// the series.
func (a *appender) refer(samples []Sample) {
	for i := range samples {
		sample := &samples[i]
		if sample.Ref != 0 && a.isCurrent {
			continue
		}
		m := a.metric(sample)
		_, part := a.part(sample)
		sample.Ref = 0
		if part.index < 0 {
			continue
		}
		if column, ok := a.host.column(part.index, m); ok {
			sample.Ref = a.refs.addLocked(a.store.metrics.at(m).grid, column, seriesKey{part.index, m})
		}
	}
}

// addSeries adds a series to the host, unless it is refused, when its column is -1.
func (a *appender) addSeries(g *grid, m MetricID, name Part, part *batchPart) (column int32, need int64) {
	h := a.host
	if len(h.series) >= a.store.cfg.MaxSeries {
		a.done.OverSeries++
		return -1, 0
	}
	const most = partBytes + seriesBytes + columnBytes
	before := h.size()
	if !a.store.reserve(most) {
		return 0, most
	}
	if !a.store.newSeries.allow(a.batch.At, a.store.cfg.MaxNewSeries) {
		a.store.release(most)
		a.done.OverNewSeries++
		return -1, 0
	}
	part.index = h.obtain(part.hash, name)
	c := g.addColumn()
	h.addSeries(part.index, m, a.store.metrics, c)
	a.store.release(most - (h.size() - before))
	return c, 0
}

// part returns the name of the sample's part, and what is known of it.
func (a *appender) part(sample *Sample) (Part, *batchPart) {
	var name Part
	var part *batchPart
	if sample.Ref != 0 { // which is stale
		name, _ = a.batch.Refs.seriesLocked(sample.Ref)
		part = &a.stale
		part.index = -1
	} else {
		i := a.batch.Names[sample.Name].Part
		name, part = a.batch.Parts[i], &a.parts[i]
	}
	if part.index < 0 {
		part.hash = maphash.Comparable(a.store.seed, name)
		if n, ok := a.host.part(part.hash, name); ok {
			part.index = n
		}
	}
	return name, part
}

// obtainBlock returns the block that covers t, which it adds if need be, and the slot of t in
// it. need is the memory in bytes that is missing, 0 if none is.
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
		a.store.closeBlockLocked(a.host, g, old)
	}
	return b, slot, 0
}

// set stores a value at the cursor, or returns how many bytes of memory are missing.
func (a *appender) set(g *grid, p *cursor, column int32, v float64) (need int64) {
	b, one := p.block, patch{column, int32(p.slot), v}
	if b.head == nil {
		if b.patches.replace(one) {
			return 0
		}
		if len(b.patches.list) == cap(b.patches.list) {
			if need = a.makeRoom(g, b); need > 0 {
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

package store

import (
	"math"

	"cc-metric-store/store/chunk"
)

// memorySeries is what memory has of a series: the runs of whole blocks.
type memorySeries struct {
	part   Part
	runs   []Run
	extent period // of all times, if that matters
}

// memoryBlock is where a block of memory lies.
type memoryBlock struct{ start, end, slots int64 }

// memoryGrid is what memory has of a grid in the window.
type memoryGrid struct {
	frequency int64
	blocks    []memoryBlock
	series    []memorySeries
}

// addMemory adds copies of what memory has in the window.
func (r *recall) addMemory() error {
	grids, err := r.readMemory()
	if err != nil {
		return err
	}
	var buf [chunk.MaxSlots]float64
	for _, from := range grids {
		g, m, ok := r.obtainGrid(from.frequency)
		if !ok {
			continue
		}
		for _, at := range from.blocks {
			g.blocks.insert(g.blocks.after(at.start), r.newBlock(at.start, at.end, at.slots))
		}
		columns := make([]int32, len(from.series))
		for i := range from.series {
			columns[i] = r.addSeries(g, m, from.series[i].part)
			if r.wanted.extents {
				g.extend(columns[i], from.series[i].extent)
			}
		}
		for i := range from.series {
			for n := range from.series[i].runs {
				run := &from.series[i].runs[n]
				b, _ := g.find(run.Start - g.frequency/2)
				values := buf[:run.Len()]
				run.read(values)
				for slot, v := range values {
					if math.IsNaN(v) {
						continue
					}
					if err := r.set(g, b, int64(slot), columns[i], v); err != nil {
						return err
					}
				}
			}
		}
	}
	return nil
}

// readMemory copies what memory has in the window, under the lock.
func (r *recall) readMemory() ([]memoryGrid, error) {
	s, w := r.store, &r.wanted
	st := s.stripeOf(w.hostKey)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[w.hostKey]
	if h == nil {
		return nil, nil
	}
	var grids []memoryGrid
	for _, m := range s.metrics.ids(w.metric) {
		if h.counts.of(m).all == 0 {
			continue
		}
		g := h.grid(s.metrics.at(m).grid)
		blocks := g.blocks.between(w.from, w.to)
		if all := int(h.counts.of(m).all); all > maxQueryRuns/max(len(blocks), 1) {
			return nil, &RunsError{Series: all, Blocks: len(blocks)}
		}
		var columns []selection // one each
		out := memoryGrid{frequency: g.frequency}
		var ranges []slotRange
		for _, b := range blocks {
			ranges = append(ranges, slotRange{b, g.centre(b, 0), 0, int32(b.slots)})
			out.blocks = append(out.blocks, memoryBlock{b.start, b.end, b.slots})
		}
		for _, i := range h.order {
			c, ok := h.column(i, m)
			if !ok || !w.wants(&h.parts[i]) {
				continue
			}
			runs := g.appendRuns(nil, nil, c, ranges)
			if err := r.take(len(runs) * valueBytes); err != nil {
				return nil, err
			}
			out.series = append(out.series, memorySeries{h.parts[i], runs, noPeriod()})
			columns = append(columns, selection{columns: []int32{c}})
		}
		if w.extents {
			for i, p := range g.periods(columns) {
				out.series[i].extent = p
			}
		}
		grids = append(grids, out)
	}
	return grids, nil
}

package store

import (
	"cmp"
	"context"
	"math"
	"slices"
)

// AppendHostRuns appends the runs of the series of a host itself, which id names but for its part, in
// the window [from, to) in Unix seconds, by the rule of Query: in each slot the host's own sample counts if
// there is one, otherwise what its parts combine to. Where they cannot be combined, only own samples are
// there. The runs are as those of Read, with the slots' times, and may be kept; one may consist of gaps
// alone.
//
// It ends with the error of ctx when that ends, ErrInvalidTimeRange, a ReadError or a RunsError.
func (s *Store) AppendHostRuns(ctx context.Context, runs []Run, id *SeriesID, from, to int64) ([]Run, error) {
	if from > to {
		return nil, ErrInvalidTimeRange
	}
	config, _ := s.metrics.queried(id.Metric) // one that is not configured any more has no aggregation
	memory := s.queries.Get().(*queryMemory)
	defer func() {
		memory.reset()
		s.queries.Put(memory)
	}()
	from, to = max(from, -timeBound), min(to, timeBound)
	var rows []row
	var err error
	isArchived := s.isArchived(id.Cluster, from)
	if !isArchived {
		rows, err = s.hostRows(memory, id, config.Aggregation, from, to)
		isArchived = s.isArchived(id.Cluster, from) // blocks may have gone there meanwhile
	}
	if isArchived {
		var r *recall
		if r, err = s.recall(ctx, recallWanted{hostKey: hostKey{id.Cluster, id.Host}, metric: id.Metric, from: from, to: to}); err == nil {
			defer r.release()
			rows, err = s.hostRowsOf(memory, r.host, r.table, id, config.Aggregation, from, to)
		}
	}
	if err != nil {
		return nil, err
	}
	first := len(runs)
	for i := range rows {
		if runs, err = rows[i].appendCombined(ctx, runs, config.Aggregation); err != nil {
			return nil, err
		}
	}
	if len(rows) > 1 {
		slices.SortStableFunc(runs[first:], func(a, b Run) int { return cmp.Compare(a.Start, b.Start) })
	}
	return runs, nil
}

// hostRows returns what makes up the series of a host itself, a row for each interval, in the memory
// that is given. But the runs of a row that is a single column are in memory of their own.
func (s *Store) hostRows(memory *queryMemory, id *SeriesID, how Aggregation, from, to int64) (rows []row, err error) {
	key := hostKey{id.Cluster, id.Host}
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return nil, nil
	}
	return s.hostRowsOf(memory, h, s.metrics, id, how, from, to)
}

// hostRowsOf is hostRows for a host that does not change meanwhile. The table is that of its
// metrics.
func (s *Store) hostRowsOf(memory *queryMemory, h *host, table *metricTable, id *SeriesID, how Aggregation, from, to int64) (rows []row, err error) {
	cells := 0
	for _, m := range table.ids(id.Metric) {
		n := h.counts.of(m)
		if n.all == 0 {
			continue
		}
		g := h.grid(table.at(m).grid)
		one := h.selectHost(memory, m, n)
		// The centre of a block's last slot may lie behind its end.
		blocks := g.blocks.between(max(from-g.frequency, -timeBound), to)
		if len(one.columns) == 0 || len(blocks) == 0 || how == AggregateNone && one.roles == nil && len(one.columns) > 1 {
			continue // there is nothing, or no way to combine it
		}
		if len(one.columns) > maxQueryRuns/len(blocks) {
			return nil, &RunsError{Series: len(one.columns), Blocks: len(blocks)}
		}
		ranges := g.rangesBetween(make([]slotRange, 0, len(blocks)), blocks, from, to)
		for i := range ranges {
			cells += int(ranges[i].cells)
		}
		if cells > MaxCells {
			return nil, &ReadError{Series: *id, Limit: MaxCells}
		}
		rows = append(rows, g.hostRow(memory, one, how != AggregateNone, s.cfg.totalParts, ranges))
	}
	return rows, nil
}

// hostRow returns what a selection has in the ranges. adds says that its columns are added, which
// may be done for so many columns or more.
func (g *grid) hostRow(memory *queryMemory, one selection, adds bool, totalParts int, ranges []slotRange) row {
	r := row{roles: one.roles, scratch: &memory.scratch}
	if len(one.columns) == 1 {
		r.runs = g.appendRuns(nil, nil, one.columns[0], ranges)
		r.columns = append(take(&memory.ends, 1)[:0], len(r.runs))
		return r
	}
	r.columns = take(&memory.ends, len(one.columns))[:0]
	runs := memory.startRuns()
	for at, isSum := range one.levels() {
		isSum = isSum && adds && at[1]-at[0] >= totalParts
		runs, r.columns = g.appendLevelRuns(memory, runs, r.columns, one.columns[at[0]:at[1]], isSum, ranges)
	}
	r.runs = memory.takeRuns(runs)
	return r
}

// appendCombined appends a run for each block in which the row has cells: the combination of its
// columns, in memory of its own.
func (r *row) appendCombined(ctx context.Context, runs []Run, how Aggregation) ([]Run, error) {
	if r.roles == nil && len(r.columns) == 1 {
		return append(runs, r.runs...), nil
	}
	for s := range r.stretches() {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		values := make([]float64, s.cells)
		if r.roles != nil {
			s.choose(values, how)
		} else {
			s.combine(values, 0, len(r.columns), how)
		}
		for i, v := range values {
			if math.IsInf(v, 0) { // the sum overflowed
				values[i] = math.NaN()
			}
		}
		first := s.first()
		runs = append(runs, Run{Start: first.Start, Step: first.Step, cells: first.cells, values: values})
	}
	return runs, nil
}

// first returns a run of the stretch, which has at least one.
func (s *stretch) first() *Run {
	for _, r := range s.runs {
		if r != nil {
			return r
		}
	}
	return nil
}

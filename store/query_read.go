package store

import "math"

// snapshot is what a grid holds in the window of a query, taken under the lock:
// references to sealed values, which are immutable, and copies of the others.
// It is decoded and combined without the lock.
type snapshot struct {
	frequency int64
	rows      []row
}

// row becomes one series of the answer: the combination of some columns.
type row struct {
	from    int64 // time of the first cell
	cells   int64
	period  period // if the query is not padded
	columns []int  // for each column where its runs end
	roles   []role // of the columns, as in a selection
	runs    []Run  // column after column, each in order of time
	scratch *scratch
}

// cellAt returns the position of a run's first cell among those of the row: the run has
// the samples of slots, and a cell the sample of the slot that covers its time.
func (r *row) cellAt(run *Run) int64 { return ceilDiv(run.Start-run.Step/2-r.from, run.Step) }

// snapshots returns what the store holds of the query's window, one snapshot for each
// interval that the host has series with, the present one first. It fails with a
// RunsError. They are in the memory that is given.
func (s *Store) snapshots(memory *queryMemory, q *Query, metric *queriedMetric) ([]snapshot, error) {
	key := hostKey{q.Cluster, q.Host}
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return nil, nil
	}
	return s.snapshotsOf(memory, h, s.metrics, q, metric)
}

// snapshotsOf is snapshots for a host that does not change meanwhile. The table is that of its
// metrics, and so are the IDs.
func (s *Store) snapshotsOf(memory *queryMemory, h *host, table *metricTable, q *Query, metric *queriedMetric) ([]snapshot, error) {
	type selected struct {
		grid *grid
		rows []selection
	}
	var buf [4]selected
	found := buf[:0]
	for _, m := range metric.ids {
		n := h.counts.of(m)
		if n.all == 0 {
			continue
		}
		one := selected{h.grid(table.at(m).grid), h.selectColumns(memory, s.seed, q, m, n)}
		columns := 0
		for _, r := range one.rows {
			columns += len(r.columns)
		}
		if columns == 0 {
			continue
		}
		if blocks := max(one.grid.blocksIn(q), 1); columns > maxQueryRuns/blocks { // columns take memory without blocks, too
			return nil, &RunsError{Series: columns, Blocks: blocks}
		}
		if q.Type != "" && q.Aggregate && len(one.rows) > 1 {
			one.rows = []selection{combine(one.rows)}
		}
		found = append(found, one)
	}
	totalParts := math.MaxInt
	if metric.Aggregation != AggregateNone {
		totalParts = s.cfg.totalParts
	}
	out := take(&memory.snapshots, len(found))
	for i, one := range found {
		out[i] = one.grid.snapshot(memory, q, one.rows, totalParts, len(found) == 1)
	}
	return out, nil
}

// snapshot refers to or copies the cells of the query's window, of the columns that each row
// selects, or the totals of so many columns or more that are added. only says that no other grid
// has series of the query: then the rows of an unpadded query are trimmed here, and otherwise when
// the snapshots are merged.
func (g *grid) snapshot(memory *queryMemory, q *Query, rows []selection, totalParts int, only bool) snapshot {
	v := snapshot{frequency: g.frequency, rows: take(&memory.rows, len(rows))}
	cells := ceilDiv(q.To-q.From, g.frequency)
	blocks := g.blocks.between(q.From, q.From+cells*g.frequency)
	var buf [fewRanges]slotRange
	ranges := buf[:0]
	if len(blocks) > fewRanges {
		ranges = make([]slotRange, 0, len(blocks))
	}
	ranges = g.rangesAt(ranges, blocks, q.From, cells)
	var periods []period
	if q.Unpadded {
		periods = g.periods(rows)
	}
	for i, s := range rows {
		r := &v.rows[i]
		r.from, r.cells, r.roles, r.scratch = q.From, cells, s.roles, &memory.scratch
		if q.Unpadded {
			r.period = periods[i]
			if only {
				r.from, r.cells = r.period.trim(r.from, r.cells, g.frequency)
				ranges = g.rangesAt(ranges[:0], blocks, r.from, r.cells)
			}
		}
		r.columns = take(&memory.ends, len(s.columns))[:0]
		runs := memory.startRuns()
		for at, adds := range s.levels() {
			adds = adds && at[1]-at[0] >= totalParts
			runs, r.columns = g.appendLevelRuns(memory, runs, r.columns, s.columns[at[0]:at[1]], adds, ranges)
		}
		r.runs = memory.takeRuns(runs)
	}
	return v
}

// fewRanges of a window need no memory of their own.
const fewRanges = 8

package store

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
}

// Run holds some cells in a row of one column.
type Run struct {
	at     int64     // the first cell
	cells  int64     // their number
	sealed []byte    // encoded values of the block, nil: see values
	slot   int64     // the slot in the block of the first cell
	values []float64 // of the cells
}

// snapshot takes the cells of the query's window, for each row some columns. If it is
// the only one of the query, it is trimmed.
func (g *grid) snapshot(q *Query, rows []selection, only bool) snapshot {
	v := snapshot{frequency: g.frequency, rows: make([]row, len(rows))}
	cells := ceilDiv(q.To-q.From, g.frequency)
	blocks := g.blocks.between(q.From, q.From+cells*g.frequency)
	var periods []period
	if q.Unpadded {
		periods = g.periods(rows)
	}
	for i, s := range rows {
		r, columns := &v.rows[i], s.columns
		r.from, r.cells, r.roles = q.From, cells, s.roles
		if q.Unpadded {
			r.period = periods[i]
			if only {
				r.from, r.cells = r.period.trim(r.from, r.cells, g.frequency)
			}
		}
		// There are fewer where the blocks hold other series, which may be nearly all.
		r.runs = make([]Run, 0, min(len(columns)*len(blocks), fewRuns))
		r.columns = make([]int, 0, len(columns))
		for _, c := range columns {
			g.take(r, c, blocks)
			r.columns = append(r.columns, len(r.runs))
		}
	}
	return v
}

// fewRuns is for how many runs a row gets memory before they are known.
const fewRuns = 1 << 13

// take adds the runs of a column to the row, of blocks that lie in the window.
func (g *grid) take(r *row, column int32, blocks []*block) {
	f := g.frequency
	for _, b := range blocks {
		// The cells whose times lie in the block.
		lo := max(ceilDiv(b.start-r.from, f), 0)
		hi := min(ceilDiv(b.end-r.from, f), r.cells)
		if lo >= hi || !b.has(column) {
			continue
		}
		p := Run{at: lo, cells: hi - lo, slot: (r.from + lo*f - b.start) / f}
		if b.head == nil && len(b.patches.list) == 0 {
			p.sealed = b.sealed.Column(column)
		} else {
			p.values = make([]float64, p.cells)
			b.read(p.values, column, p.slot)
		}
		r.runs = append(r.runs, p)
	}
}

package store

// view is what a grid holds in the window of a query, taken under the lock:
// references to sealed values, which are immutable, and copies of the others.
// It is decoded and combined without the lock.
type view struct {
	frequency int64
	rows      []row
}

// row becomes one series of the answer: the combination of some columns.
type row struct {
	from    int64 // time of the first cell
	cells   int64
	reach   reach   // if the query is not padded
	columns []int   // for each column where its pieces end
	roles   []role  // of the columns, as in a selection
	pieces  []piece // column after column, each in order of time
}

// piece holds some cells in a row of one column.
type piece struct {
	at     int64     // the first cell
	cells  int64     // their number
	sealed []byte    // encoded values of the block, nil: see values
	slot   int64     // the slot in the block of the first cell
	values []float64 // of the cells
}

// view takes the cells of the query's window, for each row some columns. If it is
// the only one of the query, it is trimmed.
func (g *grid) view(q *Query, rows []selection, only bool) *view {
	v := &view{frequency: g.frequency, rows: make([]row, len(rows))}
	for i, s := range rows {
		r, columns := &v.rows[i], s.columns
		r.from, r.cells, r.roles = q.From, ceilDiv(q.To-q.From, g.frequency), s.roles
		if q.Unpadded {
			r.reach = g.reach(columns)
			if only {
				r.from, r.cells = r.reach.trim(r.from, r.cells, g.frequency)
			}
		}
		first, last := g.position(r.from)-1, g.position(r.from+r.cells*g.frequency)
		r.pieces = make([]piece, 0, len(columns)*(last-max(first, 0)))
		r.columns = make([]int, 0, len(columns))
		for _, c := range columns {
			g.take(r, c)
			r.columns = append(r.columns, len(r.pieces))
		}
	}
	return v
}

// reach is when the first and the last sample are expected.
type reach struct {
	first, last int64
	some        bool // there is a sample
}

// reach returns the one of some columns.
func (g *grid) reach(columns []int32) (s reach) {
	for _, c := range columns {
		lo, hi := g.extent(c)
		s.include(reach{lo, hi, true})
	}
	return s
}

func (s *reach) include(o reach) {
	switch {
	case !o.some:
	case !s.some:
		*s = o
	default:
		s.first, s.last = min(s.first, o.first), max(s.last, o.last)
	}
}

// trim cuts the cells, of f seconds, before the first sample and those after the
// last one off.
func (s reach) trim(from, cells, f int64) (int64, int64) {
	if !s.some {
		return from, 0
	}
	// The cells whose times lie in the slots around first and last.
	skip := min(max(ceilDiv(s.first-f/2-from, f), 0), cells)
	keep := min(ceilDiv(s.last-f/2+f-from, f), cells)
	return from + skip*f, max(keep-skip, 0)
}

// take adds the pieces of a column to the row.
func (g *grid) take(r *row, column int32) {
	f := g.frequency
	end := r.from + r.cells*f
	for i := max(g.position(r.from)-1, 0); i < len(g.blocks) && g.blocks[i].start < end; i++ {
		b := g.blocks[i]
		// The cells whose times lie in the block.
		lo := max(ceilDiv(b.start-r.from, f), 0)
		hi := min(ceilDiv(b.end-r.from, f), r.cells)
		if lo >= hi || !b.has(column) {
			continue
		}
		p := piece{at: lo, cells: hi - lo, slot: (r.from + lo*f - b.start) / f}
		if b.head == nil && len(b.patches) == 0 {
			p.sealed = b.sealed.Column(column)
		} else {
			p.values = make([]float64, p.cells)
			b.read(p.values, column, p.slot)
		}
		r.pieces = append(r.pieces, p)
	}
}

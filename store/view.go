package store

// view is what a grid holds in the window of a query, taken under the lock:
// references to sealed values, which are immutable, and copies of the others.
// It is decoded and combined without the lock.
type view struct {
	frequency int64
	rows      []row
}

// row becomes one series of the answer: the sum of some columns.
type row struct {
	from    int64 // time of the first cell
	cells   int64
	columns []int   // for each column where its pieces end
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

// view takes the cells of the query's window, for each row some columns.
func (g *grid) view(q *Query, rows [][]int32) *view {
	v := &view{frequency: g.frequency, rows: make([]row, len(rows))}
	for i, columns := range rows {
		r := &v.rows[i]
		r.from, r.cells = q.From, ceilDiv(q.To-q.From, g.frequency)
		if q.Unpadded {
			r.trim(g, columns)
		}
		first, last := g.position(r.from)-1, g.position(r.from+r.cells*g.frequency)
		// There are fewer where the blocks hold other series, which may be nearly all.
		r.pieces = make([]piece, 0, min(len(columns)*(last-max(first, 0)), fewPieces))
		r.columns = make([]int, 0, len(columns))
		for _, c := range columns {
			g.take(r, c)
			r.columns = append(r.columns, len(r.pieces))
		}
	}
	return v
}

// fewPieces is for how many pieces a row gets memory before they are known.
const fewPieces = 1 << 13

// trim cuts the cells before the first sample of all columns and those after
// the last one off the row.
func (r *row) trim(g *grid, columns []int32) {
	if len(columns) == 0 {
		r.cells = 0
		return
	}
	first, last := g.extent(columns[0])
	for _, c := range columns[1:] {
		lo, hi := g.extent(c)
		first, last = min(first, lo), max(last, hi)
	}
	// The cells whose times lie in the slots around first and last.
	f := g.frequency
	skip := min(max(ceilDiv(first-f/2-r.from, f), 0), r.cells)
	keep := min(ceilDiv(last-f/2+f-r.from, f), r.cells)
	r.from += skip * f
	r.cells = max(keep-skip, 0)
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

// series decodes and combines the columns of a row.
func (v *view) series(i int, how Aggregation) Series {
	r := &v.rows[i]
	out := Series{From: r.from, To: r.from + r.cells*v.frequency, Resolution: v.frequency, Values: make([]float64, r.cells)}
	if len(r.columns) == 0 {
		fillGaps(out.Values)
		return out
	}
	begin := 0
	for n, end := range r.columns {
		next := int64(0) // the cells before it are done
		for _, p := range r.pieces[begin:end] {
			fillGaps(out.Values[next:p.at])
			next = p.at + p.cells
			p.combine(out.Values[p.at:next], n > 0)
		}
		fillGaps(out.Values[next:])
		begin = end
	}
	if n := len(r.columns); how == AggregateAvg && n > 1 {
		for i := range out.Values {
			out.Values[i] /= float64(n)
		}
	}
	return out
}

// combine writes the values of the piece to dst, or adds them to it; a gap in
// either makes a gap.
func (p *piece) combine(dst []float64, add bool) {
	switch {
	case add && p.sealed != nil:
		addSealed(dst, p.sealed, p.slot)
	case p.sealed != nil:
		decode(dst, p.sealed, p.slot)
	case add:
		for i, x := range p.values {
			dst[i] += x
		}
	default:
		copy(dst, p.values)
	}
}

package store

import "math"

// verdict says whether the columns of a row could be combined.
type verdict uint8

const (
	combined verdict = iota
	refused          // there is no way to combine them
	invalid          // nor anything else in the window, in which they have samples
)

// values decodes and combines the columns of a row. What cannot be combined becomes
// gaps.
func (v *view) values(i int, how Aggregation) ([]float64, verdict) {
	r := &v.rows[i]
	values := make([]float64, r.cells)
	switch {
	case r.roles != nil:
		return values, r.choose(values, how)
	case how == AggregateNone && len(r.columns) > 1:
		fillGaps(values)
		return values, r.refuse(0, len(r.columns))
	}
	r.combine(values, 0, len(r.columns), how)
	return values, combined
}

// column returns the pieces of a column.
func (r *row) column(n int) []piece {
	begin := 0
	if n > 0 {
		begin = r.columns[n-1]
	}
	return r.pieces[begin:r.columns[n]]
}

// combine combines the columns from one on to another one: a gap in one is one in
// all.
func (r *row) combine(values []float64, from, to int, how Aggregation) {
	if from == to {
		fillGaps(values)
		return
	}
	for n := from; n < to; n++ {
		r.add(values, n, n > from)
	}
	if n := to - from; how == AggregateAvg && n > 1 {
		for i := range values {
			values[i] /= float64(n)
		}
	}
}

// add writes a column to values, or adds it to them.
func (r *row) add(values []float64, column int, add bool) {
	next := int64(0) // the cells before it are done
	for _, p := range r.column(column) {
		fillGaps(values[next:p.at])
		next = p.at + p.cells
		p.combine(values[p.at:next], add)
	}
	fillGaps(values[next:])
}

// refuse is the verdict on columns that cannot be combined.
func (r *row) refuse(from, to int) verdict {
	buf := make([]float64, r.cells)
	for n := from; n < to; n++ {
		if r.add(buf, n, false); hasValue(buf) {
			return invalid
		}
	}
	return refused
}

func hasValue(values []float64) bool {
	for _, v := range values {
		if !math.IsNaN(v) {
			return true
		}
	}
	return false
}

func hasGap(values []float64) bool {
	for _, v := range values {
		if math.IsNaN(v) {
			return true
		}
	}
	return false
}

// choose fills the values cell by cell from the first level that has one there.
// A level that cannot be combined does not count, unless there is nothing else in
// the window.
func (r *row) choose(values []float64, how Aggregation) verdict {
	fillGaps(values)
	level := make([]float64, len(values))
	worst, best := combined, refused
	for from := 0; from < len(r.roles) && (best == refused || hasGap(values)); {
		to := from + 1
		for to < len(r.roles) && r.roles[to].level == r.roles[from].level {
			to++
		}
		if how == AggregateNone && to-from > 1 {
			worst = max(worst, r.refuse(from, to))
		} else {
			best = combined
			r.level(level, from, to, how)
			for i, v := range values {
				if math.IsNaN(v) {
					values[i] = level[i]
				}
			}
		}
		from = to
	}
	if worst == invalid && !hasValue(values) {
		return invalid
	}
	return best
}

// level combines the columns of one level.
func (r *row) level(values []float64, from, to int, how Aggregation) {
	simple := true
	for _, of := range r.roles[from:to] {
		simple = simple && of.choice == 0
	}
	if simple {
		r.combine(values, from, to, how)
		return
	}
	for i := range values {
		values[i] = math.Copysign(0, -1) // adding to it changes nothing, not even the sign of a zero
	}
	counts := make([]int, len(values)) // columns by cell
	buf := make([]float64, len(values))
	for from < to {
		end := from + 1
		for end < to && r.roles[end].member == r.roles[from].member {
			end++
		}
		r.addMember(values, counts, buf, from, end)
		from = end
	}
	if how == AggregateAvg {
		for i, n := range counts {
			values[i] /= float64(max(n, 1))
		}
	}
}

// addMember adds to each cell the first choice for a member that has a value there.
func (r *row) addMember(values []float64, counts []int, buf []float64, from, to int) {
	const none = -1
	chosen := make([]int32, len(values)) // choice by cell
	for i := range chosen {
		chosen[i] = none
	}
	for from := from; from < to; {
		end := from + 1
		for end < to && r.roles[end].choice == r.roles[from].choice {
			end++
		}
		r.combine(buf, from, end, AggregateNone)
		for i, v := range buf {
			if chosen[i] == none && !math.IsNaN(v) {
				chosen[i] = r.roles[from].choice
			}
		}
		from = end
	}
	for n := from; n < to; n++ {
		r.add(buf, n, false)
		for i, v := range buf {
			if chosen[i] == r.roles[n].choice {
				values[i] += v
				counts[i]++
			}
		}
	}
	for i, c := range chosen {
		if c == none {
			values[i] = math.NaN()
		}
	}
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

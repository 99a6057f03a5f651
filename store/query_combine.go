package store

import "math"

// verdict says whether the columns of a row could be combined.
type verdict uint8

const (
	combined verdict = iota
	refused          // there is no way to combine them
	invalid          // nor anything else in the window, in which they have samples
)

// values decodes and combines the columns of a row, in memory of the query: until those of the next
// row. What cannot be combined becomes gaps.
func (v *snapshot) values(memory *queryMemory, i int, how Aggregation) ([]float64, verdict) {
	r := &v.rows[i]
	values := memory.answerValues(r.cells)
	switch {
	case r.roles != nil:
		return values, r.choose(values, how)
	case len(r.columns) <= 1:
		r.copy(values)
		return values, combined
	case how == AggregateNone:
		fillGaps(values)
		return values, r.refuse()
	}
	next := int64(0) // the cells before it are done
	for s := range r.stretches() {
		fillGaps(values[next:s.at])
		next = s.at + s.cells
		s.combine(values[s.at:next], 0, len(r.columns), how)
	}
	fillGaps(values[next:])
	return values, combined
}

// copy writes the only column, if there is one, to values.
func (r *row) copy(values []float64) {
	next := int64(0)
	for i := range r.runs {
		one := &r.runs[i]
		at := r.cellAt(one)
		fillGaps(values[next:at])
		next = at + int64(one.cells)
		one.read(values[at:next])
	}
	fillGaps(values[next:])
}

// refuse is the verdict on all columns if they cannot be combined.
func (r *row) refuse() verdict {
	for s := range r.stretches() {
		if s.refuse(0, len(r.columns)) == invalid {
			return invalid
		}
	}
	return refused
}

// choose fills the values cell by cell from the first level that has one there.
// A level that cannot be combined does not count, unless there is nothing else in
// the window.
func (r *row) choose(values []float64, how Aggregation) verdict {
	fillGaps(values)
	best, worst := r.stretch().choose(nil, how)
	some := false
	for s := range r.stretches() {
		cells := values[s.at : s.at+s.cells]
		_, bad := s.choose(cells, how)
		worst = max(worst, bad)
		some = some || hasValue(cells)
	}
	if worst == invalid && !some {
		return invalid
	}
	return best
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

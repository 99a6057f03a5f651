package store

import (
	"math"

	"cc-metric-store/store/chunk"
)

// statistics are those of the values that were added, in order of time: floating-point sums
// depend on it.
type statistics struct {
	sum    float64
	n      int // values that are no gap
	lo, hi float64
}

func newStatistics() statistics { return statistics{lo: math.Inf(1), hi: math.Inf(-1)} }

// add adds values, but for the gaps.
func (s *statistics) add(values []float64) {
	sum, n, lo, hi := s.sum, s.n, s.lo, s.hi // in registers
	for _, v := range values {
		if math.IsNaN(v) {
			continue
		}
		sum += v
		n++
		// The builtin functions take three times as long, as they tell the zeros apart.
		if v < lo {
			lo = v
		}
		if v > hi {
			hi = v
		}
	}
	s.sum, s.n, s.lo, s.hi = sum, n, lo, hi
}

// set sets Avg, Min and Max of a series.
func (s *statistics) set(r *Series) {
	if s.n == 0 {
		r.Avg, r.Min, r.Max = math.NaN(), math.NaN(), math.NaN()
		return
	}
	r.Avg, r.Min, r.Max = s.sum/float64(s.n), s.lo, s.hi
	if math.IsInf(s.sum, 0) {
		r.Avg = math.NaN()
	}
}

// summarize sets the statistics of a series from the row that becomes it, block by block,
// so that no memory is taken for its values. It returns false if it cannot, because columns
// are chosen or refused cell by cell.
func (r *row) summarize(one *Series, q *Query, how Aggregation) bool {
	switch {
	case r.roles != nil, len(r.columns) > 1 && how == AggregateNone:
		return false
	case q.NoStats:
		return true
	}
	s := newStatistics()
	var buf [chunk.MaxSlots]float64
	if len(r.columns) <= 1 {
		for i := range r.runs {
			values := buf[:r.runs[i].cells]
			r.runs[i].read(values)
			if q.scales() { // single samples are finite
				q.scale(values)
			}
			s.add(values)
		}
	} else {
		for block := range r.stretches() {
			values := buf[:block.cells]
			block.combine(values, 0, len(r.columns), how)
			q.scale(values)
			s.add(values)
		}
	}
	s.set(one)
	return true
}

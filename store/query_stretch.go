package store

import (
	"iter"
	"math"
	"slices"

	"cc-metric-store/store/chunk"
)

// stretch is what the columns of a row have in one block. Rows are combined block by
// block, so that the parts of a host take no time where they have no samples, however
// long the window is.
type stretch struct {
	at, cells int64  // the first cell, and the number of cells, in the row
	runs      []*Run // by column, nil: no sample
	roles     []role
	scratch   *scratch
}

// scratch is what combining needs for the cells of a block.
type scratch struct {
	level, column [chunk.MaxSlots]float64
	counts        [chunk.MaxSlots]int
	chosen        [chunk.MaxSlots]int32
	columns       []int32
	runs          []*Run
	next          []int
}

// stretches returns a stretch for each block in which any column of the row has cells, in order
// of time. The stretch is valid until the next one: its memory is used again.
func (r *row) stretches() iter.Seq[*stretch] {
	return func(yield func(*stretch) bool) {
		s := r.stretch()
		next := append(s.scratch.next[:0], r.columns...)
		if n := len(next); n > 0 {
			copy(next[1:], r.columns)
			next[0] = 0
		}
		s.scratch.next = next
		for {
			var first *Run
			for n, i := range next {
				if i < r.columns[n] && (first == nil || r.runs[i].Start < first.Start) {
					first = &r.runs[i]
				}
			}
			if first == nil {
				return
			}
			// All runs of a block have the same cells.
			s.at, s.cells = r.cellAt(first), int64(first.cells)
			for n, i := range next {
				s.runs[n] = nil
				if i < r.columns[n] && r.runs[i].Start == first.Start {
					s.runs[n] = &r.runs[i]
					next[n]++
				}
			}
			if !yield(s) {
				return
			}
		}
	}
}

// stretch returns one without cells. It uses the memory of the one before.
func (r *row) stretch() *stretch {
	runs := slices.Grow(r.scratch.runs[:0], len(r.columns))[:len(r.columns)]
	clear(runs)
	r.scratch.runs = runs
	return &stretch{runs: runs, roles: r.roles, scratch: r.scratch}
}

// has reports whether all columns in [from, to) have cells in the stretch.
func (s *stretch) has(from, to int) bool {
	if s.hasTotal(from, to) {
		return true
	}
	for _, p := range s.runs[from:to] {
		if p == nil {
			return false
		}
	}
	return true
}

// hasTotal reports whether the columns in [from, to), which are those of a level, are added
// already.
func (s *stretch) hasTotal(from, to int) bool {
	return from < to && s.runs[from] != nil && s.runs[from].isTotal
}

// combine combines the columns in [from, to). A gap in one of them makes a gap.
func (s *stretch) combine(values []float64, from, to int, how Aggregation) {
	if from == to || !s.has(from, to) {
		fillGaps(values)
		return
	}
	if s.hasTotal(from, to) {
		s.runs[from].read(values)
	} else {
		s.sum(values, s.runs[from:to])
	}
	if n := to - from; how == AggregateAvg && n > 1 {
		for i := range values {
			values[i] /= float64(n)
		}
	}
}

// sum writes the sum of runs, which are there, to values.
func (s *stretch) sum(values []float64, runs []*Run) {
	first := runs[0]
	if len(runs) == 1 || first.sealed == nil {
		first.read(values)
		for _, p := range runs[1:] {
			for i, x := range p.values {
				values[i] += x
			}
		}
		return
	}
	// They are all of one block, and so all in its group.
	columns := slices.Grow(s.scratch.columns[:0], len(runs))
	for _, p := range runs {
		columns = append(columns, p.column)
	}
	s.scratch.columns = columns
	sumSealed(values, first.sealed, columns, int64(first.slot))
}

// refuse is the verdict on the columns in [from, to) if they cannot be combined.
func (s *stretch) refuse(from, to int) verdict {
	buf := s.scratch.column[:s.cells]
	for _, p := range s.runs[from:to] {
		if p == nil {
			continue
		}
		if p.read(buf); hasValue(buf) {
			return invalid
		}
	}
	return refused
}

// choose fills the values cell by cell from the first level that has one there, and
// returns the best and the worst verdict on the levels that were looked at.
func (s *stretch) choose(values []float64, how Aggregation) (best, worst verdict) {
	fillGaps(values)
	level := s.scratch.level[:len(values)]
	best, worst = refused, combined
	for from := 0; from < len(s.roles) && (best == refused || hasGap(values)); {
		to := from + 1
		for to < len(s.roles) && s.roles[to].level == s.roles[from].level {
			to++
		}
		if how == AggregateNone && to-from > 1 {
			worst = max(worst, s.refuse(from, to))
		} else {
			best = combined
			if s.level(level, from, to, how) {
				for i, v := range values {
					if math.IsNaN(v) {
						values[i] = level[i]
					}
				}
			}
		}
		from = to
	}
	return best, worst
}

// level combines the columns in [from, to), which are those of one level. It returns false if
// there are only gaps.
func (s *stretch) level(values []float64, from, to int, how Aggregation) (some bool) {
	simple := true
	for _, of := range s.roles[from:to] {
		simple = simple && of.choice == 0
	}
	if simple {
		if some = s.has(from, to); some {
			s.combine(values, from, to, how)
		}
		return some
	}
	for i := range values {
		values[i] = math.Copysign(0, -1) // adding to it changes nothing, not even the sign of a zero
	}
	counts := s.scratch.counts[:len(values)] // columns by cell
	clear(counts)
	for from < to {
		end := from + 1
		for end < to && s.roles[end].member == s.roles[from].member {
			end++
		}
		if !s.addMember(values, counts, from, end) {
			return false
		}
		from = end
	}
	if how == AggregateAvg {
		for i, n := range counts {
			values[i] /= float64(max(n, 1))
		}
	}
	return true
}

// addMember adds to each cell the value of a member, of which the columns in [from, to) are the
// choices: the first choice that has a value there. It returns false if no choice has a value
// in any cell.
func (s *stretch) addMember(values []float64, counts []int, from, to int) (some bool) {
	const none = -1
	buf := s.scratch.column[:len(values)]
	chosen := s.scratch.chosen[:len(values)] // choice by cell
	for i := range chosen {
		chosen[i] = none
	}
	for from := from; from < to; {
		end := from + 1
		for end < to && s.roles[end].choice == s.roles[from].choice {
			end++
		}
		if s.has(from, end) {
			s.combine(buf, from, end, AggregateNone)
			for i, v := range buf {
				if chosen[i] == none && !math.IsNaN(v) {
					chosen[i], some = s.roles[from].choice, true
				}
			}
		}
		from = end
	}
	if !some {
		return false
	}
	for n, p := range s.runs[from:to] {
		if p == nil {
			continue
		}
		p.read(buf)
		for i, v := range buf {
			if chosen[i] == s.roles[from+n].choice {
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
	return true
}

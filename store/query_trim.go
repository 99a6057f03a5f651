package store

import (
	"iter"
	"math"
)

// period is when the first and the last sample of something are expected, in Unix seconds.
// Without a sample, first is after last.
type period struct{ first, last int64 }

func noPeriod() period { return period{math.MaxInt64, math.MinInt64} }

// include returns the period from the first sample of both to the last one.
func (p period) include(o period) period {
	return period{min(p.first, o.first), max(p.last, o.last)}
}

// trim cuts the cells, of f seconds, before the first sample and those after the
// last one off.
func (p period) trim(from, cells, f int64) (int64, int64) {
	if p.first > p.last {
		return from, 0
	}
	// The cells whose times lie in the slots around first and last.
	skip := min(max(ceilDiv(p.first-f/2-from, f), 0), cells)
	keep := min(ceilDiv(p.last-f/2+f-from, f), cells)
	return from + skip*f, max(keep-skip, 0)
}

// periods returns when the first and the last sample of each selection are expected.
// It looks at each block twice at the most, however many columns there are.
func (g *grid) periods(rows []selection) []period {
	of := make([]period, g.columns)
	for c := range of {
		of[c] = noPeriod()
	}
	copy(of, g.extents)
	g.each(rows, g.blocks.all(), func(b *block, c int32) {
		first, _ := b.extent(c)
		of[c].first = min(of[c].first, g.centre(b, first))
	})
	g.each(rows, g.blocks.backward(), func(b *block, c int32) {
		_, last := b.extent(c)
		of[c].last = max(of[c].last, g.centre(b, last))
	})
	out := make([]period, len(rows))
	for i, row := range rows {
		out[i] = noPeriod()
		for _, c := range row.columns {
			out[i] = out[i].include(of[c])
		}
	}
	return out
}

// each calls do for each column of the rows with the first of the blocks that has a
// value of it.
func (g *grid) each(rows []selection, blocks iter.Seq[*block], do func(*block, int32)) {
	wanted, left := make([]bool, g.columns), 0
	for _, row := range rows {
		for _, c := range row.columns {
			if !wanted[c] {
				wanted[c] = true
				left++
			}
		}
	}
	for b := range blocks {
		if left == 0 {
			return
		}
		for c := range b.having(wanted) {
			if wanted[c] {
				wanted[c] = false
				left--
				do(b, c)
			}
		}
	}
}

// having returns those of the wanted columns that have a value, some of them several
// times.
func (b *block) having(wanted []bool) iter.Seq[int32] {
	return func(yield func(int32) bool) {
		if b.head != nil {
			for c, w := range wanted {
				if w && b.head.has(int32(c)) && !yield(int32(c)) {
					return
				}
			}
			return
		}
		for _, p := range b.patches.list {
			if wanted[p.column] && !yield(p.column) {
				return
			}
		}
		for c := range b.sealed.All() {
			if wanted[c] && !yield(c) {
				return
			}
		}
	}
}

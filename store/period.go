package store

import (
	"iter"
	"math"
)

// period is from when to when samples are expected.
type period struct{ first, last int64 }

// periods returns when the first and the last sample of each row of columns are
// expected; in that of a row without a sample first is after last. It looks at each
// block twice at the most, however many columns there are.
func (g *grid) periods(rows [][]int32) []period {
	none := period{math.MaxInt64, math.MinInt64}
	of := make([]period, g.columns)
	for c := range of {
		of[c] = none
	}
	g.each(rows, g.blocks.all(), func(b *block, c int32) {
		first, _ := b.extent(c)
		of[c].first = g.centre(b, first)
	})
	g.each(rows, g.blocks.backward(), func(b *block, c int32) {
		_, last := b.extent(c)
		of[c].last = g.centre(b, last)
	})
	out := make([]period, len(rows))
	for i, columns := range rows {
		out[i] = none
		for _, c := range columns {
			out[i] = period{min(out[i].first, of[c].first), max(out[i].last, of[c].last)}
		}
	}
	return out
}

// each calls do for each column of the rows with the first of the blocks that has a
// value of it.
func (g *grid) each(rows [][]int32, blocks iter.Seq[*block], do func(*block, int32)) {
	wanted, left := make([]bool, g.columns), 0
	for _, columns := range rows {
		for _, c := range columns {
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

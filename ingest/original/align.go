package original

import (
	"cmp"
	"hash/maphash"
	"math"
	"slices"
)

// Where no file of a host tells the phase of its samples, each snapshot begins at a time of its own within a slot, and
// the times of its values are those of its begin. Taken as they are, the times of two snapshots fall into the same
// slots of the store where one ends and the other begins, and samples are lost, or there twice.
//
// So the first such snapshot says what the phase is, for all series of the host with this interval, as they are sent together.
// The slot of a later time is one of two then: that of the time before which the phase gives, or the next one. Values
// tell which: if a series has another value there already, this is the next one. Each time this narrows down
// where in their slots the times of the first snapshot are, which tells it where no values do.

// aligner gives the runs of a host that are loose the same phase.
type aligner struct {
	grids map[int64]*grid // by interval
	ends  map[uint64]end  // the newest sample of each series, by its hash
	seed  maphash.Seed
}

// grid is the phase of an interval.
type grid struct {
	step, offset int64
	// The times of the grid are at least so far behind the begin of their slots, and less far than that.
	least, below int64
	// The newest times with another phase, and how far they are moved.
	other, moved int64
}

type end struct {
	at    int64
	value float64
}

// exactGrid is that of samples with a phase that is known: their slots begin half an interval before them.
func exactGrid(step, offset int64) *grid {
	offset = modulo(offset, step)
	return &grid{step: step, offset: offset, least: step / 2, below: step/2 + 1, other: offset}
}

// maxEnds bounds the samples that are remembered.
const maxEnds = 1 << 18

func newAligner() *aligner {
	return &aligner{grids: map[int64]*grid{}, ends: map[uint64]end{}, seed: maphash.MakeSeed()}
}

// align moves the runs that are loose, by less than two intervals.
func (a *aligner) align(runs []run) {
	var loose []*run
	for i := range runs {
		if r := &runs[i]; r.loose && r.series != nil && r.step > 1 && len(r.values) > 0 {
			loose = append(loose, r)
		}
	}
	slices.SortStableFunc(loose, func(a, b *run) int { return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.at, b.at)) })
	for from, to := 0, 0; from < len(loose); from = to {
		step, phase := loose[from].step, modulo(loose[from].at, loose[from].step)
		for to = from; to < len(loose) && loose[to].step == step && modulo(loose[to].at, step) == phase; to++ {
		}
		a.move(loose[from:to], step, phase)
	}
}

// move moves runs that have one interval and one phase.
func (a *aligner) move(runs []*run, step, phase int64) {
	g := a.grids[step]
	if g == nil {
		g = &grid{step: step, offset: phase, below: step, other: phase}
		a.grids[step] = g
	}
	if phase != g.other {
		g.other, g.moved = phase, a.distance(g, runs, modulo(phase-g.offset, step))
	}
	if g.moved < step { // further, it is no border: the values of the same samples differ
		if isFree, _ := a.compare(runs, g.moved); !isFree { // where no value told it, it was wrong before
			g.moved += step
		}
	}
	for _, r := range runs {
		r.at += g.moved
		if len(a.ends) >= maxEnds {
			clear(a.ends)
		}
		for i := len(r.values) - 1; i >= 0; i-- {
			if v := r.values[i]; !math.IsNaN(v) {
				a.ends[a.hash(r)] = end{r.at + int64(i)*step, v}
				break
			}
		}
	}
}

// distance returns how far runs are moved that begin so long after a time of the grid: to that time, or to the next one.
func (a *aligner) distance(g *grid, runs []*run, after int64) int64 {
	if after == 0 {
		return 0
	}
	back, on := -after, g.step-after
	border := on // the slot ends before the times of the runs if it begins so long before those of the grid, or longer
	switch isFree, isSame := a.compare(runs, back); {
	case !isFree:
		if g.least = max(g.least, border); g.least >= g.below {
			g.least, g.below = border, g.step
		}
		return on
	case isSame:
		if g.below = min(g.below, border); g.least >= g.below {
			g.least, g.below = 0, border
		}
		return back
	case 2*border <= g.least+g.below:
		return on
	}
	return back
}

// compare looks at the newest values of series, where the runs have others if they are moved. isFree says that none of them is
// another one, isSame that some are the same.
func (a *aligner) compare(runs []*run, moved int64) (isFree, isSame bool) {
	for _, r := range runs {
		last, ok := a.ends[a.hash(r)]
		i := (last.at - r.at - moved) / r.step
		switch {
		case !ok || i < 0 || i >= int64(len(r.values)) || r.at+moved+i*r.step != last.at || math.IsNaN(r.values[i]):
		case last.value != r.values[i]:
			return false, false
		default:
			isSame = isSame || !isConstant(r.values)
		}
	}
	return true, isSame
}

// isConstant reports whether there are several values, and all are the same: these tell nothing.
func isConstant(values []float64) bool {
	n, first := 0, 0.0
	for _, v := range values {
		switch {
		case math.IsNaN(v):
			continue
		case n == 0:
			first = v
		case v != first:
			return false
		}
		n++
	}
	return n > 1
}

func (a *aligner) hash(r *run) uint64 { return maphash.Bytes(a.seed, r.series.line) }

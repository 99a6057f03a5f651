package original

import (
	"cmp"
	"container/heap"
	"math"
	"slices"
)

// maxHeld bounds the values that are held to be put in order.
const maxHeld = 4 << 20

// run is consecutive values of a series in a snapshot; NaN is a gap.
type run struct {
	series *Series
	at     int64 // of the first value
	step   int64 // seconds
	loose  bool  // its times are somewhere in their slots
	values []float64
}

// snapshot takes the runs of a snapshot, which come series after series, and hands them on in
// order of time, as they were sent. So they take the same way as new samples, which is quickest.
// Of a large snapshot it does so part by part.
type snapshot struct {
	single bool // the values were float32
	emit   func(Sample) error
	align  *aligner // nil: no run is loose
	runs   []run
	held   int
}

// begin begins a run. Those of a nil series are not handed on.
func (s *snapshot) begin(series *Series, at, step int64, loose bool) error {
	var err error
	if s.held >= maxHeld {
		err = s.flush()
	}
	s.runs = append(s.runs, run{series: series, at: at, step: step, loose: loose})
	s.held += 16 // what a run itself takes, in values
	return err
}

// add adds a value to the newest run.
func (s *snapshot) add(v float64) error {
	last := &s.runs[len(s.runs)-1]
	if last.series == nil {
		return nil
	}
	last.values = append(last.values, v)
	if s.held++; s.held < maxHeld {
		return nil
	}
	next := *last
	next.at += int64(len(next.values)) * next.step
	next.values = nil
	err := s.flush()
	s.runs = append(s.runs, next)
	return err
}

// flush hands on what is held.
func (s *snapshot) flush() error {
	if s.align != nil {
		s.align.align(s.runs)
	}
	// Runs with the same times are a group: of them, tick after tick is handed on.
	slices.SortStableFunc(s.runs, func(a, b run) int { return cmp.Or(cmp.Compare(a.step, b.step), cmp.Compare(a.at, b.at)) })
	var groups groupHeap
	for from, to := 0, 0; from < len(s.runs); from = to {
		g := &group{at: s.runs[from].at, step: s.runs[from].step}
		for to = from; to < len(s.runs) && s.runs[to].at == g.at && s.runs[to].step == g.step; to++ {
			g.ticks = max(g.ticks, len(s.runs[to].values))
		}
		if g.runs = s.runs[from:to]; g.ticks > 0 {
			groups = append(groups, g)
		}
	}
	heap.Init(&groups)
	for len(groups) > 0 {
		g := groups[0]
		for _, r := range g.runs {
			if g.tick >= len(r.values) || math.IsNaN(r.values[g.tick]) {
				continue
			}
			if err := s.emit(Sample{Series: r.series, Time: g.at, Value: r.values[g.tick], single: s.single}); err != nil {
				return err
			}
		}
		g.at += g.step
		if g.tick++; g.tick < g.ticks {
			heap.Fix(&groups, 0)
		} else {
			heap.Pop(&groups)
		}
	}
	s.runs, s.held = nil, 0
	return nil
}

// group is runs with the same times.
type group struct {
	at, step    int64
	tick, ticks int
	runs        []run
}

// groupHeap has the group that comes next first.
type groupHeap []*group

func (h groupHeap) Len() int           { return len(h) }
func (h groupHeap) Less(i, j int) bool { return h[i].at < h[j].at }
func (h groupHeap) Swap(i, j int)      { h[i], h[j] = h[j], h[i] }
func (h *groupHeap) Push(x any)        { *h = append(*h, x.(*group)) }
func (h *groupHeap) Pop() any {
	old := *h
	last := old[len(old)-1]
	*h = old[:len(old)-1]
	return last
}

package store

import (
	"iter"
	"slices"
)

// maxRun is so small that a block in the middle of a run moves few others, and so
// large that there are few runs.
const maxRun = 512

// blockList holds blocks in order of their times, in runs, so that one in the
// middle of a million moves those of its run alone.
type blockList struct {
	runs [][]*block // none is empty
	n    int
}

func (l *blockList) len() int { return l.n }

// first returns the oldest block, nil if there is none.
func (l *blockList) first() *block {
	if l.n == 0 {
		return nil
	}
	return l.runs[0][0]
}

// last returns the newest block, nil if there is none.
func (l *blockList) last() *block {
	if l.n == 0 {
		return nil
	}
	run := l.runs[len(l.runs)-1]
	return run[len(run)-1]
}

// after returns the place of the first block that starts after t: a run and an
// index into it, both of the last run if there is none.
func (l *blockList) after(t int64) (run, at int) {
	if l.n == 0 {
		return 0, 0
	}
	if run = len(l.runs) - 1; run > 0 {
		// The last run that does not begin after t, or the first one.
		run = max(search(len(l.runs), func(i int) bool { return l.runs[i][0].start > t })-1, 0)
	}
	r := l.runs[run]
	if r[len(r)-1].start <= t { // the usual case
		return run, len(r)
	}
	return run, search(len(r), func(i int) bool { return r[i].start > t })
}

// search returns the first of n for which is holds, as it does for all that follow.
func search(n int, is func(int) bool) int {
	lo, hi := 0, n
	for lo < hi {
		if mid := int(uint(lo+hi) >> 1); is(mid) {
			hi = mid
		} else {
			lo = mid + 1
		}
	}
	return lo
}

// around returns the last block that starts at or before t, and the first one
// that starts after it, nil if there is none such.
func (l *blockList) around(t int64) (before, after *block) {
	if l.n == 0 {
		return nil, nil
	}
	run, at := l.after(t)
	r := l.runs[run]
	if at > 0 {
		before = r[at-1] // none of the run before if at is 0: then it is the first run
	}
	switch {
	case at < len(r):
		after = r[at]
	case run+1 < len(l.runs):
		after = l.runs[run+1][0]
	}
	return before, after
}

// insert adds a block.
func (l *blockList) insert(b *block) {
	l.n++
	if l.n == 1 {
		l.runs = append(l.runs, []*block{b})
		return
	}
	run, at := l.after(b.start)
	r := l.runs[run]
	if len(r) < maxRun {
		l.runs[run] = slices.Insert(r, at, b)
		return
	}
	switch {
	case at == len(r): // as in order of time
		l.runs = slices.Insert(l.runs, run+1, []*block{b})
	case at == 0: // as backwards
		l.runs = slices.Insert(l.runs, run, []*block{b})
	default:
		half := append(make([]*block, 0, maxRun), r[maxRun/2:]...)
		clear(r[maxRun/2:])
		l.runs[run] = r[:maxRun/2]
		l.runs = slices.Insert(l.runs, run+1, half)
		if at > maxRun/2 {
			run, at = run+1, at-maxRun/2
		}
		l.runs[run] = slices.Insert(l.runs[run], at, b)
	}
}

// remove takes a block away, if it is there.
func (l *blockList) remove(b *block) bool {
	run, at := l.after(b.start)
	if l.n == 0 || at == 0 || l.runs[run][at-1] != b {
		return false
	}
	l.n--
	r := slices.Delete(l.runs[run], at-1, at)
	l.runs[run] = r
	switch {
	case len(r) == 0:
		l.runs = slices.Delete(l.runs, run, run+1)
	case run > 0 && len(l.runs[run-1])+len(r) <= maxRun/2:
		l.join(run - 1)
	case run+1 < len(l.runs) && len(r)+len(l.runs[run+1]) <= maxRun/2:
		l.join(run)
	}
	return true
}

// join makes one of a run and the one after it.
func (l *blockList) join(run int) {
	l.runs[run] = append(l.runs[run], l.runs[run+1]...)
	l.runs = slices.Delete(l.runs, run+1, run+2)
}

// all returns the blocks, oldest first, backward newest first. Nothing is added or
// removed meanwhile.
func (l *blockList) all() iter.Seq[*block] {
	return func(yield func(*block) bool) {
		for _, r := range l.runs {
			for _, b := range r {
				if !yield(b) {
					return
				}
			}
		}
	}
}

func (l *blockList) backward() iter.Seq[*block] {
	return func(yield func(*block) bool) {
		for _, r := range slices.Backward(l.runs) {
			for _, b := range slices.Backward(r) {
				if !yield(b) {
					return
				}
			}
		}
	}
}

// next returns the first n blocks that start at from or later, in a slice of its own.
func (l *blockList) next(from int64, n int) []*block {
	var out []*block
	if l.n == 0 {
		return nil
	}
	for run, at := l.after(from - 1); run < len(l.runs) && len(out) < n; run, at = run+1, 0 {
		r := l.runs[run][at:]
		out = append(out, r[:min(len(r), n-len(out))]...)
	}
	return out
}

// between returns the blocks that hold a time from from on and before to. It is to
// be read until the list changes.
func (l *blockList) between(from, to int64) []*block {
	if l.n == 0 || from >= to {
		return nil
	}
	run, at := l.after(from)
	if at > 0 && l.runs[run][at-1].end > from {
		at--
	}
	last, end := l.after(to - 1)
	if run == last {
		return l.runs[run][at:end]
	}
	out := append([]*block(nil), l.runs[run][at:]...)
	for _, r := range l.runs[run+1 : last] {
		out = append(out, r...)
	}
	return append(out, l.runs[last][:end]...)
}

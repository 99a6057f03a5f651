package store

import (
	"iter"
	"slices"
)

// maxRun is the largest number of blocks in a run. It is so small that inserting one moves few
// others, and so large that there are few runs.
const maxRun = 512

// blockList holds blocks in order of their times. They lie in runs, so that inserting one in
// the middle of a million moves only those of its run.
type blockList struct {
	runs   [][]*block // none is empty
	firsts []int64    // start of the first block of each run
	n      int
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

// spot is where a block is, or would be, in a list. It is valid until the list changes.
type spot struct {
	run, at int // at may be behind the last block of the run
}

// after returns the spot of the first block that starts after t, or the one behind all blocks.
func (l *blockList) after(t int64) spot {
	if l.n == 0 {
		return spot{}
	}
	run := len(l.runs) - 1
	if run > 0 {
		// The last run that does not begin after t, or the first one.
		run = max(search(len(l.firsts), func(i int) bool { return l.firsts[i] > t })-1, 0)
	}
	r := l.runs[run]
	if r[len(r)-1].start <= t { // the usual case
		return spot{run, len(r)}
	}
	return spot{run, search(len(r), func(i int) bool { return r[i].start > t })}
}

// search returns the first i below n for which is(i) holds, n if there is none. If it holds for
// one, it holds for all that follow.
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

// around returns the blocks before and at a spot that after returned, nil where there is none.
func (l *blockList) around(s spot) (before, after *block) {
	if l.n == 0 {
		return nil, nil
	}
	r := l.runs[s.run]
	if s.at > 0 {
		before = r[s.at-1] // otherwise it is the first run
	}
	switch {
	case s.at < len(r):
		after = r[s.at]
	case s.run+1 < len(l.runs):
		after = l.runs[s.run+1][0]
	}
	return before, after
}

// insert adds a block at the spot that after returns for its start, or for any time between its
// neighbours.
func (l *blockList) insert(s spot, b *block) {
	l.n++
	if l.n == 1 {
		l.addRun(0, []*block{b})
		return
	}
	r := l.runs[s.run]
	switch {
	case len(r) < maxRun:
	case s.at == len(r): // blocks come in order of time
		l.addRun(s.run+1, []*block{b})
		return
	case s.at == 0: // blocks come in reverse order
		l.addRun(s.run, []*block{b})
		return
	default:
		half := append(make([]*block, 0, maxRun), r[maxRun/2:]...)
		clear(r[maxRun/2:])
		l.runs[s.run] = r[:maxRun/2]
		l.addRun(s.run+1, half)
		if s.at > maxRun/2 {
			s = spot{s.run + 1, s.at - maxRun/2}
		}
	}
	l.runs[s.run] = slices.Insert(l.runs[s.run], s.at, b)
	l.firsts[s.run] = l.runs[s.run][0].start
}

func (l *blockList) addRun(at int, run []*block) {
	l.runs = slices.Insert(l.runs, at, run)
	l.firsts = slices.Insert(l.firsts, at, run[0].start)
}

func (l *blockList) removeRun(at int) {
	l.runs = slices.Delete(l.runs, at, at+1)
	l.firsts = slices.Delete(l.firsts, at, at+1)
}

// remove removes a block. It returns false if the block is not there.
func (l *blockList) remove(b *block) bool {
	s := l.after(b.start)
	if before, _ := l.around(s); before != b {
		return false
	}
	l.n--
	r := slices.Delete(l.runs[s.run], s.at-1, s.at)
	l.runs[s.run] = r
	if len(r) == 0 {
		l.removeRun(s.run)
		return true
	}
	l.firsts[s.run] = r[0].start
	for _, first := range [2]int{s.run - 1, s.run} {
		if first >= 0 && first+1 < len(l.runs) && len(l.runs[first])+len(l.runs[first+1]) <= maxRun/2 {
			l.runs[first] = append(l.runs[first], l.runs[first+1]...)
			l.removeRun(first + 1)
			break
		}
	}
	return true
}

// all returns the blocks, oldest first. Nothing is inserted or removed meanwhile.
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

// backward returns the blocks, newest first. Nothing is inserted or removed meanwhile.
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

// next returns the first n blocks that start at from or later, in a new slice.
func (l *blockList) next(from int64, n int) []*block {
	var out []*block
	if l.n == 0 {
		return nil
	}
	for s := l.after(from - 1); s.run < len(l.runs) && len(out) < n; s = (spot{s.run + 1, 0}) {
		r := l.runs[s.run][s.at:]
		out = append(out, r[:min(len(r), n-len(out))]...)
	}
	return out
}

// some returns the first blocks that start in [from, to), at most n, and whether there are more. They
// are of one run. The slice is valid until the list changes.
func (l *blockList) some(from, to int64, n int) (blocks []*block, more bool) {
	if l.n == 0 {
		return nil, false
	}
	s := l.after(from - 1)
	if s.at == len(l.runs[s.run]) {
		if s = (spot{s.run + 1, 0}); s.run == len(l.runs) {
			return nil, false
		}
	}
	r := l.runs[s.run][s.at:]
	end := len(r)
	if r[end-1].start >= to {
		end = search(len(r), func(i int) bool { return r[i].start >= to })
	} else {
		more = s.run+1 < len(l.runs) && l.firsts[s.run+1] < to
	}
	return r[:min(end, n)], more || end > n
}

// between returns the blocks that cover a time in [from, to). The slice is valid until the list
// changes.
func (l *blockList) between(from, to int64) []*block {
	if l.n == 0 || from >= to {
		return nil
	}
	begin, end := l.after(from), l.after(to-1)
	if before, _ := l.around(begin); before != nil && before.end > from {
		begin.at--
	}
	if begin.run == end.run {
		return l.runs[begin.run][begin.at:end.at]
	}
	out := slices.Clone(l.runs[begin.run][begin.at:])
	for _, r := range l.runs[begin.run+1 : end.run] {
		out = append(out, r...)
	}
	return append(out, l.runs[end.run][:end.at]...)
}

// count returns the number of blocks that cover a time in [from, to).
func (l *blockList) count(from, to int64) (n int) {
	if l.n == 0 || from >= to {
		return 0
	}
	begin, end := l.after(from), l.after(to-1)
	if before, _ := l.around(begin); before != nil && before.end > from {
		n++
	}
	for run := begin.run; run < end.run; run++ {
		n += len(l.runs[run])
	}
	return n + end.at - begin.at
}

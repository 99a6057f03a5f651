package store

import (
	"math"
	"slices"

	"cc-metric-store/store/chunk"
)

// Free drops old samples of the selected series: of each series, those blocks whose last sample
// ends before the given time (Unix seconds). Series, hosts and so on that become empty go, too.
// It returns how many blocks of series were freed.
//
// A selector names a cluster, a host, a part and a second level, each one optional; an empty
// one selects everything, an unknown one nothing. Free passes once over the hosts, however many
// selectors there are. entry is the entry of the log with the free request; hosts on which it
// or a later one took effect are left alone.
func (s *Store) Free(selectors [][]string, before int64, entry Entry) int {
	selected := newSelectorTree(selectors)
	freed := 0
	var one freeing
	s.eachHost(func(k hostKey) bool { return selected.host(k) != nil }, func(h *host) (int, bool) {
		if one.host != h {
			if h.applied.covers(entry) {
				return 0, false
			}
			one = freeing{store: s, host: h, selector: selected.host(h.key), before: before, from: -math.MaxInt64}
		}
		n, more := one.runLocked()
		if entry.Seq != 0 && !more {
			h.applied = entry
		}
		freed += n
		return n, more
	})
	s.counters.freed.Add(int64(freed))
	return freed
}

// freeRun is the number of blocks freed under one hold of the stripe lock.
const freeRun = 1024

// eachHost calls do for each selected host, again as long as do returns more, and then prunes
// the host if do freed something. It holds the lock of the stripe during each call of do, and
// releases it in between.
func (s *Store) eachHost(selected func(hostKey) bool, do func(*host) (freed int, more bool)) {
	var keys []hostKey
	for i := range s.stripes {
		st := &s.stripes[i]
		keys = keys[:0]
		st.mu.RLock()
		for k := range st.hosts {
			if selected(k) {
				keys = append(keys, k)
			}
		}
		st.mu.RUnlock()
		for _, k := range keys {
			for more := true; more; {
				more = s.callHost(st, k, do)
			}
		}
	}
}

// callHost makes one call of do for eachHost.
func (s *Store) callHost(st *stripe, k hostKey, do func(*host) (int, bool)) (more bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hosts[k]
	if h == nil {
		return false
	}
	freed, more := do(h)
	if h.dropped += freed; h.dropped > 0 && !more {
		s.pruneLocked(st, h)
	}
	return more
}

// freeing drops the selected values of a host, some blocks at a time.
type freeing struct {
	store    *Store
	host     *host
	selector *selectorTree // of parts
	before   int64

	selected   [][]bool // columns, by grid
	generation uint32   // of the host, and its number of series, when they were selected
	series     int
	grid       int   // index of the next grid
	from       int64 // the blocks of it before this time are done
}

// runLocked goes on for some blocks. It returns more as long as it is not done.
func (f *freeing) runLocked() (freed int, more bool) {
	h := f.host
	if f.selected == nil && !h.mayEndBefore(f.before) {
		return 0, false
	}
	if f.selected == nil || f.generation != h.generation || f.series != len(h.series) {
		f.selectColumnsLocked()
	}
	budget := freeRun
	// A grid that is new since the columns were selected has no series.
	for ; f.grid < len(f.selected); f.grid, f.from = f.grid+1, -math.MaxInt64 {
		g := h.grids[f.grid]
		if g == nil || f.selected[f.grid] == nil {
			continue
		}
		for _, b := range g.blocks.next(f.from, budget) {
			if g.centre(b, 1) >= f.before {
				break // even a sample in the first slot would end later
			}
			budget--
			f.from = b.end
			freed += f.store.freeBlockLocked(g, b, f.selected[f.grid], f.before)
		}
		if budget == 0 {
			return freed, true
		}
	}
	return freed, false
}

// mayEndBefore reports whether the host can have a value in a slot that ends before the given
// time.
func (h *host) mayEndBefore(before int64) bool {
	return slices.ContainsFunc(h.grids, func(g *grid) bool {
		return g != nil && g.blocks.len() > 0 && g.centre(g.blocks.first(), 1) < before
	})
}

// selectColumnsLocked finds the columns of the selected series.
func (f *freeing) selectColumnsLocked() {
	h := f.host
	f.generation, f.series = h.generation, len(h.series)
	f.selected = make([][]bool, len(h.grids))
	for k, c := range h.series {
		if f.selector.part(h.parts[k.part]) {
			i := f.store.metrics.at(k.metric).grid
			if f.selected[i] == nil {
				f.selected[i] = make([]bool, h.grids[i].columns)
			}
			f.selected[i][c] = true
		}
	}
}

// freeBlockLocked drops those selected columns of the block whose last sample ends before the
// given time, and the block if nothing is left of it. It returns how many columns it dropped.
func (s *Store) freeBlockLocked(g *grid, b *block, selected []bool, before int64) int {
	whole := g.centre(b, b.slots) < before
	var dropped []int32
	for c := range b.present(g.columns) {
		if !selected[c] {
			continue
		}
		if !whole {
			if _, last := b.extent(c); g.centre(b, last+1) >= before {
				continue
			}
		}
		dropped = append(dropped, c)
	}
	if len(dropped) > 0 {
		s.archived.leaving.free(b)
		s.dropColumnsLocked(g, b, dropped)
	}
	return len(dropped)
}

// dropColumnsLocked drops columns of a block, which are given in ascending order, and the block
// if nothing is left of it.
func (s *Store) dropColumnsLocked(g *grid, b *block, dropped []int32) {
	worker := s.sealers.Get().(*chunk.GroupBuilder)
	defer s.sealers.Put(worker)
	open := g.isOpen(b)
	if !open {
		g.count(b, -1)
	}
	hasValues := false
	s.resizeLocked(b, func() { hasValues = b.drop(dropped, worker) })
	if !open {
		g.count(b, 1)
	}
	if !hasValues {
		s.removeBlockLocked(g, b)
	}
}

package store

import (
	"math"
	"slices"

	"cc-metric-store/store/chunk"
)

// Free drops the values of whole blocks, series by series, below each selector
// if the last one ends before the given time (Unix seconds), and what becomes
// empty with them. It returns the number of series' blocks freed. A selector
// names a cluster, a host, a part and a second level, each one optional; an
// empty one selects everything, an unknown one nothing. It passes once over the
// hosts, however many selectors there are. entry is the entry of the
// log that asks for it; hosts on which later ones took effect are left alone.
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

// eachHost calls do for each host that is selected, again as long as do returns
// true, and then prunes the host if do freed something. It holds one stripe lock for
// one call of do.
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

func (s *Store) callHost(st *stripe, k hostKey, do func(*host) (int, bool)) (more bool) {
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hosts[k]
	if h == nil {
		return false
	}
	freed, more := do(h)
	if h.lost += freed; h.lost > 0 && !more {
		s.pruneLocked(st, h)
	}
	return more
}

// freeing drops the selected values of a host.
type freeing struct {
	store    *Store
	host     *host
	selector *selectorTree // of parts
	before   int64

	selected   [][]bool // columns, by grid
	generation uint32   // of the host, and its number of series, when they were selected
	series     int
	grid       int   // the next one
	from       int64 // its blocks before this time are done
}

// runLocked goes on for some blocks. It returns false if it is done with all.
func (f *freeing) runLocked() (freed int, more bool) {
	h := f.host
	if f.selected == nil && !h.mayEndBefore(f.before) {
		return 0, false
	}
	if f.selected == nil || f.generation != h.generation || f.series != len(h.series) {
		f.selectColumnsLocked()
	}
	left := freeRun
	// A grid that is new since the columns were selected has no series.
	for ; f.grid < len(f.selected); f.grid, f.from = f.grid+1, -math.MaxInt64 {
		g := h.grids[f.grid]
		if g == nil || f.selected[f.grid] == nil {
			continue
		}
		for _, b := range g.blocks.next(f.from, left) {
			if g.centre(b, 1) >= f.before {
				break // even a sample in the first slot would end later
			}
			left--
			f.from = b.end
			freed += f.store.freeBlockLocked(g, b, f.selected[f.grid], f.before)
		}
		if left == 0 {
			return freed, true
		}
	}
	return freed, false
}

// mayEndBefore reports whether any value can be of a slot that ends before the given
// time.
func (h *host) mayEndBefore(before int64) bool {
	return slices.ContainsFunc(h.grids, func(g *grid) bool {
		return g != nil && g.blocks.len() > 0 && g.centre(g.blocks.first(), 1) < before
	})
}

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

// freeBlockLocked drops those of the selected columns whose last sample in the block ends
// before the given time, and the block if nothing is left of it. It returns how many
// there were.
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
		s.dropColumnsLocked(g, b, dropped)
	}
	return len(dropped)
}

// dropColumnsLocked drops columns, ascending, of a block, and the block if nothing is left
// of it.
func (s *Store) dropColumnsLocked(g *grid, b *block, dropped []int32) {
	worker := s.sealers.Get().(*chunk.GroupBuilder)
	defer s.sealers.Put(worker)
	open := g.isOpen(b)
	if !open {
		g.count(b, -1)
	}
	left := false
	s.resizeLocked(b, func() { left = b.drop(dropped, worker) })
	if !open {
		g.count(b, 1)
	}
	if !left {
		s.removeBlockLocked(g, b)
	}
}

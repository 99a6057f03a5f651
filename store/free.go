package store

import (
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
	selected := newSelection(selectors)
	freed := 0
	s.eachHost(func(k hostKey) bool { return selected.host(k) != nil }, func(h *host) int {
		if h.applied.covers(entry) {
			return 0
		}
		n := s.freeHost(h, selected.host(h.key), before)
		if entry.Number != 0 {
			h.applied = entry
		}
		freed += n
		return n
	})
	s.counters.freed.Add(int64(freed))
	return freed
}

// eachHost calls do for each host that is selected, which it prunes if do
// freed something. It holds one stripe lock for one host at a time.
func (s *Store) eachHost(selected func(hostKey) bool, do func(*host) int) {
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
			st.mu.Lock()
			if h := st.hosts[k]; h != nil && do(h) > 0 {
				s.prune(st, h)
			}
			st.mu.Unlock()
		}
	}
}

// freeHost drops the selected columns of blocks that end before the given time.
func (s *Store) freeHost(h *host, selected *selection, before int64) (freed int) {
	if !slices.ContainsFunc(h.grids, func(g *grid) bool { return g != nil && g.mayEndBefore(before) }) {
		return 0
	}
	columns := make([][]int32, len(h.grids)) // by grid
	for k, c := range h.series {
		if selected.part(h.parts[k.part]) {
			i := s.metrics.grids[k.metric]
			columns[i] = append(columns[i], c)
		}
	}
	for i, g := range h.grids {
		if g == nil || len(columns[i]) == 0 {
			continue
		}
		for at := 0; at < len(g.blocks); {
			b := g.blocks[at]
			ending := g.endingBefore(b, columns[i], before)
			freed += len(ending)
			if len(ending) > 0 && !s.dropColumns(g, b, ending) {
				continue // the block is gone
			}
			at++
		}
	}
	return freed
}

// mayEndBefore reports whether any value can be of a slot that ends before the
// given time.
func (g *grid) mayEndBefore(before int64) bool {
	return len(g.blocks) > 0 && g.centre(g.blocks[0], 1) < before
}

// endingBefore returns those of the columns whose last sample in the block ends
// before the given time.
func (g *grid) endingBefore(b *block, columns []int32, before int64) []int32 {
	if g.centre(b, 1) >= before {
		return nil // the first slot alone ends later
	}
	whole := g.centre(b, b.slots) < before
	var out []int32
	for _, c := range columns {
		if !b.has(c) {
			continue
		}
		if !whole {
			if _, last := b.extent(c); g.centre(b, last+1) >= before {
				continue
			}
		}
		out = append(out, c)
	}
	return out
}

// dropColumns drops columns of a block, and the block if nothing is left of it.
func (s *Store) dropColumns(g *grid, b *block, columns []int32) (left bool) {
	worker := s.sealers.Get().(*chunk.GroupBuilder)
	defer s.sealers.Put(worker)
	s.resize(b, func() { left = b.drop(columns, g.columns, worker) })
	if !left {
		s.removeBlock(g, b)
	}
	return left
}

// matches reports whether the part lies at or below the level that the last
// elements of a selector name. No level has an empty name.
func (p Part) matches(selector []string) bool {
	for i, level := range []string{p.level(), p.sublevel()} {
		if i < len(selector) && (level == "" || level != selector[i]) {
			return false
		}
	}
	return len(selector) <= 2
}

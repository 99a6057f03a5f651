package store

import (
	"maps"
	"slices"
)

// dropArchived drops blocks of one host, but none that changed since it was written: what is new
// of it goes with the next pass.
func (s *Store) dropArchived(blocks []leavingBlock) (freed int) {
	st := s.stripeOf(blocks[0].host)
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hosts[blocks[0].host]
	if h == nil {
		return 0
	}
	for i := range blocks {
		one := &blocks[i]
		g := h.grid(uint16(one.grid))
		if g == nil || !one.isUnchanged() {
			continue
		}
		all := g.blocks.len()
		if s.removeBlockLocked(g, one.block); g.blocks.len() < all {
			freed += one.sealed.Count()
		}
	}
	if h.dropped += freed; h.dropped > 0 {
		s.pruneLocked(st, h)
	}
	return freed
}

// isUnchanged reports whether the block has the values that were written.
func (b *leavingBlock) isUnchanged() bool {
	now := b.block
	return now.head == nil && len(now.patches.list) == 0 && len(now.sealed) > 0 && &now.sealed[0] == &b.sealed[0]
}

// pressure returns the time in Unix seconds before which the blocks are to leave memory, so that
// the memory cap does not drop any: false while there is room. The newest block of each grid
// stays.
func (s *Store) pressure() (before int64, ok bool) {
	used := s.usedBytes.Load()
	if s.cfg.MemoryCap == 0 || used < s.cfg.MemoryCap/8*7 {
		return 0, false
	}
	const step = 600 // seconds
	ends := map[int64]int64{}
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		for _, h := range st.hosts {
			for _, g := range h.grids {
				if g == nil {
					continue
				}
				newest := g.blocks.last()
				for b := range g.blocks.all() {
					if b != newest {
						ends[floorDiv(b.end+g.frequency/2, step)] += b.size()
					}
				}
			}
		}
		st.mu.RUnlock()
	}
	wanted := used - s.cfg.MemoryCap/4*3
	for _, end := range slices.Sorted(maps.Keys(ends)) {
		before, ok = (end+1)*step, true
		if wanted -= ends[end]; wanted <= 0 {
			break
		}
	}
	return before, ok
}

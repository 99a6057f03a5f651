package store

import "cc-metric-store/store/chunk"

// limit is what reserve stays below. The rest of the memory cap is for sealing,
// which can make a block with few values a little larger.
func (s *Store) limit() int64 { return s.cfg.MemoryCap - s.cfg.MemoryCap/64 }

// reserve accounts for n bytes, unless there is no room for them below the memory
// cap.
func (s *Store) reserve(n int64) bool {
	for {
		used := s.usedBytes.Load()
		if s.cfg.MemoryCap > 0 && used+n > s.limit() {
			return false
		}
		if s.usedBytes.CompareAndSwap(used, used+n) {
			return true
		}
	}
}

// isOverfull reports whether more is accounted for than reserve allows.
func (s *Store) isOverfull() bool { return s.cfg.MemoryCap > 0 && s.usedBytes.Load() > s.limit() }

// release returns bytes that were accounted for.
func (s *Store) release(n int64) { s.usedBytes.Add(-n) }

// resize accounts for what do changes in the size of a block.
func (s *Store) resize(b *block, do func()) {
	before := b.size()
	do()
	s.usedBytes.Add(b.size() - before)
}

// seal compresses an open block of the grid, or one with patches.
func (s *Store) seal(g *grid, b *block) {
	worker := s.sealers.Get().(*chunk.GroupBuilder)
	defer s.sealers.Put(worker)
	left := false
	s.resize(b, func() { left = b.seal(g.columns, worker) })
	g.closed(b)
	s.counters.sealed.Add(1)
	if !left {
		s.removeBlock(g, b)
	}
}

// close takes a block off the open ones, and compresses it if that saves memory.
func (s *Store) close(g *grid, b *block) {
	if b.isWorthSealing(g.columns) {
		s.seal(g, b)
	} else {
		g.closed(b)
	}
}

// removeBlock takes a block off its grid and returns its memory.
func (s *Store) removeBlock(g *grid, b *block) {
	if g.remove(b) {
		s.release(b.size())
	}
}

// dropHost takes a host out of its stripe.
func (s *Store) dropHost(st *stripe, h *host) {
	delete(st.hosts, h.key)
	h.refs.stale.Store(true)
	s.tombstones.put(h.key, h.applied)
	s.hosts.remove(h.key.cluster)
	s.release(h.size())
	h.uncount(s.metrics)
}

// prune drops what became empty in a host that lost blocks or columns.
func (s *Store) prune(st *stripe, h *host) {
	before := h.size()
	empty := h.prune(s.seed, s.metrics)
	s.release(before - h.size())
	if empty {
		s.dropHost(st, h)
	}
}

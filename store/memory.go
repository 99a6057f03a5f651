package store

import "cc-metric-store/store/chunk"

// limit returns what reserve stays below. The rest of the memory cap is for sealing, which can
// make a block with few values a little larger.
func (s *Store) limit() int64 { return s.cfg.MemoryCap - s.cfg.MemoryCap/64 }

// reserve accounts for n bytes before they are allocated. It returns false if there is no room
// for them below the memory cap.
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

// release gives back n bytes that were reserved.
func (s *Store) release(n int64) { s.usedBytes.Add(-n) }

// resizeLocked calls do and accounts for the change that it makes to the size of a block.
func (s *Store) resizeLocked(b *block, do func()) {
	before := b.size()
	do()
	s.usedBytes.Add(b.size() - before)
}

// sealLocked compresses an open block of a grid of the host, or one with patches, and removes it
// if it has no values.
func (s *Store) sealLocked(h *host, g *grid, b *block) {
	worker := s.sealers.Get().(*chunk.GroupBuilder)
	defer s.sealers.Put(worker)
	hasValues := false
	s.resizeLocked(b, func() {
		open := b.head
		if hasValues = b.seal(g.columns, worker); hasValues {
			s.makeTotalsLocked(h, g, b, open, worker)
		}
	})
	g.closed(b)
	s.counters.sealed.Add(1)
	if !hasValues {
		s.removeBlockLocked(g, b)
	}
}

// closeBlockLocked removes a block from the open ones, and compresses it if that saves memory.
func (s *Store) closeBlockLocked(h *host, g *grid, b *block) {
	if b.isWorthSealing(g.columns) {
		s.sealLocked(h, g, b)
	} else {
		g.closed(b)
	}
}

// removeBlockLocked removes a block from its grid and releases its memory.
func (s *Store) removeBlockLocked(g *grid, b *block) {
	if g.remove(b) {
		s.release(b.size())
	}
}

// dropHostLocked removes a host from its stripe, and leaves a tombstone. The blocks of the
// host were released before.
func (s *Store) dropHostLocked(st *stripe, h *host) {
	delete(st.hosts, h.key)
	h.refs.stale.Store(true)
	s.tombstones.put(h.key, h.applied)
	s.hosts.remove(h.key)
	s.release(h.size())
	h.uncount(s.metrics)
}

// pruneLocked drops the series, parts and grids that became empty in a host that lost blocks or
// columns, and the host itself if nothing is left.
func (s *Store) pruneLocked(st *stripe, h *host) {
	before := h.size()
	empty := h.prune(s.seed, s.metrics)
	s.release(before - h.size())
	if empty {
		s.dropHostLocked(st, h)
	}
}

package store

import (
	"cmp"
	"slices"

	"cc-metric-store/store/chunk"
)

// limit is what take stays below. The rest of the memory cap is for sealing,
// which can make a block with few values a little larger.
func (s *Store) limit() int64 { return s.cfg.MemoryCap - s.cfg.MemoryCap/64 }

// take accounts for n bytes, unless there is no room for them below the memory
// cap.
func (s *Store) take(n int64) bool {
	for {
		held := s.held.Load()
		if s.cfg.MemoryCap > 0 && held+n > s.limit() {
			return false
		}
		if s.held.CompareAndSwap(held, held+n) {
			return true
		}
	}
}

// isOverfull reports whether more is accounted for than take allows.
func (s *Store) isOverfull() bool { return s.cfg.MemoryCap > 0 && s.held.Load() > s.limit() }

// give returns bytes that were accounted for.
func (s *Store) give(n int64) { s.held.Add(-n) }

// resize accounts for what do changes in the size of a block.
func (s *Store) resize(b *block, do func()) {
	before := b.size()
	do()
	s.held.Add(b.size() - before)
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

// removeBlock takes a block off its grid and returns its memory.
func (s *Store) removeBlock(g *grid, b *block) {
	if at := slices.Index(g.blocks, b); at >= 0 {
		g.remove(at)
		s.give(b.size())
	}
}

// dropHost takes a host out of its stripe.
func (s *Store) dropHost(st *stripe, h *host) {
	delete(st.hosts, h.key)
	s.graves.put(h.key, h.applied)
	s.hosts.remove(h.key.cluster)
	s.give(h.size())
	h.uncount(s.metrics)
}

// prune drops what became empty in a host that lost blocks or columns.
func (s *Store) prune(st *stripe, h *host) {
	before := h.size()
	empty := h.prune(s.seed, s.metrics)
	s.give(before - h.size())
	if empty {
		s.dropHost(st, h)
	}
}

// blockAge locates a block by its end.
type blockAge struct {
	end   int64 // Unix seconds
	kept  bool  // its host is in use
	host  hostKey
	grid  int
	start int64
}

// evict frees the oldest blocks, those of hosts in use last, until need bytes
// and a reserve fit below the memory cap. The reserve saves the next appends a
// search, and is larger than what a new host, series and block take besides.
//
// The newest block of each host comes last, and is compressed before it is
// dropped, so that the newest samples stay.
func (s *Store) evict(need int64) {
	s.evicting.Lock()
	defer s.evicting.Unlock()
	fits := func() bool { return s.held.Load()+need <= s.limit()-s.cfg.MemoryCap/32 }
	if fits() {
		return // another append made room meanwhile
	}
	older, newest := s.blockAges()
	for _, step := range []struct {
		ages []blockAge
		do   func(*stripe, *host, *grid, *block)
	}{{older, s.evictBlock}, {newest, s.compressBlock}, {newest, s.evictBlock}} {
		for _, a := range step.ages {
			if fits() {
				return
			}
			s.atBlock(a, step.do)
		}
	}
}

// blockAges lists all blocks in the order in which they are evicted.
func (s *Store) blockAges() (older, newest []blockAge) {
	inUse := s.inUse.Load()
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		for k, h := range st.hosts {
			kept := inUse.contains(k)
			for gi, g := range h.grids {
				if g == nil {
					continue
				}
				for i, b := range g.blocks {
					a := blockAge{b.end, kept, k, gi, b.start}
					if i < len(g.blocks)-1 {
						older = append(older, a)
					} else {
						newest = append(newest, a)
					}
				}
			}
		}
		st.mu.RUnlock()
	}
	slices.SortFunc(older, blockAge.compare)
	slices.SortFunc(newest, blockAge.compare)
	return older, newest
}

func (a blockAge) compare(b blockAge) int {
	if a.kept != b.kept {
		if a.kept {
			return 1
		}
		return -1
	}
	return cmp.Compare(a.end, b.end)
}

// atBlock calls do for the block, if it is still there, with its stripe locked.
func (s *Store) atBlock(a blockAge, do func(*stripe, *host, *grid, *block)) {
	st := s.stripeOf(a.host)
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hosts[a.host]
	if h == nil || h.grids[a.grid] == nil {
		return
	}
	g := h.grids[a.grid]
	if at := g.position(a.start) - 1; at >= 0 && g.blocks[at].start == a.start {
		do(st, h, g, g.blocks[at])
	}
}

// compressBlock seals a block for the memory that this saves.
func (s *Store) compressBlock(_ *stripe, _ *host, g *grid, b *block) {
	if b.head != nil || len(b.patches) > 0 {
		s.seal(g, b)
	}
}

// evictBlock drops a block.
func (s *Store) evictBlock(st *stripe, h *host, g *grid, b *block) {
	if s.onEvict != nil {
		s.onEvict(h.key, g.frequency, b)
	}
	s.counters.evicted.Add(int64(b.columns(g.columns)))
	s.removeBlock(g, b)
	s.prune(st, h)
}

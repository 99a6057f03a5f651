package store

import (
	"container/heap"
	"slices"
)

// evict drops the oldest blocks, those of hosts in use last, until need bytes and a margin fit
// below the memory cap. The margin saves the next appends a search; it is larger than a new
// host, series and block together. The caller holds no lock of the store.
//
// The newest block of each grid comes last, and is compressed before it is dropped, so that
// the newest samples stay.
func (s *Store) evict(need int64) {
	s.evicting.Lock()
	defer s.evicting.Unlock()
	e := &eviction{store: s, goal: s.limit() - s.cfg.MemoryCap/32 - need, lossy: map[hostKey]bool{}}
	if e.fits() {
		return // another append made room meanwhile
	}
	defer e.prune()
	e.drop(2)
	e.prune()
	e.compress()
	e.drop(1)
}

// eviction is one search for blocks to evict.
type eviction struct {
	store *Store
	goal  int64 // usedBytes in the end
	// lossy are hosts that may have series without samples now.
	lossy map[hostKey]bool
}

// fits reports whether there is room enough.
func (e *eviction) fits() bool { return e.store.usedBytes.Load() <= e.goal }

// prune drops the series that lost all their samples.
func (e *eviction) prune() {
	for k := range e.lossy {
		st := e.store.stripeOf(k)
		st.mu.Lock()
		if h := st.hosts[k]; h != nil && h.dropped > 0 {
			e.store.pruneLocked(st, h)
		}
		st.mu.Unlock()
	}
	clear(e.lossy)
}

// gridAge locates a grid by the end of a block.
type gridAge struct {
	end  int64 // Unix seconds
	kept bool  // the host is in use
	host hostKey
	grid int
}

// isBefore reports whether the block of a goes before that of b.
func (a *gridAge) isBefore(b *gridAge) bool {
	if a.kept != b.kept {
		return b.kept
	}
	return a.end < b.end
}

// gridAges is a heap, the one to go next first.
type gridAges []gridAge

func (a gridAges) Len() int           { return len(a) }
func (a gridAges) Less(i, j int) bool { return a[i].isBefore(&a[j]) }
func (a gridAges) Swap(i, j int)      { a[i], a[j] = a[j], a[i] }

// Push implements heap.Interface.
func (a *gridAges) Push(x any) { *a = append(*a, x.(gridAge)) }

// Pop implements heap.Interface.
func (a *gridAges) Pop() any {
	n := len(*a) - 1
	x := (*a)[n]
	*a = (*a)[:n]
	return x
}

// second returns the element of the heap that comes after the first, nil if there is none.
func (a gridAges) second() *gridAge {
	switch {
	case len(a) < 2:
		return nil
	case len(a) > 2 && a[2].isBefore(&a[1]):
		return &a[2]
	}
	return &a[1]
}

// ages lists the grids with at least so many blocks, each with the age of the block that of
// returns.
func (e *eviction) ages(least int, of func(*grid) *block) gridAges {
	var ages gridAges
	inUse := e.store.inUse.Load()
	for i := range e.store.stripes {
		st := &e.store.stripes[i]
		st.mu.RLock()
		for k, h := range st.hosts {
			kept := inUse.contains(k)
			for i, g := range h.grids {
				if g != nil && g.blocks.len() >= least {
					ages = append(ages, gridAge{of(g).end, kept, k, i})
				}
			}
		}
		st.mu.RUnlock()
	}
	return ages
}

// drop evicts blocks of grids that have at least so many blocks, oldest first, until there is
// room.
func (e *eviction) drop(least int) {
	ages := e.ages(least, func(g *grid) *block { return g.blocks.first() })
	heap.Init(&ages)
	for len(ages) > 0 && !e.fits() {
		if e.dropFrom(&ages[0], ages.second(), least) {
			heap.Fix(&ages, 0)
		} else {
			heap.Pop(&ages)
		}
	}
}

// evictRun is the number of blocks evicted under one hold of the stripe lock.
const evictRun = 256

// dropFrom evicts the oldest blocks of a grid, as long as they are not younger than the oldest
// one of the grid next. It returns false if the grid has too few blocks left; otherwise a.end
// is that of its oldest block now.
func (e *eviction) dropFrom(a, next *gridAge, least int) bool {
	s := e.store
	st := s.stripeOf(a.host)
	st.mu.Lock()
	defer st.mu.Unlock()
	for range evictRun {
		h := st.hosts[a.host]
		if h == nil || h.grids[a.grid] == nil || h.grids[a.grid].blocks.len() < least {
			return false
		}
		b := h.grids[a.grid].blocks.first()
		a.end = b.end
		if next != nil && next.isBefore(a) || e.fits() {
			return true
		}
		e.evictBlockLocked(st, h, h.grids[a.grid], b)
	}
	return true
}

// fewDropped is how many blocks of series a host loses at least before it is searched for series
// without samples.
const fewDropped = 64

// evictBlockLocked drops a block, and prunes the host when a good part of its series may have
// lost all samples.
func (e *eviction) evictBlockLocked(st *stripe, h *host, g *grid, b *block) {
	s := e.store
	if s.testHooks.onEvict != nil {
		s.testHooks.onEvict(h.key, g.frequency, b)
	}
	n := b.columns(g.columns)
	s.evictedTo.Store(max(s.evictedTo.Load(), g.centre(b, b.slots-1)+1)) // by one eviction at a time
	s.counters.evicted.Add(int64(n))
	s.removeBlockLocked(g, b)
	h.dropped += n
	e.lossy[h.key] = true
	if h.dropped >= max(len(h.series)/8, fewDropped) || g.blocks.len() == 0 {
		s.pruneLocked(st, h)
	}
}

// compress seals the newest blocks for the memory that this saves, oldest first.
func (e *eviction) compress() {
	if e.fits() {
		return
	}
	ages := e.ages(1, func(g *grid) *block { return g.blocks.last() })
	slices.SortFunc(ages, func(a, b gridAge) int {
		switch {
		case a.isBefore(&b):
			return -1
		case b.isBefore(&a):
			return 1
		}
		return 0
	})
	for i := 0; i < len(ages) && !e.fits(); i++ {
		e.compressNewest(&ages[i])
	}
}

// compressNewest seals the newest block of a grid.
func (e *eviction) compressNewest(a *gridAge) {
	st := e.store.stripeOf(a.host)
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hosts[a.host]
	if h == nil || h.grids[a.grid] == nil {
		return
	}
	g := h.grids[a.grid]
	if b := g.blocks.last(); b.isWorthSealing(g.columns) {
		e.store.sealLocked(h, g, b)
	}
}

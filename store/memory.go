package store

import (
	"cmp"
	"math"
	"slices"
	"strings"
)

// sliceBytes is what a block's row of columns takes for one column.
const sliceBytes = 24

// blockBytes is what one column of one block takes.
func (s *Store) blockBytes() int64 { return int64(s.cfg.BlockSlots)*8 + sliceBytes }

func makeGaps(n int) []float64 {
	v := make([]float64, n)
	for i := range v {
		v[i] = math.NaN()
	}
	return v
}

// addHost adds an empty host. Both names are copied: those of a batch are
// slices of something larger.
func (s *Store) addHost(st *stripe, k hostKey) *host {
	h := newHost(hostKey{strings.Clone(k.cluster), strings.Clone(k.host)}, len(s.metrics.frequencies))
	st.hosts[h.key] = h
	return h
}

// reserve accounts for the memory that appending n samples takes at the most,
// and makes room for it below the memory cap. The caller returns what it did
// not use.
func (s *Store) reserve(n int) int64 {
	want := int64(n) * s.blockBytes()
	if s.cfg.MemoryCap > 0 && s.held.Load()+want > s.cfg.MemoryCap {
		s.evict(want)
	}
	s.held.Add(want)
	return want
}

// evict frees the oldest blocks of all hosts until want bytes and a reserve,
// which saves the next appends a search, fit below the memory cap.
func (s *Store) evict(want int64) {
	s.evicting.Lock()
	defer s.evicting.Unlock()
	if s.held.Load()+want <= s.cfg.MemoryCap {
		return // another append made room meanwhile
	}
	excess := s.held.Load() + want - s.cfg.MemoryCap + s.cfg.MemoryCap/32
	for _, a := range s.blockAges() {
		if excess <= 0 {
			return
		}
		freed := s.evictBlock(a)
		excess -= freed
	}
}

// blockAge locates a block by its end.
type blockAge struct {
	end   int64 // Unix seconds
	host  hostKey
	grid  int
	first int64
}

// blockAges lists all blocks, oldest first.
func (s *Store) blockAges() []blockAge {
	var ages []blockAge
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		for k, h := range st.hosts {
			for gi, g := range h.grids {
				if g == nil {
					continue
				}
				for _, b := range g.blocks {
					ages = append(ages, blockAge{g.centre(b.first + g.slots), k, gi, b.first})
				}
			}
		}
		st.mu.RUnlock()
	}
	slices.SortFunc(ages, func(a, b blockAge) int { return cmp.Compare(a.end, b.end) })
	return ages
}

// evictBlock drops one block and returns the bytes it held.
func (s *Store) evictBlock(a blockAge) int64 {
	st := s.stripeOf(a.host)
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hosts[a.host]
	if h == nil || h.grids[a.grid] == nil {
		return 0
	}
	g := h.grids[a.grid]
	at, ok := g.search(a.first)
	if !ok {
		return 0
	}
	live := g.blocks[at].live
	g.blocks = slices.Delete(g.blocks, at, at+1)
	s.dropIfEmpty(st, h)
	bytes := int64(live) * s.blockBytes()
	s.held.Add(-bytes)
	s.counters.evicted.Add(int64(live))
	return bytes
}

// dropIfEmpty prunes a host that lost blocks, and drops it if nothing is left.
func (s *Store) dropIfEmpty(st *stripe, h *host) {
	if h.prune(s.metrics.grids) {
		delete(st.hosts, h.key)
	}
}

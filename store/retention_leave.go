package store

import (
	"errors"
	"maps"
	"slices"
	"sync"
)

// errFreed says that samples were freed which a file has that is not finished.
var errFreed = errors.New("some of the samples were freed")

// leavingBlocks are the blocks that go into the file which is being written. A free request that drops
// values of one is noticed, so that they do not come back with the file; it waits for no disk.
type leavingBlocks struct {
	mu sync.Mutex // the last one to be acquired
	// Guarded by mu.
	blocks map[*block]struct{}
	freed  bool // values of some
}

// take notes that a block goes into the file.
func (l *leavingBlocks) take(b *block) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.blocks == nil {
		l.blocks = map[*block]struct{}{}
	}
	l.blocks[b] = struct{}{}
}

// free notes that values of a block were freed.
func (l *leavingBlocks) free(b *block) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if _, ok := l.blocks[b]; ok {
		l.freed = true
	}
}

func (l *leavingBlocks) isFreed() bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	return l.freed
}

// unlessFreed calls show if nothing of the blocks was freed, and reports whether it did. What is freed
// afterwards was in the archive before.
func (l *leavingBlocks) unlessFreed(show func()) bool {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.freed {
		return false
	}
	show()
	return true
}

// forget notes that blocks are in a file that is shown.
func (l *leavingBlocks) forget(blocks []leavingBlock) {
	l.mu.Lock()
	defer l.mu.Unlock()
	for i := range blocks {
		delete(l.blocks, blocks[i].block)
	}
	if len(l.blocks) == 0 {
		l.freed = false // those were shown before
	}
}

// clear notes that there is no file.
func (l *leavingBlocks) clear() {
	l.mu.Lock()
	defer l.mu.Unlock()
	l.blocks, l.freed = nil, false
}

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

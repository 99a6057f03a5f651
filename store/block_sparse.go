package store

import "cc-metric-store/store/chunk"

const (
	// A sparse block gets a head when it has leastTick values, and one for so many
	// cells of the head.
	leastTick   = 4
	headPerTick = 16

	// So many patches of a block, or as many for each of the columns if they are few,
	// make it worth while to seal it anew; of many columns a share of them, as
	// all are copied.
	manyPatches     = 4096
	patchesOfColumn = 64
	columnsOfPatch  = 4
)

func maxPatches(columns int32) int {
	return max(min(patchesOfColumn*int(columns), manyPatches), int(columns)/columnsOfPatch)
}

// makeRoomLocked makes room for another value in a block without head, whose patches are
// full: the block gets a head, is sealed anew, or its patches get more memory.
func (a *appender) makeRoomLocked(g *grid, b *block) (need int64) {
	s := a.store
	if chunks := b.headChunks(g.columns); chunks > 0 {
		size := valueBytes * chunks * rowsFor(g.columns) * int64(g.columns)
		if s.cfg.MemoryCap == 0 || size <= s.cfg.MemoryCap/4 {
			if !s.reserve(size) {
				return size
			}
			s.addHeadLocked(g, b)
			return 0
		}
	}
	b.patches.sort()
	if len(b.patches.list) >= maxPatches(g.columns) {
		s.sealLocked(g, b)
	}
	if n := cap(b.patches.list); len(b.patches.list) >= n-n/8 {
		n = max(n, 1)
		if !s.reserve(patchBytes * int64(n)) {
			return patchBytes * int64(n)
		}
		b.patches.grow(n)
	}
	return 0
}

// headChunks returns of how many chunks a head for the values of a sparse block
// would be, 0 if they are too few for one.
func (b *block) headChunks(columns int32) (n int64) {
	values := int64(len(b.patches.list))
	if b.sealed != nil || values < leastTick || values*headPerTick < int64(columns) {
		return 0
	}
	rows := rowsFor(columns)
	var used [chunk.MaxSlots]bool
	for _, p := range b.patches.list {
		if i := int64(p.slot) / rows; !used[i] {
			used[i] = true
			n++
		}
	}
	// A row of each chunk has to be worth it.
	if values*headPerTick < n*int64(columns) {
		return 0
	}
	return n
}

// addHeadLocked gives a sparse block a head, whose memory is accounted for.
func (s *Store) addHeadLocked(g *grid, b *block) {
	g.reopen(b)
	h := &head{}
	for _, p := range b.patches.list {
		h.set(int64(p.slot), p.column, g.columns, p.value)
	}
	s.release(patchBytes * int64(cap(b.patches.list)))
	b.head, b.patches = h, patches{}
	if old := g.touch(b, 0); old != nil {
		s.closeBlockLocked(g, old)
	}
}

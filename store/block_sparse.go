package store

import "cc-metric-store/store/chunk"

const (
	// A sparse block gets a head when it has leastTick values, and at least one for
	// headPerTick cells that the head would have.
	leastTick   = 4
	headPerTick = 16

	// A block is sealed anew when it has manyPatches, or patchesOfColumn for each column if
	// that is less. With many columns it takes at least one for columnsOfPatch columns, as
	// sealing copies all columns.
	manyPatches     = 4096
	patchesOfColumn = 64
	columnsOfPatch  = 4
)

// maxPatches returns with how many patches a block of so many columns is sealed anew.
func maxPatches(columns int32) int {
	return max(min(patchesOfColumn*int(columns), manyPatches), int(columns)/columnsOfPatch)
}

// makeRoom makes room for another value in a block without a head, whose patches are
// full: the block gets a head, is sealed anew, or its patches get more memory. It returns how
// many bytes it needs if they cannot be reserved.
func (a *appender) makeRoom(g *grid, b *block) (need int64) {
	s := a.store
	if chunks := b.headChunks(g.columns); chunks > 0 {
		size := valueBytes * chunks * rowsFor(g.columns) * int64(g.columns)
		if s.cfg.MemoryCap == 0 || size <= s.cfg.MemoryCap/4 {
			if !s.reserve(size) {
				return size
			}
			s.addHeadLocked(a.host, g, b)
			return 0
		}
	}
	b.patches.sort()
	if len(b.patches.list) >= maxPatches(g.columns) {
		s.sealLocked(a.host, g, b)
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

// headChunks returns how many chunks a head for the values of a sparse block would have, 0 if
// the values are too few for one.
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
	// On average, each chunk has to have enough values for a row.
	if values*headPerTick < n*int64(columns) {
		return 0
	}
	return n
}

// addHeadLocked gives a sparse block a head, for which the memory was reserved.
func (s *Store) addHeadLocked(of *host, g *grid, b *block) {
	g.reopen(b)
	h := &head{}
	for _, p := range b.patches.list {
		h.set(int64(p.slot), p.column, g.columns, p.value)
	}
	s.release(patchBytes * int64(cap(b.patches.list)))
	b.head, b.patches = h, patches{}
	if old := g.touch(b, 0); old != nil {
		s.closeBlockLocked(of, g, old)
	}
}

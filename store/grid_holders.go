package store

// manyBlocks is how many blocks a grid has before it counts, for each column, the blocks with a
// value of it.
const manyBlocks = 256

// countHolders begins to count once there are many blocks, and ends when there are few.
func (g *grid) countHolders() {
	switch {
	case g.holders == nil && g.blocks.len() > manyBlocks:
		g.holders = make([]int32, g.columns)
		for b := range g.blocks.all() {
			if !g.isOpen(b) {
				g.count(b, 1)
			}
		}
	case g.blocks.len() < manyBlocks/2:
		g.holders = nil
	}
}

// count adds n, 1 or -1, for a block that is not open.
func (g *grid) count(b *block, n int32) {
	if g.holders == nil {
		return
	}
	for c := range b.present(g.columns) {
		g.holders[c] += n
	}
}

// held returns which of the columns have a value in any block.
func (g *grid) held() []bool {
	held := make([]bool, g.columns)
	if g.holders != nil {
		for c, n := range g.holders {
			held[c] = n > 0
		}
		for _, b := range g.open {
			for c := range b.present(g.columns) {
				held[c] = true
			}
		}
		return held
	}
	missing := int(g.columns) - len(g.unused)
	for b := range g.blocks.backward() {
		for c := range b.present(g.columns) {
			if !held[c] {
				held[c] = true
				missing--
			}
		}
		if missing <= 0 {
			break // the usual case
		}
	}
	return held
}

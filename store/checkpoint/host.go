package checkpoint

import (
	"math"

	"cc-metric-store/store/chunk"
)

// How a block is kept.
const (
	blockSealed = iota // in a segment
	blockOpen          // in the checkpoint
	blockSparse        // in its patches
	blockKinds
)

// isInSegment reports whether the values of the block lie in a segment.
func (b *Block) isInSegment() bool { return !b.Open && !b.Sparse }

// appendHost appends the payload of a host's frame. Every sealed block has its Ref.
func appendHost(f fields, h *Host) fields {
	f.text(h.Cluster)
	f.text(h.Name)
	f.uint(h.Applied)
	if h.Gone {
		f.uint(1)
		return f
	}
	f.uint(0)
	f.uint(uint64(len(h.Parts)))
	for _, p := range h.Parts {
		f.text(p.Type)
		f.text(p.ID)
		f.text(p.Subtype)
		f.text(p.SubID)
	}
	f.uint(uint64(len(h.Grids)))
	for i := range h.Grids {
		g := &h.Grids[i]
		f.uint(uint64(g.Frequency))
		f.uint(uint64(g.Columns))
		f.uint(uint64(len(g.Series)))
		for _, s := range g.Series {
			f.uint(uint64(s.Part))
			f.uint(uint64(s.Metric))
			f.uint(uint64(s.Column))
		}
		f.uint(uint64(len(g.Blocks)))
		for j := range g.Blocks {
			f = appendBlock(f, &g.Blocks[j])
		}
	}
	return f
}

func appendBlock(f fields, b *Block) fields {
	f.int(b.Start)
	f.uint(uint64(b.End - b.Start))
	f.uint(uint64(b.Slots))
	switch {
	case b.Open:
		f.uint(blockOpen)
		f.bytes(b.Values)
	case b.Sparse:
		f.uint(blockSparse)
	default:
		f.uint(blockSealed)
		f.uint(b.Ref.Segment)
		f.uint(uint64(b.Ref.Offset))
		f.uint(uint64(b.Ref.Length))
	}
	f.uint(uint64(len(b.Patches)))
	for _, p := range b.Patches {
		f.uint(uint64(p.Column))
		f.uint(uint64(p.Slot))
		f.float(p.Value)
	}
	return f
}

// parseHost reads the payload of a host's frame. metrics is how many metrics have been named
// before it. The values of open blocks are parts of the payload.
func parseHost(payload []byte, metrics int) (*Host, error) {
	s := &scanner{rest: payload}
	h := &Host{Cluster: s.text(), Name: s.text(), Applied: s.uint()}
	h.Gone = s.index(2) == 1
	if h.Gone || s.err != nil {
		return h, s.end()
	}
	h.Parts = make([]Part, s.count(4))
	for i := range h.Parts {
		h.Parts[i] = Part{s.text(), s.text(), s.text(), s.text()}
	}
	h.Grids = make([]Grid, s.count(4))
	for i := range h.Grids {
		parseGrid(s, &h.Grids[i], len(h.Parts), metrics)
	}
	return h, s.end()
}

func parseGrid(s *scanner, g *Grid, parts, metrics int) {
	g.Frequency = int64(s.index(math.MaxInt32))
	if g.Frequency < 1 {
		s.fail("an interval of 0 s")
	}
	g.Columns = s.index(math.MaxInt32)
	g.Series = make([]Series, s.count(3))
	for i := range g.Series {
		g.Series[i] = Series{s.index(parts), s.index(metrics), s.index(int(g.Columns))}
	}
	g.Blocks = make([]Block, s.count(5))
	for i := range g.Blocks {
		parseBlock(s, &g.Blocks[i], g)
		if i > 0 && g.Blocks[i].Start < g.Blocks[i-1].End {
			s.fail("blocks overlap")
		}
	}
}

func parseBlock(s *scanner, b *Block, g *Grid) {
	b.Start = s.int()
	length := s.uint()
	b.Slots = int(s.index(chunk.MaxSlots + 1))
	if s.err == nil && (b.Slots == 0 || length == 0 || (length+uint64(g.Frequency)-1)/uint64(g.Frequency) != uint64(b.Slots)) {
		s.fail("a block of the wrong length")
	}
	if b.End = b.Start + int64(length); s.err == nil && b.End <= b.Start {
		s.fail("a block beyond all times")
	}
	kind := s.index(blockKinds)
	b.Open, b.Sparse = kind == blockOpen, kind == blockSparse
	switch {
	case b.Open:
		b.Values = parseGroup(s, s.bytes(), b.Slots, g.Columns)
	case !b.Sparse:
		b.Ref = BlockRef{s.uint(), int64(s.uint()), uint32(s.index(math.MaxInt32))}
	}
	b.Patches = make([]Patch, s.count(10))
	if b.Sparse && len(b.Patches) == 0 {
		s.fail("a block without a value")
	}
	for i := range b.Patches {
		b.Patches[i] = Patch{s.index(int(g.Columns)), s.index(b.Slots), s.float()}
		if v := b.Patches[i].Value; math.IsNaN(v) || math.IsInf(v, 0) {
			s.fail("a patch without a value")
		}
	}
}

func parseGroup(s *scanner, data []byte, slots int, columns int32) chunk.Group {
	if s.err != nil {
		return nil
	}
	values, err := chunk.ParseGroup(data, slots)
	if err != nil {
		s.fail(err.Error())
		return nil
	}
	if values.Columns() > columns {
		s.fail("a block with more columns than its grid")
		return nil
	}
	return values
}

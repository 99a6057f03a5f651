package chunk

import (
	"encoding/binary"
	"math"
	"math/bits"
)

// Finish returns the Group, nil if it has no values. It belongs to the caller.
func (b *GroupBuilder) Finish() Group {
	if len(b.blocks) == 0 {
		return nil
	}
	shared := b.encodeGaps()
	size, wide := b.measure(shared)
	g := make([]byte, 0, size)
	g = binary.LittleEndian.AppendUint32(g, uint32(b.columns)|groupVersion2)
	g = binary.LittleEndian.AppendUint32(g, uint32(len(b.blocks)))
	flags := byte(0)
	if shared != noGaps {
		flags |= flagGaps
	}
	if wide {
		flags |= flagWide
	}
	g = append(g, byte(b.slots-1), flags)
	if shared != noGaps {
		for _, word := range b.sets[shared].bits[:(b.slots+63)/64] {
			g = binary.LittleEndian.AppendUint64(g, word)
		}
	}
	for _, word := range b.present {
		g = binary.LittleEndian.AppendUint64(g, word)
	}
	return b.appendBlocks(b.appendEnds(g, wide), shared)
}

// encodeGaps encodes the sets of gaps. It returns the one that saves most bytes if it is kept for
// the whole group, the first of several, and noGaps if none saves any.
func (b *GroupBuilder) encodeGaps() (shared int32) {
	shared, least := noGaps, gapBytes(b.slots)
	b.lists = b.lists[:0]
	for i := range b.sets {
		s := &b.sets[i]
		s.from = len(b.lists)
		b.list.set(&s.indexSet)
		b.lists = b.list.append(b.lists)
		s.to = len(b.lists)
		if saved := s.blocks * (s.to - s.from); saved > least {
			shared, least = int32(i), saved
		}
	}
	return shared
}

// measure sets the sizes of the blocks. It returns the size of the group, and whether its ends are
// wide: if the blocks of a word of columns are too long for narrow ones, or if these save nothing.
func (b *GroupBuilder) measure(shared int32) (size int, wide bool) {
	size = headerBytes + len(b.present)*wordBytes
	if shared != noGaps {
		size += gapBytes(b.slots)
	}
	end := 0
	for i := range b.blocks {
		at := &b.blocks[i]
		at.size = 1 + at.end - end
		if end = at.end; at.gaps != noGaps && at.gaps != shared {
			at.size += b.sets[at.gaps].to - b.sets[at.gaps].from
		}
		size += at.size
	}
	narrowSize, wideSize := len(b.present)*baseBytes+len(b.blocks)*narrowBytes, len(b.blocks)*wideBytes
	if wideSize <= narrowSize || b.longestWord() > math.MaxUint16 {
		return size + wideSize, true
	}
	return size + narrowSize, false
}

// longestWord returns the largest size that the blocks of a word of columns have.
func (b *GroupBuilder) longestWord() (longest int) {
	blocks := b.blocks
	for _, word := range b.present {
		n := 0
		for _, at := range blocks[:bits.OnesCount64(word)] {
			n += at.size
		}
		longest = max(longest, n)
		blocks = blocks[bits.OnesCount64(word):]
	}
	return longest
}

// appendEnds appends where the blocks end, and before narrow ends what they are counted from.
func (b *GroupBuilder) appendEnds(g []byte, wide bool) []byte {
	end := 0
	if wide {
		for i := range b.blocks {
			end += b.blocks[i].size
			g = binary.LittleEndian.AppendUint32(g, uint32(end))
		}
		return g
	}
	blocks := b.blocks
	for _, word := range b.present {
		g = binary.LittleEndian.AppendUint32(g, uint32(end))
		for range bits.OnesCount64(word) {
			end += blocks[0].size
			blocks = blocks[1:]
		}
	}
	blocks = b.blocks
	for _, word := range b.present {
		end = 0
		for range bits.OnesCount64(word) {
			end += blocks[0].size
			blocks = blocks[1:]
			g = binary.LittleEndian.AppendUint16(g, uint16(end))
		}
	}
	return g
}

// appendBlocks appends the blocks with their gaps.
func (b *GroupBuilder) appendBlocks(g []byte, shared int32) []byte {
	from := 0
	for i := range b.blocks {
		at := &b.blocks[i]
		switch at.gaps {
		case noGaps:
			g = append(g, at.header|gapsNone)
		case shared:
			g = append(g, at.header|gapsGroup)
		default:
			g = append(g, at.header|gapsOwn)
			g = append(g, b.lists[b.sets[at.gaps].from:b.sets[at.gaps].to]...)
		}
		g = append(g, b.bodies[from:at.end]...)
		from = at.end
	}
	return g
}

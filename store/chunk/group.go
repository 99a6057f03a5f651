package chunk

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math/bits"
)

// Group holds the blocks of many columns with the same slots, such as all series of a host. It
// is one piece of memory without pointers, so that neither the garbage collector nor retention
// has to visit each column. It is immutable. A nil Group has no columns. FORMAT.md draws its
// bytes.
type Group []byte

const (
	wordBytes = 8
	baseBytes = 4

	header1Bytes = 8  // version 1
	headerBytes  = 10 // version 2

	groupVersion2 = 1 << 31 // in the number of columns

	flagGaps   = 0x01 // the gaps that columns share follow the header
	flagWide   = 0x02 // ends have 32 bits
	flagUnused = 0xfc
)

// groupParts says where the parts of a Group lie.
type groupParts struct {
	version int
	slots   int // 0 in version 1, in which each block says it
	columns int32
	gaps    []byte // a bitmap of slots; nil: none are shared
	present []byte // a bitmap of columns
	bases   []byte // of the narrow ends, by word of the bitmap; nil: the ends are wide
	ends    []byte // by block
	blocks  []byte
}

// presentAt returns where the bitmap of columns begins.
func (g Group) presentAt() int {
	switch {
	case binary.LittleEndian.Uint32(g)&groupVersion2 == 0:
		return header1Bytes
	case g[9]&flagGaps == 0:
		return headerBytes
	}
	return headerBytes + gapBytes(int(g[8])+1)
}

// gapBytes returns the size of a bitmap of so many slots.
func gapBytes(slots int) int { return (slots + 63) / 64 * wordBytes }

// take takes a Group apart whose lengths ParseGroup has checked. p is empty before.
func (p *groupParts) take(g Group) {
	columns, count := binary.LittleEndian.Uint32(g), int(binary.LittleEndian.Uint32(g[4:]))
	at, words := g.presentAt(), int(columns&^groupVersion2+63)/64
	p.version, p.columns = 1, int32(columns&^groupVersion2)
	wide := true
	if columns&groupVersion2 != 0 {
		p.version, p.slots = 2, int(g[8])+1
		wide = g[9]&flagWide != 0
		if at > headerBytes {
			p.gaps = g[headerBytes:at]
		}
	}
	rest := []byte(g[at:])
	p.present, rest = rest[:words*wordBytes], rest[words*wordBytes:]
	size := wideBytes
	if !wide {
		p.bases, rest = rest[:words*baseBytes], rest[words*baseBytes:]
		size = narrowBytes
	}
	p.ends, p.blocks = rest[:count*size], rest[count*size:]
}

// Ends take so many bytes.
const (
	wideBytes   = 4
	narrowBytes = 2
)

// word returns a word of the bitmap of columns.
func (p *groupParts) word(i int) uint64 { return binary.LittleEndian.Uint64(p.present[i*wordBytes:]) }

// block returns the block of a column, nil if it has no values.
func (p *groupParts) block(c int32) []byte {
	if uint32(c) >= uint32(p.columns) {
		return nil
	}
	w := int(c / 64)
	word := p.word(w)
	if word>>(c%64)&1 == 0 {
		return nil
	}
	before := bits.OnesCount64(word & (1<<(c%64) - 1)) // in the word
	rank := before
	for i := range w {
		rank += bits.OnesCount64(p.word(i))
	}
	from, to := p.bounds(w, rank, before == 0)
	return p.blocks[from:to]
}

// bounds returns where a block begins and ends. rank is how many precede it; first says that none of
// them is of its word.
func (p *groupParts) bounds(word, rank int, first bool) (from, to uint32) {
	if p.bases == nil {
		if rank > 0 {
			from = binary.LittleEndian.Uint32(p.ends[(rank-1)*wideBytes:])
		}
		return from, binary.LittleEndian.Uint32(p.ends[rank*wideBytes:])
	}
	base := binary.LittleEndian.Uint32(p.bases[word*baseBytes:])
	if !first {
		from = uint32(binary.LittleEndian.Uint16(p.ends[(rank-1)*narrowBytes:]))
	}
	return base + from, base + uint32(binary.LittleEndian.Uint16(p.ends[rank*narrowBytes:]))
}

// Columns returns the number of columns, including those without values.
func (g Group) Columns() int32 {
	if len(g) == 0 {
		return 0
	}
	return int32(binary.LittleEndian.Uint32(g) &^ groupVersion2)
}

// Count returns the number of columns that have values.
func (g Group) Count() int {
	if len(g) == 0 {
		return 0
	}
	return int(binary.LittleEndian.Uint32(g[4:]))
}

// Has reports whether a column has values.
func (g Group) Has(c int32) bool {
	if uint32(c) >= uint32(g.Columns()) {
		return false
	}
	return binary.LittleEndian.Uint64(g[g.presentAt()+int(c/64)*wordBytes:])>>(c%64)&1 != 0
}

// All returns the columns that have values, ascending.
func (g Group) All() iter.Seq[int32] {
	return func(yield func(int32) bool) {
		if len(g) == 0 {
			return
		}
		var p groupParts
		p.take(g)
		for w := range len(p.present) / wordBytes {
			for word := p.word(w); word != 0; word &= word - 1 {
				if !yield(int32(w*64 + bits.TrailingZeros64(word))) {
					return
				}
			}
		}
	}
}

// open finds a column and parses the header of its block.
func (d *decoder) open(p *groupParts, c int32) error {
	block := p.block(c)
	if block == nil {
		return fmt.Errorf("column %d of %d has no values: %w", c, p.columns, errRange)
	}
	if err := d.parse(p, block); err != nil {
		return fmt.Errorf("column %d: %w", c, err)
	}
	return nil
}

// DecodeRange writes the slots [from, from+len(dst)) of a column that has values to dst. After an
// error the content of dst is undefined. It costs in proportion to len(dst), unless the block has
// differences: they are added from the first one on. It allocates nothing.
func (g Group) DecodeRange(dst []float64, c int32, from int) error {
	if err := g.decodeRange(dst, c, from); err != nil {
		return fmt.Errorf("decode range of group: %w", err)
	}
	return nil
}

func (g Group) decodeRange(dst []float64, c int32, from int) error {
	if len(g) == 0 {
		return errRange
	}
	var p groupParts
	p.take(g)
	var d decoder
	if err := d.open(&p, c); err != nil {
		return err
	}
	if err := d.checkRange(from, len(dst)); err != nil {
		return err
	}
	if err := d.decode(dst, from); err != nil {
		return fmt.Errorf("column %d: %w", c, err)
	}
	return nil
}

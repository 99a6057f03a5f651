package chunk

import (
	"encoding/binary"
	"fmt"
	"iter"
	"math"
	"math/bits"
)

// Group holds the blocks of many columns with the same slots, such as all series of a host. It
// is one piece of memory without pointers, so that neither the garbage collector nor retention
// has to visit each column. It is immutable. A nil Group has no columns. FORMAT.md draws its
// bytes.
type Group []byte

const (
	groupHeader = 8
	wordBytes   = 8
	endBytes    = 4
)

// ParseGroup returns data as a Group, if it has the structure of one and all its blocks have so
// many slots. It reads only the headers of the blocks. The Group refers to data.
func ParseGroup(data []byte, slots int) (Group, error) {
	fail := func(what string) (Group, error) { return nil, fmt.Errorf("parse group: %s: %w", what, errCorrupt) }
	if len(data) < groupHeader {
		return fail("no header")
	}
	columns, count := uint64(binary.LittleEndian.Uint32(data)), uint64(binary.LittleEndian.Uint32(data[4:]))
	words := (columns + 63) / 64
	if columns > math.MaxInt32 || count > columns || uint64(len(data)) < groupHeader+words*wordBytes+count*endBytes {
		return fail("no room for its columns")
	}
	present := uint64(0)
	for w := range words {
		word := binary.LittleEndian.Uint64(data[groupHeader+w*wordBytes:])
		if used := columns - w*64; used < 64 && word>>used != 0 {
			return fail("more columns than it says")
		}
		present += uint64(bits.OnesCount64(word))
	}
	if present != count {
		return fail("the columns do not match their number")
	}
	ends := data[groupHeader+words*wordBytes:]
	blocks := ends[count*endBytes:]
	from := uint32(0)
	for i := range count {
		end := binary.LittleEndian.Uint32(ends[i*endBytes:])
		if end < from || uint64(end) > uint64(len(blocks)) {
			return fail("a block out of bounds")
		}
		info, err := stat(blocks[from:end])
		if err != nil {
			return nil, fmt.Errorf("parse group: %w", err)
		}
		if info.Slots != slots {
			return fail("a block of another length")
		}
		from = end
	}
	if uint64(from) != uint64(len(blocks)) {
		return fail("bytes after the last block")
	}
	return data, nil
}

// Columns returns the number of columns, including those without values.
func (g Group) Columns() int32 {
	if len(g) == 0 {
		return 0
	}
	return int32(binary.LittleEndian.Uint32(g))
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
	return c < g.Columns() && binary.LittleEndian.Uint64(g[groupHeader+c/64*wordBytes:])>>(c%64)&1 != 0
}

// All returns the columns that have values, ascending, each with its block, which
// is a part of the Group.
func (g Group) All() iter.Seq2[int32, []byte] {
	return func(yield func(int32, []byte) bool) {
		words := (g.Columns() + 63) / 64
		if words == 0 {
			return
		}
		bitmap := g[groupHeader:]
		ends := bitmap[words*wordBytes:]
		data := ends[g.Count()*endBytes:]
		from := uint32(0)
		for w := range words {
			for word := binary.LittleEndian.Uint64(bitmap[w*wordBytes:]); word != 0; word &= word - 1 {
				end := binary.LittleEndian.Uint32(ends)
				if !yield(w*64+int32(bits.TrailingZeros64(word)), data[from:end]) {
					return
				}
				ends, from = ends[endBytes:], end
			}
		}
	}
}

// Column returns the block of a column, nil if it has no values. It is a part of
// the Group.
func (g Group) Column(c int32) []byte {
	columns := g.Columns()
	if c >= columns {
		return nil
	}
	bitmap := g[groupHeader:]
	word := binary.LittleEndian.Uint64(bitmap[c/64*wordBytes:])
	if word>>(c%64)&1 == 0 {
		return nil
	}
	rank := bits.OnesCount64(word & (1<<(c%64) - 1))
	for w := range c / 64 {
		rank += bits.OnesCount64(binary.LittleEndian.Uint64(bitmap[w*wordBytes:]))
	}
	ends := bitmap[(columns+63)/64*wordBytes:]
	data := ends[binary.LittleEndian.Uint32(g[4:])*endBytes:]
	from := uint32(0)
	if rank > 0 {
		from = binary.LittleEndian.Uint32(ends[(rank-1)*endBytes:])
	}
	return data[from:binary.LittleEndian.Uint32(ends[rank*endBytes:])]
}

// GroupBuilder builds one Group after the other, in memory that it uses again. It is not safe
// for concurrent use.
type GroupBuilder struct {
	encoder Encoder
	columns int32
	present []uint64
	ends    []uint32
	data    []byte
}

// Begin starts a Group of so many columns.
func (b *GroupBuilder) Begin(columns int32) {
	b.columns = columns
	b.present = append(b.present[:0], make([]uint64, (columns+63)/64)...)
	b.ends, b.data = b.ends[:0], b.data[:0]
}

// Add encodes the values of a column; columns come in ascending order. A column
// of gaps is left out.
func (b *GroupBuilder) Add(column int32, values []float64) {
	empty := true
	for _, v := range values {
		if !math.IsNaN(v) {
			empty = false
			break
		}
	}
	if empty {
		return
	}
	b.data = b.encoder.Encode(b.data, values)
	b.end(column)
}

// AddEncoded adds a column of another Group with as many slots.
func (b *GroupBuilder) AddEncoded(column int32, block []byte) {
	b.data = append(b.data, block...)
	b.end(column)
}

func (b *GroupBuilder) end(column int32) {
	b.present[column/64] |= 1 << (column % 64)
	b.ends = append(b.ends, uint32(len(b.data)))
}

// Finish returns the Group, nil if it has no values. It belongs to the caller.
func (b *GroupBuilder) Finish() Group {
	if len(b.ends) == 0 {
		return nil
	}
	g := make([]byte, 0, groupHeader+len(b.present)*wordBytes+len(b.ends)*endBytes+len(b.data))
	g = binary.LittleEndian.AppendUint32(g, uint32(b.columns))
	g = binary.LittleEndian.AppendUint32(g, uint32(len(b.ends)))
	for _, w := range b.present {
		g = binary.LittleEndian.AppendUint64(g, w)
	}
	for _, e := range b.ends {
		g = binary.LittleEndian.AppendUint32(g, e)
	}
	return append(g, b.data...)
}

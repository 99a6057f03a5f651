package store

import (
	"encoding/binary"
	"math"
	"math/bits"

	"cc-metric-store/store/chunk"
)

// group holds the sealed values of a block, column by column, in one piece of
// memory without pointers, so that neither the garbage collector nor retention
// has to visit each series. All numbers are little-endian:
//
//	columns       uint32
//	count         uint32, of the columns that have values
//	present       uint64 for each 64 columns: bit i is set if column i has values
//	ends          uint32 for each of them: where its values end in data
//	data          the encoded values (package chunk), column after column
type group []byte

const (
	groupHeader = 8
	wordBytes   = 8
	endBytes    = 4
)

// column returns the encoded values of a column, nil if it has none.
func (g group) column(c int32) []byte {
	if len(g) == 0 {
		return nil
	}
	columns := int32(binary.LittleEndian.Uint32(g))
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

// sealer builds groups. Its memory is used again; it is for one goroutine at a
// time.
type sealer struct {
	encoder chunk.Encoder
	columns int32
	present []uint64
	ends    []uint32
	data    []byte
}

// begin starts a group of so many columns.
func (s *sealer) begin(columns int32) {
	s.columns = columns
	s.present = append(s.present[:0], make([]uint64, (columns+63)/64)...)
	s.ends, s.data = s.ends[:0], s.data[:0]
}

// add appends the values of a column; columns come in ascending order. A column
// of gaps is left out.
func (s *sealer) add(column int32, values []float64) {
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
	s.present[column/64] |= 1 << (column % 64)
	s.data = s.encoder.Encode(s.data, values)
	s.ends = append(s.ends, uint32(len(s.data)))
}

// finish returns the group, nil if it has no values.
func (s *sealer) finish() group {
	if len(s.ends) == 0 {
		return nil
	}
	g := make([]byte, 0, groupHeader+len(s.present)*wordBytes+len(s.ends)*endBytes+len(s.data))
	g = binary.LittleEndian.AppendUint32(g, uint32(s.columns))
	g = binary.LittleEndian.AppendUint32(g, uint32(len(s.ends)))
	for _, w := range s.present {
		g = binary.LittleEndian.AppendUint64(g, w)
	}
	for _, e := range s.ends {
		g = binary.LittleEndian.AppendUint32(g, e)
	}
	return append(g, s.data...)
}

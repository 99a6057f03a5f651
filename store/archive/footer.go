package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"

	"github.com/parquet-go/parquet-go/format"
)

const (
	// maxFooter bounds the footer of a file, which is in memory while it is read.
	maxFooter = 64 << 20
	// maxSequence bounds the number of a file, so that there are others after it.
	maxSequence = 1 << 62
	// maxForeignRows bounds a row group of other programs.
	maxForeignRows = 1 << 40
)

// errForeign is a file that is intact, but no file of samples.
var errForeign = errors.New("it has not the columns of a file of samples")

// fileMeta is what the footer of a file says. It is immutable.
type fileMeta struct {
	size     int64
	rows     int64
	version  int // of our format; 0: another program has written the file
	sequence uint64
	hosts    int
	leaves   int
	place    [columns]int // in the schema of the file; -1: it does not have the column
	types    [columns]format.Type
	groups   []groupMeta
	cost     int // bytes in memory, about
}

// groupMeta is what the footer says about a row group.
type groupMeta struct {
	rows   int64
	chunks [columns]chunkMeta
}

// chunkMeta says where the pages of a column lie.
type chunkMeta struct {
	codec       format.CompressionCodec
	start, end  int64 // in the file, with the dictionary
	data        int64 // first data page
	values      int64
	bounds      bounds
	columnIndex section
	offsetIndex section
}

// section is a part of the file. It has no length if there is none.
type section struct {
	offset int64
	length int64
}

// readFooter reads the footer of a file of that size.
func readFooter(r io.ReaderAt, size int64) (*fileMeta, error) {
	var end [8]byte
	if size < int64(2*len(parquetMagic)+4) {
		return nil, fmt.Errorf("it has %d bytes, too few for a Parquet file", size)
	}
	if _, err := r.ReadAt(end[:], size-8); err != nil && err != io.EOF {
		return nil, err
	}
	length := int64(binary.LittleEndian.Uint32(end[:]))
	if string(end[4:]) != parquetMagic {
		return nil, errors.New("it does not end as a Parquet file: it is damaged or cut off")
	}
	if length > size-12 || length > maxFooter {
		return nil, fmt.Errorf("its footer has %d bytes, of %d in the file: it is damaged", length, size)
	}
	data := make([]byte, length)
	if _, err := r.ReadAt(data, size-8-length); err != nil {
		return nil, fmt.Errorf("read the footer: %w", err)
	}
	m := &fileMeta{size: size}
	p := footerReader{thriftReader: thriftReader{data: data}, meta: m}
	p.file()
	if p.err != nil {
		return nil, fmt.Errorf("read the footer: %w", p.err)
	}
	return m, m.check(size - 8 - length)
}

// check makes sure that all that the footer says lies within the file, before end.
func (m *fileMeta) check(end int64) error {
	rows := int64(0)
	for i := range m.groups {
		g := &m.groups[i]
		if g.rows < 0 || g.rows > maxForeignRows || rows > maxForeignRows {
			return fmt.Errorf("row group %d claims to have %d rows: it is damaged", i, g.rows)
		}
		rows += g.rows
		for c := range g.chunks {
			if m.place[c] < 0 {
				continue
			}
			k := &g.chunks[c]
			isWithin := k.start >= 4 && k.start <= k.data && k.data <= k.end && k.end <= end
			for _, s := range []section{k.columnIndex, k.offsetIndex} {
				isWithin = isWithin && s.offset >= 0 && s.length >= 0 && s.length <= end && s.offset <= end-s.length
			}
			if !isWithin || k.values != g.rows {
				return fmt.Errorf("column %q of row group %d does not lie within the file: it is damaged", schema()[c].name, i)
			}
		}
	}
	if rows != m.rows {
		return fmt.Errorf("its row groups have %d rows, and the footer says %d: it is damaged", rows, m.rows)
	}
	return nil
}

// isValue says that the bytes can be a value of the column.
func (m *fileMeta) isValue(c column, b []byte) bool {
	switch m.types[c] {
	case format.ByteArray:
		return true
	case format.Int32, format.Float:
		return len(b) == 4
	}
	return len(b) == 8
}

// int is a value of a column of whole numbers in bounds that are known.
func (m *fileMeta) int(c column, v string) int64 {
	if m.types[c] == format.Int32 {
		return int64(int32(binary.LittleEndian.Uint32([]byte(v))))
	}
	return int64(binary.LittleEndian.Uint64([]byte(v)))
}

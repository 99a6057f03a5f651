package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go/format"
)

const (
	// maxFooter bounds the footer of a file, which is in memory while it is read.
	maxFooter = 64 << 20
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

// footerReader reads the parts of the footer that are needed.
type footerReader struct {
	thriftReader
	meta *fileMeta
}

func (r *footerReader) file() {
	m := r.meta
	isSchema := false
	r.structure(func(id int64, kind byte) {
		switch {
		case id == 2 && kind == thriftList:
			r.schema()
			isSchema = true
		case id == 3 && kind == thriftI64:
			m.rows = r.int()
		case id == 4 && kind == thriftList && isSchema:
			r.list(func(_ int, kind byte) { r.group(kind) })
		case id == 5 && kind == thriftList:
			r.list(func(_ int, kind byte) { r.keyValue(kind) })
		case id == 8: // encryption
			r.refuse("it is encrypted")
		default:
			r.skip(kind)
		}
	})
	if r.err == nil && !isSchema {
		r.err = errForeign
	}
	m.cost = len(m.groups) * 1800
}

func (r *footerReader) refuse(why string) {
	if r.err == nil {
		r.err = fmt.Errorf("%w: %s", errForeign, why)
	}
}

// schema reads the columns: the root, and below it values that every row has.
func (r *footerReader) schema() {
	m := r.meta
	for c := range m.place {
		m.place[c] = -1
	}
	r.list(func(i int, kind byte) {
		if kind != thriftStruct {
			r.fail()
			return
		}
		var name string
		physical, repetition, children := int64(-1), int64(0), int64(0)
		r.structure(func(id int64, kind byte) {
			switch {
			case id == 1 && kind == thriftI32:
				physical = r.int()
			case id == 3 && kind == thriftI32:
				repetition = r.int()
			case id == 4 && kind == thriftBinary:
				name = string(r.bytes())
			case id == 5 && kind == thriftI32:
				children = r.int()
			default:
				r.skip(kind)
			}
		})
		if i == 0 || r.err != nil {
			return
		}
		if children > 0 {
			r.refuse(fmt.Sprintf("column %.60q has columns", name))
			return
		}
		r.leaf(i-1, name, format.Type(physical), format.FieldRepetitionType(repetition))
		m.leaves = i
	})
	for c, info := range schema() {
		if info.required && m.place[c] < 0 {
			r.refuse(fmt.Sprintf("there is no column %q", info.name))
		}
	}
}

func (r *footerReader) leaf(place int, name string, t format.Type, repetition format.FieldRepetitionType) {
	for c, info := range schema() {
		if info.name != name {
			continue
		}
		isRight := false
		switch info.kind {
		case kindString:
			isRight = t == format.ByteArray
		case kindInt:
			isRight = t == format.Int32 || t == format.Int64
		case kindFloat:
			isRight = t == format.Float || t == format.Double
		}
		switch {
		case !isRight:
			r.refuse(fmt.Sprintf("column %q has the type %v", name, t))
		case repetition != format.Required:
			r.refuse(fmt.Sprintf("column %q may have no value or many", name))
		case r.meta.place[c] >= 0:
			r.refuse(fmt.Sprintf("column %q is there twice", name))
		}
		r.meta.place[c], r.meta.types[c] = place, t
	}
}

func (r *footerReader) keyValue(kind byte) {
	if kind != thriftStruct {
		r.fail()
		return
	}
	var key, value string
	r.structure(func(id int64, kind byte) {
		switch {
		case id == 1 && kind == thriftBinary:
			key = string(r.bytes())
		case id == 2 && kind == thriftBinary:
			value = string(r.bytes())
		default:
			r.skip(kind)
		}
	})
	var err error
	switch key {
	case keyVersion:
		if r.meta.version, err = strconv.Atoi(value); err == nil && r.meta.version != version {
			r.refuse(fmt.Sprintf("it has version %d of the format, and this program reads version %d", r.meta.version, version))
		}
	case keySequence:
		r.meta.sequence, err = strconv.ParseUint(value, 10, 64)
	case keyHosts:
		r.meta.hosts, err = strconv.Atoi(value)
	}
	if err != nil {
		r.fail()
	}
}

func (r *footerReader) group(kind byte) {
	if kind != thriftStruct {
		r.fail()
		return
	}
	m := r.meta
	if len(m.groups) == math.MaxInt16 { // that is what the format can number
		r.fail()
		return
	}
	m.groups = append(m.groups, groupMeta{})
	g := &m.groups[len(m.groups)-1]
	leaves := 0
	r.structure(func(id int64, kind byte) {
		switch {
		case id == 1 && kind == thriftList:
			r.list(func(i int, kind byte) {
				leaves++
				if kind != thriftStruct {
					r.fail()
					return
				}
				for c, place := range m.place {
					if place == i {
						r.chunk(&g.chunks[c], column(c))
						return
					}
				}
				r.skip(kind)
			})
		case id == 3 && kind == thriftI64:
			g.rows = r.int()
		default:
			r.skip(kind)
		}
	})
	if r.err == nil && leaves != m.leaves {
		r.fail()
	}
}

func (r *footerReader) chunk(k *chunkMeta, c column) {
	r.structure(func(id int64, kind byte) {
		switch {
		case id == 1: // file_path
			r.refuse("its columns are in other files")
		case id == 3 && kind == thriftStruct:
			r.chunkMeta(k, c)
		case id == 4 && kind == thriftI64:
			k.offsetIndex.offset = r.int()
		case id == 5 && kind == thriftI32:
			k.offsetIndex.length = r.int()
		case id == 6 && kind == thriftI64:
			k.columnIndex.offset = r.int()
		case id == 7 && kind == thriftI32:
			k.columnIndex.length = r.int()
		default:
			r.skip(kind)
		}
	})
}

func (r *footerReader) chunkMeta(k *chunkMeta, c column) {
	var size, dictionary int64
	physical := format.Type(-1)
	r.structure(func(id int64, kind byte) {
		switch {
		case id == 1 && kind == thriftI32:
			physical = format.Type(r.int())
		case id == 4 && kind == thriftI32:
			k.codec = format.CompressionCodec(r.int())
		case id == 5 && kind == thriftI64:
			k.values = r.int()
		case id == 7 && kind == thriftI64:
			size = r.int()
		case id == 9 && kind == thriftI64:
			k.data = r.int()
		case id == 11 && kind == thriftI64:
			dictionary = r.int()
		case id == 12 && kind == thriftStruct:
			r.statistics(&k.bounds, c)
		default:
			r.skip(kind)
		}
	})
	if r.err == nil && physical != r.meta.types[c] {
		r.fail()
	}
	k.start = k.data
	if dictionary > 0 && dictionary < k.start {
		k.start = dictionary
	}
	if size < 0 || size > r.meta.size {
		r.fail()
	}
	k.end = k.start + size
}

// statistics reads the bounds of a chunk. The deprecated ones are not used: their order is not defined.
func (r *footerReader) statistics(b *bounds, c column) {
	var lowest, highest []byte
	r.structure(func(id int64, kind byte) {
		switch {
		case id == 5 && kind == thriftBinary:
			highest = r.bytes()
		case id == 6 && kind == thriftBinary:
			lowest = r.bytes()
		default:
			r.skip(kind)
		}
	})
	*b = r.meta.bounds(lowest, highest, c, lowest != nil && highest != nil)
}

// bounds are the bounds of a column, if they can be used.
func (m *fileMeta) bounds(lowest, highest []byte, c column, known bool) bounds {
	if known && schema()[c].kind != kindString {
		n := 8
		if m.types[c] == format.Int32 || m.types[c] == format.Float {
			n = 4
		}
		known = len(lowest) == n && len(highest) == n
	}
	if !known {
		return bounds{}
	}
	return bounds{string(lowest), string(highest), true}
}

// int is a value of a column of whole numbers in bounds that are known.
func (m *fileMeta) int(c column, v string) int64 {
	if m.types[c] == format.Int32 {
		return int64(int32(binary.LittleEndian.Uint32([]byte(v))))
	}
	return int64(binary.LittleEndian.Uint64([]byte(v)))
}

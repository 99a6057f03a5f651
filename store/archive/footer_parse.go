package archive

import (
	"fmt"
	"math"
	"strconv"

	"github.com/parquet-go/parquet-go/format"
)

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
		if err == nil && r.meta.sequence > maxSequence {
			r.refuse(fmt.Sprintf("it claims to be file %d of the archive, so that none could come after it", r.meta.sequence))
		}
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
	if lowest != nil && highest != nil && r.meta.isValue(c, lowest) && r.meta.isValue(c, highest) {
		*b = bounds{string(lowest), string(highest), true}
	}
}

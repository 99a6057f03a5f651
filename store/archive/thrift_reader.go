package archive

import (
	"encoding/binary"
	"errors"
	"fmt"
)

// Types of the compact protocol of Thrift.
const (
	thriftTrue   = 1
	thriftFalse  = 2
	thriftI8     = 3
	thriftI16    = 4
	thriftI32    = 5
	thriftI64    = 6
	thriftDouble = 7
	thriftBinary = 8
	thriftList   = 9
	thriftSet    = 10
	thriftMap    = 11
	thriftStruct = 12
)

// maxThriftDepth bounds how deep structs and lists lie in each other.
const maxThriftDepth = 16

var errThrift = errors.New("the metadata are damaged")

// thriftReader reads the compact protocol from bytes that nobody vouches for. It allocates
// nothing by a length that the bytes claim: a list has to have an element for each one that it
// counts. After an error all reads return zero values.
//
// The decoder of the library makes each list as long as it says it is, so that a few damaged
// bytes could take all memory.
type thriftReader struct {
	data  []byte
	pos   int
	depth int
	err   error
}

func (r *thriftReader) fail() {
	if r.err == nil {
		r.err = fmt.Errorf("%w at byte %d", errThrift, r.pos)
	}
}

func (r *thriftReader) byte() byte {
	if r.err != nil || r.pos >= len(r.data) {
		r.fail()
		return 0
	}
	r.pos++
	return r.data[r.pos-1]
}

func (r *thriftReader) uvarint() uint64 {
	if r.err != nil {
		return 0
	}
	v, n := binary.Uvarint(r.data[r.pos:])
	if n <= 0 {
		r.fail()
		return 0
	}
	r.pos += n
	return v
}

// int reads an integer of any size.
func (r *thriftReader) int() int64 {
	v := r.uvarint()
	return int64(v>>1) ^ -int64(v&1)
}

// bytes reads a text. It is part of the data.
func (r *thriftReader) bytes() []byte {
	n := r.uvarint()
	if r.err != nil || n > uint64(len(r.data)-r.pos) {
		r.fail()
		return nil
	}
	r.pos += int(n)
	return r.data[r.pos-int(n) : r.pos]
}

func (r *thriftReader) enter() bool {
	r.depth++
	if r.depth > maxThriftDepth {
		r.fail()
	}
	return r.err == nil
}

// structure calls field for each field of a struct. field reads the value or skips it. A bool
// has its value in its type.
func (r *thriftReader) structure(field func(id int64, kind byte)) {
	if r.enter() {
		id := int64(0)
		for {
			head := r.byte()
			if r.err != nil || head&0x0f == 0 {
				break
			}
			if delta := int64(head >> 4); delta != 0 {
				id += delta
			} else {
				id = r.int()
			}
			field(id, head&0x0f)
		}
	}
	r.depth--
}

// list calls element for each element of a list.
func (r *thriftReader) list(element func(i int, kind byte)) {
	if r.enter() {
		head := r.byte()
		n := uint64(head >> 4)
		if n == 15 {
			n = r.uvarint()
		}
		// Each element takes a byte at least.
		if n > uint64(len(r.data)-r.pos) {
			r.fail()
		}
		for i := 0; r.err == nil && i < int(n); i++ {
			element(i, head&0x0f)
		}
	}
	r.depth--
}

// skip reads over a value.
func (r *thriftReader) skip(kind byte) {
	switch kind {
	case thriftTrue, thriftFalse: // of a field: there is nothing more
	case thriftI8:
		r.byte()
	case thriftI16, thriftI32, thriftI64:
		r.uvarint()
	case thriftDouble:
		if len(r.data)-r.pos < 8 {
			r.fail()
			return
		}
		r.pos += 8
	case thriftBinary:
		r.bytes()
	case thriftList, thriftSet:
		r.list(func(_ int, kind byte) { r.skipElement(kind) })
	case thriftMap:
		r.skipMap()
	case thriftStruct:
		r.structure(func(_ int64, kind byte) { r.skip(kind) })
	default:
		r.fail()
	}
}

// skipElement reads over an element of a list, where a bool takes a byte.
func (r *thriftReader) skipElement(kind byte) {
	if kind == thriftTrue || kind == thriftFalse {
		r.byte()
		return
	}
	r.skip(kind)
}

func (r *thriftReader) skipMap() {
	n := r.uvarint()
	if n == 0 || r.err != nil {
		return
	}
	if n > uint64(len(r.data)-r.pos) || !r.enter() {
		r.fail()
		return
	}
	kinds := r.byte()
	for i := uint64(0); r.err == nil && i < n; i++ {
		r.skipElement(kinds >> 4)
		r.skipElement(kinds & 0x0f)
	}
	r.depth--
}

package checkpoint

import (
	"encoding/binary"
	"fmt"
	"math"
)

// fields appends integers and texts to a payload.
type fields []byte

func (f *fields) uint(v uint64)   { *f = binary.AppendUvarint(*f, v) }
func (f *fields) int(v int64)     { *f = binary.AppendVarint(*f, v) }
func (f *fields) text(s string)   { f.uint(uint64(len(s))); *f = append(*f, s...) }
func (f *fields) bytes(b []byte)  { f.uint(uint64(len(b))); *f = append(*f, b...) }
func (f *fields) float(v float64) { *f = binary.LittleEndian.AppendUint64(*f, math.Float64bits(v)) }

// scanner reads what fields wrote. After the first fault it returns zeros, and err says what
// was wrong.
type scanner struct {
	rest []byte
	err  error
}

func (s *scanner) fail(what string) {
	if s.err == nil {
		s.err = fmt.Errorf("%s: %w", what, ErrDamaged)
		s.rest = nil
	}
}

func (s *scanner) uint() uint64 {
	v, n := binary.Uvarint(s.rest)
	if n <= 0 {
		s.fail("an integer breaks off")
		return 0
	}
	s.rest = s.rest[n:]
	return v
}

func (s *scanner) int() int64 {
	v, n := binary.Varint(s.rest)
	if n <= 0 {
		s.fail("an integer breaks off")
		return 0
	}
	s.rest = s.rest[n:]
	return v
}

// index reads an integer, which is below limit.
func (s *scanner) index(limit int) int32 {
	v := s.uint()
	if s.err == nil && v >= uint64(limit) {
		s.fail("an index out of range")
		return 0
	}
	return int32(v)
}

// count reads the number of items that follow, each of which has at least so many bytes.
func (s *scanner) count(least int) int {
	v := s.uint()
	if v > uint64(len(s.rest)/least) {
		s.fail("more items than there are bytes")
		return 0
	}
	return int(v)
}

// bytes reads a length and as many bytes, which are a part of the payload.
func (s *scanner) bytes() []byte {
	n := s.count(1)
	b := s.rest[:n:n]
	s.rest = s.rest[n:]
	return b
}

func (s *scanner) text() string { return string(s.bytes()) }

func (s *scanner) float() float64 {
	if len(s.rest) < 8 {
		s.fail("a value breaks off")
		return 0
	}
	v := math.Float64frombits(binary.LittleEndian.Uint64(s.rest))
	s.rest = s.rest[8:]
	return v
}

// end returns the first fault. Bytes that are left over are one, too.
func (s *scanner) end() error {
	if len(s.rest) > 0 {
		s.fail("bytes left over")
	}
	return s.err
}

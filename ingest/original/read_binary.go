package original

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"io"
	"math"
)

// A binary snapshot, little-endian: u32 magic, i64 from, i64 to, and the level of the host.
// A level is u32 metrics, each a name, i64 frequency, i64 start, u32 values, each a float32; and
// u32 children, each a name and a level. A name is u16 length and bytes. It has no checksum.
const binaryMagic = 0xCC5B0001

// binaryReader reads one binary snapshot. No memory is taken for what a number claims.
type binaryReader struct {
	r      *bufio.Reader
	offset int64
	buf    [8]byte
	v      visitor
	from   int64
	to     int64
}

// readBinary reads a snapshot up to its end, or its first damage, and tells the visitor.
func readBinary(r io.Reader, v visitor) error {
	b := &binaryReader{r: bufio.NewReaderSize(r, 64<<10), v: v}
	magic, err := b.number(4)
	if err == nil && magic != binaryMagic {
		err = fmt.Errorf("it begins with 0x%08X, and not with 0x%08X", magic, uint32(binaryMagic))
	}
	if err == nil {
		b.from, b.to, err = b.span()
	}
	if err == nil {
		err = b.level(nil)
	}
	if err == nil {
		if _, end := b.r.ReadByte(); end == nil {
			err = errors.New("something follows the end of the snapshot")
		}
	}
	return b.fault(err)
}

// fault says where the reader stopped, unless it was stopped.
func (b *binaryReader) fault(err error) error {
	if err == nil {
		return nil
	}
	if stop, ok := errors.AsType[*stopError](err); ok {
		return stop.cause
	}
	return &damageError{b.offset, cutShort(err)}
}

func (b *binaryReader) span() (from, to int64, err error) {
	f, err := b.number(8)
	if err != nil {
		return 0, 0, err
	}
	t, err := b.number(8)
	return int64(f), int64(t), err
}

// number reads an unsigned number of n bytes.
func (b *binaryReader) number(n int) (uint64, error) {
	m, err := io.ReadFull(b.r, b.buf[:n])
	b.offset += int64(m)
	if err != nil {
		return 0, err
	}
	clear(b.buf[n:])
	return binary.LittleEndian.Uint64(b.buf[:]), nil
}

func (b *binaryReader) name() (string, error) {
	n, err := b.number(2)
	if err != nil {
		return "", err
	}
	name := make([]byte, n)
	m, err := io.ReadFull(b.r, name)
	b.offset += int64(m)
	return string(name), err
}

// level reads a level, whose keys below the host are given.
func (b *binaryReader) level(keys []string) error {
	if len(keys) > 2 {
		return errDeep
	}
	metrics, err := b.number(4)
	if err != nil {
		return err
	}
	for range metrics {
		if err := b.metric(keys); err != nil {
			return err
		}
	}
	children, err := b.number(4)
	if err != nil {
		return err
	}
	for range children {
		name, err := b.name()
		if err != nil {
			return err
		}
		if err := b.level(append(keys[:len(keys):len(keys)], name)); err != nil {
			return err
		}
	}
	return nil
}

func (b *binaryReader) metric(keys []string) error {
	name, err := b.name()
	if err != nil {
		return err
	}
	frequency, start, err := b.span()
	if err != nil {
		return err
	}
	values, err := b.number(4)
	if err != nil {
		return err
	}
	// What is no checksum but finds most damage: the series lies within the time of the file.
	if b.to > b.from && b.from > 0 && (start < b.from || start > b.to+maxFrequency) {
		return fmt.Errorf("the series %.100q starts at %d, outside of the time of the file, %d to %d", name, start, b.from, b.to)
	}
	if b.to > b.from && b.from > 0 && frequency > 0 && values > uint64((b.to-b.from)/frequency)+1 {
		return fmt.Errorf("the series %.100q claims %d values, more than there are intervals in the time of the file", name, values)
	}
	if err := b.v.begin(keys, name, header{frequency: frequency, start: start, from: b.from}); err != nil {
		return err
	}
	for range values {
		bits, err := b.number(4)
		if err != nil {
			return err
		}
		if err := b.v.value(float64(math.Float32frombits(uint32(bits)))); err != nil {
			return &stopError{err}
		}
	}
	return nil
}

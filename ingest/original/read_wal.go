package original

import (
	"bufio"
	"bytes"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"
)

// A write-ahead file, little-endian: u32 magic, then records: u32 magic, u32 length of the
// payload, the payload, u32 CRC-32 (IEEE) of it. A payload is i64 time, u16 length and metric,
// u8 number of keys, each u8 length and bytes, and the value, a float32.
//
// A process that is killed leaves half a record at the end, and the next one goes on behind it.
// So what is no record is skipped up to the next one whose checksum is right.
const (
	walMagic    = 0xCC1DA701
	recordMagic = 0xCC1DA7A1

	recordHead = 8       // magic and length
	maxPayload = 1 << 17 // more than the longest names take
	// maxSearch bounds the bytes whose checksum is taken in vain, so that a file of nothing but
	// magic numbers takes no longer than others.
	maxSearch = 64 << 20
)

// walRecord is a record. What it has is valid until the next one is read.
type walRecord struct {
	at     int64
	metric []byte
	keys   [][]byte
	value  float32
}

// walReader reads one write-ahead file.
type walReader struct {
	r        *bufio.Reader
	source   *source
	offset   int64
	skipped  int64 // bytes that are no records
	gaps     int
	first    int64 // offset of the first gap
	why      error // of the first gap
	searched int64 // bytes whose checksum was taken in vain
	record   walRecord
}

// readWAL gives each record to take, until that fails. It returns that error, or a damageError
// if some of the file was no record.
func readWAL(r io.Reader, take func(*walRecord) error) error {
	src := &source{r: r}
	w := &walReader{r: bufio.NewReaderSize(src, 2*maxPayload), source: src}
	err := w.begin()
	for err == nil {
		if err = take(&w.record); err != nil {
			return err
		}
		err = w.next()
	}
	return w.damage()
}

// begin reads the head of the file and the first record.
func (w *walReader) begin() error {
	head, _ := w.r.Peek(4)
	switch {
	case len(head) == 0:
		return io.EOF // it was made, and nothing came
	case len(head) == 4 && binary.LittleEndian.Uint32(head) == walMagic:
		w.discard(4)
		return w.next()
	}
	return w.searchOn(fmt.Errorf("it begins with % X, which is no write-ahead file", head))
}

// source ends at the first error, which it keeps: what came before it is read as if the file
// ended there.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (int, error) {
	n, err := s.r.Read(p)
	if err != nil && !errors.Is(err, io.EOF) {
		s.err, err = err, io.EOF
	}
	return n, err
}

// damage says what was skipped.
func (w *walReader) damage() error {
	switch {
	case w.source.err != nil:
		return &damageError{w.offset, w.source.err}
	case w.gaps == 0:
		return nil
	}
	return &damageError{w.first, fmt.Errorf("%w; %d bytes in %d places are no records and were skipped", w.why, w.skipped, w.gaps)}
}

func (w *walReader) skipBytes(n int) {
	w.skipped += int64(n)
	w.discard(n)
}

func (w *walReader) discard(n int) {
	n, _ = w.r.Discard(n) // they were looked at
	w.offset += int64(n)
}

// next reads the next record, with io.EOF after the last one.
func (w *walReader) next() error {
	n, err := w.parse()
	if err == nil {
		w.discard(n)
		return nil
	}
	if errors.Is(err, io.EOF) {
		return err
	}
	return w.searchOn(err)
}

// searchOn passes what is no record, for the reason given, and reads the next one.
func (w *walReader) searchOn(why error) error {
	if w.gaps == 0 {
		w.first, w.why = w.offset, why
	}
	w.gaps++
	w.skipBytes(1)
	for {
		switch found, err := w.find(); {
		case err != nil:
			return err
		case !found:
			continue
		}
		n, err := w.parse()
		if err == nil {
			w.discard(n)
			return nil
		}
		if w.searched > maxSearch {
			w.why = fmt.Errorf("%w; so much is damaged that it was read no further than to byte %d", w.why, w.offset)
			return io.EOF
		}
		w.skipBytes(1)
	}
}

// find goes on to what may be the beginning of a record.
func (w *walReader) find() (found bool, err error) {
	window, _ := w.r.Peek(maxPayload)
	if len(window) < recordHead {
		w.skipBytes(len(window))
		return false, io.EOF
	}
	i := bytes.Index(window, binary.LittleEndian.AppendUint32(nil, recordMagic))
	if i >= 0 {
		w.skipBytes(i)
		return true, nil
	}
	w.skipBytes(len(window) - 3) // in which one may begin
	return false, nil
}

// parse reads the record that begins here and returns its length, without passing it. io.EOF
// says that the file ends here.
func (w *walReader) parse() (n int, err error) {
	head, _ := w.r.Peek(recordHead)
	switch {
	case len(head) == 0:
		return 0, io.EOF
	case len(head) < recordHead:
		return 0, errCut
	}
	if magic := binary.LittleEndian.Uint32(head); magic != recordMagic {
		return 0, fmt.Errorf("a record begins with 0x%08X, and not with 0x%08X", magic, uint32(recordMagic))
	}
	length := binary.LittleEndian.Uint32(head[4:])
	if length > maxPayload {
		return 0, fmt.Errorf("a record claims %d bytes", length)
	}
	n = recordHead + int(length) + 4
	all, _ := w.r.Peek(n)
	if len(all) < n {
		return 0, errCut
	}
	payload := all[recordHead : n-4]
	if crc32.ChecksumIEEE(payload) != binary.LittleEndian.Uint32(all[n-4:]) {
		w.searched += int64(n)
		return 0, errors.New("the checksum of a record is wrong")
	}
	return n, w.record.parse(payload)
}

var errRecord = errors.New("the lengths in a record do not fit")

// parse takes a payload apart.
func (r *walRecord) parse(p []byte) error {
	if len(p) < 8+2+1+4 {
		return errRecord
	}
	r.at = int64(binary.LittleEndian.Uint64(p))
	length := int(binary.LittleEndian.Uint16(p[8:]))
	if p = p[10:]; len(p) < length+1 {
		return errRecord
	}
	r.metric, p = p[:length], p[length:]
	r.keys = r.keys[:0]
	keys := int(p[0])
	p = p[1:]
	for range keys {
		if len(p) < 1 || len(p) < 1+int(p[0]) {
			return errRecord
		}
		r.keys = append(r.keys, p[1:1+int(p[0])])
		p = p[1+int(p[0]):]
	}
	if len(p) != 4 {
		return errRecord
	}
	r.value = math.Float32frombits(binary.LittleEndian.Uint32(p))
	return nil
}

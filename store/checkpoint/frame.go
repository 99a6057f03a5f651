package checkpoint

import (
	"bufio"
	"encoding/binary"
	"errors"
	"fmt"
	"hash/crc32"
	"io"
	"math"

	"cc-metric-store/store/chunk"
)

// Versions of the formats that are written, by the kind of the file. Older ones are read as
// well: checkpoints of version 1 have no sparse blocks, and no frames with further names of
// metrics; records of segments of version 1 have no totals.
const (
	versionCheckpoint = 2
	versionSegment    = 2
	versionEras       = 1
)

func versionOf(kind byte) byte {
	switch kind {
	case kindCheckpoint:
		return versionCheckpoint
	case kindEras:
		return versionEras
	}
	return versionSegment
}

// Each file begins with a header of eight bytes: four that name the program, the kind of the
// file, the version of its format, the highest version of the blocks in it, and a zero.
const (
	fileMagic      = "ccms"
	kindCheckpoint = 'c'
	kindSegment    = 's'
	kindEras       = 'e'
	headerBytes    = 8
)

// fileHeader returns the header that this version of the program writes.
func fileHeader(kind byte) []byte {
	blocks := byte(chunk.Version)
	if kind == kindEras {
		blocks = 1 // it has none, so that any program can read it
	}
	return []byte{fileMagic[0], fileMagic[1], fileMagic[2], fileMagic[3], kind, versionOf(kind), blocks, 0}
}

// checkFileHeader returns an error if a file with the header cannot be read.
func checkFileHeader(header []byte, kind byte) error {
	want := fileHeader(kind)
	version := versionOf(kind)
	switch {
	case len(header) < headerBytes:
		return fmt.Errorf("no header: %w", ErrDamaged)
	case string(header[:5]) != string(want[:5]) || header[7] != 0 || header[5] == 0 || header[6] == 0:
	case header[5] <= version && header[6] <= chunk.Version:
		return nil
	case header[5] > version || header[6] > chunk.Version:
		return fmt.Errorf("format %d with blocks of format %d, this program reads up to %d and %d: %w", header[5], header[6], version, chunk.Version, ErrVersion)
	}
	return fmt.Errorf("it does not begin like one: %w", ErrDamaged)
}

// isNewer reports whether a newer version of the program wrote the file.
func isNewer(path string, kind byte) bool {
	file, err := openFile(path)
	if err != nil {
		return false
	}
	defer file.Close()
	header := make([]byte, headerBytes)
	_, err = io.ReadFull(file, header)
	return err == nil && errors.Is(checkFileHeader(header, kind), ErrVersion)
}

// Kinds of frames.
const (
	frameHeader  = 'H'
	frameMetrics = 'm'
	frameHost    = 'h'
	frameEnd     = 'E'
	frameEras    = 'e' // of the file with the eras
)

// The length and the checksum come before the payload of a frame or a record.
const prefixBytes = 8

// The largest payloads of a record and of a frame. A frame holds all blocks of a host that are
// not in segments.
const (
	maxPayload = 1 << 30
	maxFrame   = math.MaxUint32
)

// checksum covers a payload and where it belongs: at is the index of a frame in its file, or the
// offset of a record in its segment. So none can stand in for another one.
func checksum(at uint64, payload []byte) uint32 {
	var p [8]byte
	binary.LittleEndian.PutUint64(p[:], at)
	table := crc32.MakeTable(crc32.Castagnoli) // the same one each time
	return crc32.Update(crc32.Update(0, table, p[:]), table, payload)
}

// appendPrefix appends the length and the checksum of a payload.
func appendPrefix(dst []byte, at uint64, payload []byte) []byte {
	dst = binary.LittleEndian.AppendUint32(dst, uint32(len(payload)))
	return binary.LittleEndian.AppendUint32(dst, checksum(at, payload))
}

// frameReader reads the frames of a file in their order. next is the index of the next one.
type frameReader struct {
	r    *bufio.Reader
	next uint64
}

// read returns the kind and the payload of the next frame. The payload belongs
// to the caller.
func (f *frameReader) read() (kind byte, payload []byte, err error) {
	var prefix [prefixBytes]byte
	if _, err := io.ReadFull(f.r, prefix[:]); err != nil {
		return 0, nil, f.fault(err)
	}
	n := binary.LittleEndian.Uint32(prefix[:])
	if n < 1 {
		return 0, nil, fmt.Errorf("frame %d of %d bytes: %w", f.next, n, ErrDamaged)
	}
	if payload, err = readPayload(f.r, int(n)); err != nil {
		return 0, nil, f.fault(err)
	}
	if checksum(f.next, payload) != binary.LittleEndian.Uint32(prefix[4:]) {
		return 0, nil, fmt.Errorf("frame %d: wrong checksum: %w", f.next, ErrDamaged)
	}
	f.next++
	return payload[0], payload[1:], nil
}

// readPayload reads n bytes. The length may be damaged: it allocates not much more than there is
// to read.
func readPayload(r io.Reader, n int) ([]byte, error) {
	if n <= 1<<20 {
		payload := make([]byte, n)
		_, err := io.ReadFull(r, payload)
		return payload, err
	}
	payload, err := io.ReadAll(io.LimitReader(r, int64(n)))
	if err == nil && len(payload) < n {
		err = io.ErrUnexpectedEOF
	}
	return payload, err
}

// fault describes an error of reading; a file that ends too early is damaged.
func (f *frameReader) fault(err error) error {
	if errors.Is(err, io.EOF) || errors.Is(err, io.ErrUnexpectedEOF) {
		return fmt.Errorf("it breaks off in frame %d: %w", f.next, ErrDamaged)
	}
	return fmt.Errorf("frame %d: %w", f.next, err)
}

// atEnd reports whether nothing follows.
func (f *frameReader) atEnd() bool {
	_, err := f.r.Peek(1)
	return err == io.EOF
}

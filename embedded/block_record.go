package embedded

import (
	"bytes"
	"crypto/sha256"
	"encoding/binary"
	"fmt"
	"hash"
	"math"
	"time"

	"github.com/minio/highwayhash"
)

// A block of nats-server is a row of records (little endian):
//
//	length u32 (top bit: with headers) | sequence u64 | time i64 (ns) | length of the subject u16
//	subject | [length of the headers u32] | headers and message | checksum of 8 bytes
//
// The checksum covers everything but the lengths. Its key is the stream's name and the block's
// number. The two top bits of the sequence say that the record marks a removed message.
// TestBlocksAsTheServerWritesThem fails if nats-server changes that.
const (
	recordHeader = 22
	recordSum    = 8
	longRecord   = 32 << 20
	headerBit    = 1 << 31
	erasedBit    = 1 << 63
	tombstoneBit = 1 << 62
)

// record is a record whose checksum is right.
type record struct {
	length int
	seq    uint64
	time   time.Time
	// removal says that the record is no message, but says that the message with the sequence
	// number was removed.
	removal bool
}

// recordReader reads the records of one block.
type recordReader struct {
	h   hash.Hash64
	sum []byte
}

func newRecordReader(stream string, block int) (*recordReader, error) {
	key := sha256.Sum256(fmt.Appendf(nil, "%s-%d", stream, block))
	h, err := highwayhash.New64(key[:])
	return &recordReader{h: h}, err
}

// length returns the length of the record at the beginning of data, as the record says, and false
// if it cannot be right.
func (r *recordReader) length(data []byte) (length, subject int, headers, ok bool) {
	if len(data) < recordHeader {
		return 0, 0, false, false
	}
	n := binary.LittleEndian.Uint32(data)
	headers = n&headerBit != 0
	length, subject = int(n&^headerBit), int(binary.LittleEndian.Uint16(data[20:]))
	least := recordHeader + subject + recordSum
	if headers {
		least += 4
	}
	return length, subject, headers, length >= least && length <= longRecord
}

// read returns the record at the beginning of data, false if there is none.
func (r *recordReader) read(data []byte) (record, bool) {
	length, subject, headers, ok := r.length(data)
	if !ok || length > len(data) {
		return record{}, false
	}
	body := recordHeader + subject
	if headers {
		body += 4
	}
	end := length - recordSum
	r.h.Reset()
	_, _ = r.h.Write(data[4:20])
	_, _ = r.h.Write(data[recordHeader : recordHeader+subject])
	_, _ = r.h.Write(data[body:end])
	if r.sum = r.h.Sum(r.sum[:0]); !bytes.Equal(r.sum, data[end:length]) {
		return record{}, false
	}
	if headers && !endsHeaders(data[body:end], binary.LittleEndian.Uint32(data[body-4:])) {
		return record{}, false
	}
	seq := binary.LittleEndian.Uint64(data[4:])
	at := time.Unix(0, int64(binary.LittleEndian.Uint64(data[12:]))).UTC()
	return record{length, seq &^ (erasedBit | tombstoneBit), at, seq&tombstoneBit != 0}, true
}

// endsHeaders reports whether the headers of a message can have the length. The checksum does not
// cover it. nats-server drops a message if the length is beyond its end. With another wrong
// length, a part of the headers would belong to the message, or the reverse.
func endsHeaders(content []byte, length uint32) bool {
	if int64(length) > int64(len(content)) {
		return false
	}
	end := bytes.Index(content, []byte("\r\n\r\n"))
	return end < 0 || !bytes.HasPrefix(content, []byte("NATS/1.0")) || int(length) == end+4
}

// next returns the index in data at which the next record begins, len(data) if there is none.
func (r *recordReader) next(data []byte) int {
	for at := 0; at+recordHeader <= len(data); at++ {
		// A hole in a file reads as zeros, and may be large. No record begins with a length of 0.
		if binary.LittleEndian.Uint64(data[at:]) == 0 {
			at += 4
			continue
		}
		// Sequence numbers are far below this, so that few places need more than a look.
		if binary.LittleEndian.Uint64(data[at+4:])&^(erasedBit|tombstoneBit) > math.MaxUint32<<8 {
			continue
		}
		if _, ok := r.read(data[at:]); ok {
			return at
		}
	}
	return len(data)
}

// cutOff reports whether data may be the beginning of a record, or room for one that was never
// written: a program that ends while it writes leaves that behind.
func (r *recordReader) cutOff(data []byte) bool {
	if len(bytes.Trim(data, "\x00")) == 0 || len(data) < recordHeader {
		return true
	}
	length, _, _, ok := r.length(data)
	return ok && length > len(data)
}

package embedded

import (
	"encoding/binary"
	"os"
	"strconv"
	"testing"
)

// TestBlocksAsTheServerWritesThem reads all records of the blocks that nats-server
// has written: another version of it may write others.
func TestBlocksAsTheServerWritesThem(t *testing.T) {
	dir := makeSite(t).stopped
	next := uint64(1)
	for block := 1; block <= 4; block++ {
		data, err := os.ReadFile(streamPath(dir, messagesName, strconv.Itoa(block)+blockSuffix))
		if err != nil {
			t.Fatal(err)
		}
		reader, err := newRecordReader("S", block)
		if err != nil {
			t.Fatal(err)
		}
		for len(data) > 0 {
			r, ok := reader.read(data)
			if !ok {
				t.Fatalf("block %d: no record where entry %d should be", block, next)
			}
			if r.seq != next || r.removal || r.time.IsZero() {
				t.Fatalf("block %d: %+v, want entry %d", block, r, next)
			}
			data, next = data[r.length:], next+1
		}
	}
	if next != messages+1 {
		t.Errorf("the blocks hold %d entries, want %d", next-1, messages)
	}
}

// TestOneBitOfARecord flips each bit of a record in turn: none may go unnoticed, be
// it one that the checksum does not cover. Without headers nothing tells that the
// length of the subject is wrong; all entries of ours have some.
func TestOneBitOfARecord(t *testing.T) {
	reader, err := newRecordReader("S", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, headers := range []string{"", "NATS/1.0\r\nA: b\r\n\r\n"} {
		const subject, message = "s.write", "load,hostname=h value=1\n"
		length := recordHeader + len(subject) + len(headers) + len(message) + recordSum
		data := make([]byte, recordHeader, 2*length)
		binary.LittleEndian.PutUint64(data[4:], 7)
		binary.LittleEndian.PutUint64(data[12:], 1e18)
		binary.LittleEndian.PutUint16(data[20:], uint16(len(subject)))
		data = append(data, subject...)
		if headers != "" {
			length += 4
			data = binary.LittleEndian.AppendUint32(data, uint32(len(headers)))
			binary.LittleEndian.PutUint32(data, uint32(length)|headerBit)
		} else {
			binary.LittleEndian.PutUint32(data, uint32(length))
		}
		data = append(append(data, headers...), message...)
		reader.h.Reset()
		for _, part := range []string{string(data[4:20]), subject, headers, message} {
			_, _ = reader.h.Write([]byte(part))
		}
		data = reader.h.Sum(data)
		if r, ok := reader.read(data); !ok || r.seq != 7 || r.length != length {
			t.Fatalf("%+v, %v of a good record", r, ok)
		}
		for bit := range 8 * length {
			data[bit/8] ^= 1 << (bit % 8)
			ofSubject := bit/8 == 20 || bit/8 == 21
			if r, ok := reader.read(data); ok && !(headers == "" && ofSubject) {
				t.Errorf("headers of %d bytes: bit %d of byte %d goes unnoticed: %+v", len(headers), bit%8, bit/8, r)
			}
			data[bit/8] ^= 1 << (bit % 8)
		}
	}
}

// TestRecordsBehindHoles: the next record is found behind any number of zeros, also if its length
// begins with one.
func TestRecordsBehindHoles(t *testing.T) {
	reader, err := newRecordReader("S", 1)
	if err != nil {
		t.Fatal(err)
	}
	for _, length := range []int{50, 256, 1 << 16} {
		record := make([]byte, length-recordSum)
		binary.LittleEndian.PutUint32(record, uint32(length))
		record[4] = 7 // the sequence number; there is no subject
		reader.h.Reset()
		_, _ = reader.h.Write(record[4:20])
		_, _ = reader.h.Write(record[recordHeader:])
		record = reader.h.Sum(record)
		for zeros := range 40 {
			for _, before := range []string{"", "x", "\xff\xff\xff\xff\xff"} {
				data := append(append([]byte(before), make([]byte, zeros)...), record...)
				if at := reader.next(data); at != len(data)-length {
					t.Errorf("%d zeros behind %q, a record of %d bytes: found at %d of %d", zeros, before, length, at, len(data))
				}
			}
		}
		if data := make([]byte, length); reader.next(data) != length {
			t.Error("there is a record in zeros")
		}
	}
}

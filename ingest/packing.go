package ingest

import (
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
)

// An entry with this header and value holds one S2 block of lines. Entries
// written over REST do: the log then copies, syncs and sends a tenth of the bytes.
const (
	headerEncoding = "Content-Encoding"
	encodingS2     = "s2"
)

const (
	// Shorter entries are not worth it.
	leastPacked = 1 << 10
	// maxUnpacked bounds what a few bytes may claim to be.
	maxUnpacked = 64 << 20
)

// pack makes a block of the message's data, if that pays.
func pack(m *nats.Msg) {
	if len(m.Data) < leastPacked {
		return
	}
	if packed := s2.Encode(nil, m.Data); len(packed) < len(m.Data)/2 {
		m.Data = packed
		m.Header.Set(headerEncoding, encodingS2)
	}
}

// unpackedLen returns how many bytes the lines of an entry take.
func unpackedLen(h nats.Header, data []byte) int {
	if h.Get(headerEncoding) == encodingS2 {
		if n, err := s2.DecodedLen(data); err == nil && n <= maxUnpacked {
			return n
		}
	}
	return len(data)
}

// unpack returns the lines of a block, in dst if that is large enough.
func unpack(dst, data []byte) ([]byte, error) {
	n, err := s2.DecodedLen(data)
	if err == nil && n > maxUnpacked {
		err = fmt.Errorf("%d bytes are more than the limit of %d", n, maxUnpacked)
	}
	var lines []byte
	if err == nil {
		lines, err = s2.Decode(dst[:cap(dst)], data)
	}
	if err != nil {
		return nil, fmt.Errorf("unpack an entry of encoding %s: %w", encodingS2, err)
	}
	return lines, nil
}

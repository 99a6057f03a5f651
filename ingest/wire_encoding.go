package ingest

import (
	"fmt"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
)

// The lines of most entries are one S2 block (see wire.go): the log then copies, syncs
// and sends a seventh of the bytes.

// compress makes a block of the lines in *scratch, which grows if need be. It returns
// nil if that does not pay, or if decompress would refuse it.
func compress(scratch *[]byte, lines []byte) []byte {
	if len(lines) < leastCompressed {
		return nil
	}
	if n := s2.MaxEncodedLen(len(lines)); cap(*scratch) < n {
		*scratch = make([]byte, n)
	}
	if block := s2.Encode((*scratch)[:cap(*scratch)], lines); len(block) < len(lines)/2 && len(lines) <= maxRatio*len(block) {
		return block
	}
	return nil
}

// claimedLen returns how many bytes of lines a block claims to hold, or why it is not decompressed.
func claimedLen(data []byte) (int, error) {
	n, err := s2.DecodedLen(data)
	switch {
	case err != nil:
		return 0, err
	case n > maxDecompressed:
		return 0, fmt.Errorf("%d bytes are more than the limit of %d", n, maxDecompressed)
	case n > maxRatio*len(data):
		return 0, fmt.Errorf("%d bytes are more than the limit of %d times their %d bytes: send them in plain text", n, maxRatio, len(data))
	}
	return n, nil
}

// decompressedLen returns how many bytes the lines of an entry take.
func decompressedLen(h nats.Header, data []byte) int {
	if h.Get(headerEncoding) == encodingS2 {
		if n, err := claimedLen(data); err == nil {
			return n
		}
	}
	return len(data)
}

// decompress returns the lines of a block, in dst if that is large enough.
func decompress(dst, data []byte) ([]byte, error) {
	n, err := claimedLen(data)
	var lines []byte
	if err == nil {
		if cap(dst) < n {
			dst = make([]byte, n+n/8) // the next one may be a bit longer
		}
		lines, err = s2.Decode(dst[:cap(dst)], data)
	}
	if err != nil {
		return nil, fmt.Errorf("decompress an entry of encoding %s: %w", encodingS2, err)
	}
	return lines, nil
}

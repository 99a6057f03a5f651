package rest

import (
	"fmt"
	"net/http"
)

// How many bytes decoded JSON takes at the most, for each object and for each element of
// an array.
const (
	objectBytes = 176
	itemBytes   = 48
)

// JSON that takes up to so many bytes when it is decoded is small, medium or large; more
// is huge. The gates have the same names.
const (
	smallDecoded  = 16 << 10
	mediumDecoded = 256 << 10
	largeDecoded  = 8 << 20
)

// text reads all of a JSON body. It waits for a turn before it takes more memory.
// What it returns may be used until close is called.
func (b *body) text(g *gates) ([]byte, error) {
	b.small = obtain[[smallBody]byte](&b.buffers.small)
	buf := b.small[:]
	n, done := b.fill(buf, 0)
	for !done {
		if err := b.checkRatio(n); err != nil {
			return nil, err
		}
		switch n {
		case smallBody:
			if err := b.enter(g.bodies); err != nil {
				return nil, err
			}
		case mediumBody:
			if err := b.enter(g.large); err != nil {
				return nil, err
			}
		case largeBody:
			if err := b.enter(g.huge); err != nil {
				return nil, err
			}
		case maxJSON + 1:
			return nil, refuse(http.StatusRequestEntityTooLarge, fmt.Errorf("the JSON is larger than %d MiB: ask in several requests", maxJSON>>20))
		}
		next := make([]byte, nextSize(n))
		copy(next, buf)
		buf = next
		n, done = b.fill(buf, n)
	}
	if b.fault != nil {
		return nil, b.fault
	}
	return buf[:n], nil
}

// nextSize returns the size of the buffer for JSON that has filled one of n bytes.
func nextSize(n int) int {
	switch n {
	case smallBody:
		return mediumBody
	case mediumBody:
		return largeBody
	}
	return min(4*n, maxJSON+1)
}

// checkRatio refuses a body of which n bytes are decoded and too few were sent: real ones
// cannot be compressed that much.
func (b *body) checkRatio(n int) error {
	if n > freeRatio && int64(n) > maxRatio*b.sent.bytes {
		return refuse(http.StatusRequestEntityTooLarge,
			fmt.Errorf("the body decodes to more than %d times what was sent: send it with less or without compression", maxRatio))
	}
	return nil
}

// reserve waits until there is memory for what the JSON decodes to.
func (b *body) reserve(g *gates, c contents) error {
	need := objectBytes*max(c.objects, c.outer) + itemBytes*(c.items+c.arrays) + c.end
	switch {
	case need <= smallDecoded:
		return nil
	case need <= mediumDecoded:
		return b.enter(g.bodies)
	case need <= largeDecoded:
		return b.enter(g.large)
	}
	return b.enter(g.huge)
}

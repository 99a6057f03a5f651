package rest

import (
	"fmt"
	"net/http"
)

// What decoded JSON takes at the most, in bytes, for each object and for each element
// of an array.
const (
	objectBytes = 160
	itemBytes   = 48
)

// Bodies that take no more than this once they are decoded are of the kind that the
// gate has its name from.
const (
	smallDecoded  = 16 << 10
	mediumDecoded = 256 << 10
	largeDecoded  = 8 << 20
)

// text reads all of a JSON body, of which it holds what is allowed to be in memory.
func (b *body) text(g *gates) ([]byte, error) {
	buf := make([]byte, smallBody)
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

// nextSize returns how long the buffer for JSON is that has filled one of n bytes.
func nextSize(n int) int {
	switch n {
	case smallBody:
		return mediumBody
	case mediumBody:
		return largeBody
	}
	return min(4*n, maxJSON+1)
}

func (b *body) checkRatio(n int) error {
	if n > freeRatio && int64(n) > maxRatio*b.sent.bytes {
		return refuse(http.StatusRequestEntityTooLarge,
			fmt.Errorf("the body decodes to more than %d times what was sent: send it with less or without compression", maxRatio))
	}
	return nil
}

// reserve waits until there is memory for what the JSON decodes to.
func (b *body) reserve(g *gates, c contents) error {
	need := objectBytes*c.objects + itemBytes*(c.items+c.arrays) + c.end
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

// contents counts what a JSON text holds.
type contents struct {
	end     int // of the first value, if it is an object or an array
	objects int
	arrays  int
	items   int // of arrays
	fields  int // of objects
}

// countJSON counts what the first value of a text holds, and fails for what is beyond
// a limit. Whether it is JSON at all is left to the decoder.
func countJSON(text []byte) (c contents, err error) {
	var inArray [maxDepth + 1]bool
	depth, began, empty := 0, -1, true // began: where a word began, -1: in none
	for i := 0; i < len(text); i++ {
		b := text[i]
		switch b {
		case '"':
			end := stringEnd(text, i+1)
			if end-i-1 > maxText {
				return c, tooLong(i)
			}
			i, empty = end, false
		case '{', '[':
			if depth++; depth > maxDepth {
				return c, refuse(http.StatusBadRequest, fmt.Errorf("the JSON is nested deeper than %d levels at byte %d", maxDepth, i))
			}
			if b == '{' {
				c.objects++
			} else {
				c.arrays++
			}
			inArray[depth], empty = b == '[', true
		case ',', ']', '}':
			if b == ',' || !empty {
				if inArray[depth] {
					c.items++
				} else {
					c.fields++
				}
			}
			if empty = false; b != ',' {
				if depth--; depth <= 0 {
					c.end = i + 1
					return c, c.check()
				}
			}
		case ' ', '\n', '\r', '\t', ':':
		default:
			if began < 0 {
				began = i
			}
			if i-began > maxText {
				return c, tooLong(began)
			}
			empty = false
			continue
		}
		began = -1
		if err := c.check(); err != nil {
			return c, err
		}
	}
	c.end = len(text)
	return c, nil
}

// stringEnd returns the position of the quote that closes the string whose content
// starts at i, or the last one of the text.
func stringEnd(text []byte, i int) int {
	for ; i < len(text); i++ {
		switch text[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(text)
}

func tooLong(at int) error {
	return refuse(http.StatusBadRequest, fmt.Errorf("a text at byte %d of the JSON is longer than %d bytes", at, maxText))
}

func (c *contents) check() error {
	switch {
	case c.objects > maxObjects:
		return tooMany(maxObjects, "objects")
	case c.items > maxItems:
		return tooMany(maxItems, "elements of arrays")
	case c.fields > maxFields:
		return tooMany(maxFields, "members of objects")
	}
	return nil
}

func tooMany(most int, what string) error {
	return refuse(http.StatusRequestEntityTooLarge, fmt.Errorf("the JSON has more than %d %s: ask in several requests", most, what))
}

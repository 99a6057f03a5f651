package rest

import (
	"fmt"
	"net/http"
)

// contents counts what a JSON text holds.
type contents struct {
	end     int // of the first value, if it is an object or an array
	objects int
	arrays  int
	items   int // of arrays
	outer   int // of those arrays that are members of the first object: each may stand for an object
	fields  int // of objects
}

// countJSON counts what the first value of a text holds, and fails if that is beyond a
// limit. Whether the text is JSON at all is left to the decoder.
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
			i, empty, began = end, false, -1
			continue
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
					if depth == 2 && !inArray[1] {
						c.outer++
					}
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
			began = -1
			continue
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
// starts at i, or the length of the text if there is none.
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

// check refuses what is beyond a limit.
func (c *contents) check() error {
	switch {
	case c.objects > maxObjects:
		return tooMany(maxObjects, "objects")
	case c.outer > maxObjects:
		return tooMany(maxObjects, "elements of an outer array")
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

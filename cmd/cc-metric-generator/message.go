package main

import (
	"bytes"
	"fmt"
)

// message is what one publish or request carries: whole lines of one cluster.
type message struct {
	cluster string
	body    []byte // belongs to the sender again when send returns
	lines   int
}

// cutLines splits the longest run of whole lines off the front of lines that
// has at most limit bytes. A first line that is longer than that is an error.
func cutLines(lines []byte, limit int) (head, rest []byte, err error) {
	if len(lines) <= limit {
		return lines, nil, nil
	}
	end := bytes.LastIndexByte(lines[:limit], '\n') + 1
	if end == 0 {
		n := bytes.IndexByte(lines, '\n') + 1
		return nil, nil, fmt.Errorf("cut message: a line of %d bytes exceeds the largest message of %d bytes", n, limit)
	}
	return lines[:end], lines[end:], nil
}

// countLines returns the number of samples in lines.
func countLines(lines []byte) int {
	return bytes.Count(lines, []byte{'\n'})
}

package ingest

import (
	"bytes"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// nextLine cuts the first line off data: up to a newline that is not inside a
// quoted text, without the newline. A quote that is never closed does not
// swallow what follows: a text goes over newlines only if that makes one good
// line of at most MaxLine bytes, otherwise the line ends at its first newline.
// newlines counts those consumed.
func nextLine(data []byte) (line, rest []byte, newlines int) {
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		return data, nil, 0
	}
	if bytes.IndexByte(data[:end], '"') >= 0 {
		if long, ok := quotedLineEnd(data); ok && long > end && isOneLine(data[:long]) {
			end = long
		}
	}
	newlines = bytes.Count(data[:end], newline)
	if end == len(data) {
		return data, nil, newlines
	}
	return data[:end], data[end+1:], newlines + 1
}

// lastLine returns the length of the complete lines of chunk. Whatever follows
// the chunk, nextLine finds the same lines in it.
func lastLine(chunk []byte) int {
	if bytes.IndexByte(chunk, '"') < 0 {
		return bytes.LastIndexByte(chunk, '\n') + 1
	}
	cut := 0
	for rest := chunk; len(rest) > 0 && !isUnfinished(rest); {
		_, rest, _ = nextLine(rest)
		cut = len(chunk) - len(rest)
	}
	return cut
}

// isUnfinished reports whether the first line of data may go on after data.
func isUnfinished(data []byte) bool {
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		return true
	}
	if len(data) > MaxLine || bytes.IndexByte(data[:end], '"') < 0 {
		return false
	}
	long, ok := quotedLineEnd(data)
	return !ok || long == len(data)
}

// isOneLine reports whether a line with newlines in quoted texts is one of line
// protocol. A text is never the value of a sample: there a quote was forgotten.
func isOneLine(line []byte) bool {
	d := lineprotocol.NewDecoderWithBytes(line)
	d.Next()
	for {
		key, value, err := d.NextField()
		switch {
		case err != nil, string(key) == "value" && value.Kind() == lineprotocol.String:
			return false
		case key == nil:
			_, err := d.TimeBytes()
			return err == nil && !d.Next()
		}
	}
}

var newline = []byte{'\n'}

// quotedLineEnd returns the position of the newline that ends the first line
// of data, or its length. ok is false if a quote is left open, or if the line
// is longer than MaxLine.
func quotedLineEnd(data []byte) (end int, ok bool) {
	if len(data) > MaxLine {
		data = data[:MaxLine+1]
	}
	i := 0
	for i < len(data) && (data[i] == ' ' || data[i] == '\r') {
		i++
	}
	if i < len(data) && data[i] == '#' { // a comment: quotes mean nothing
		return lineEnd(data, i), true
	}
	// Up to the first space that is not escaped: measurement and tags, in
	// which quotes mean nothing.
	for ; i < len(data) && data[i] != ' '; i++ {
		switch {
		case data[i] == '\n':
			return i, true
		case escapes(data, i):
			i++
		}
	}
	// The fields: a quote opens a string only at the start of a value.
	for ; i < len(data); i++ {
		switch {
		case data[i] == '\n':
			return i, true
		case escapes(data, i):
			i++
		case data[i] == '"' && data[i-1] == '=':
			if i = stringEnd(data, i+1); i >= len(data) {
				return 0, false
			}
		}
	}
	return len(data), len(data) <= MaxLine
}

// escapes reports whether the byte at i takes the meaning of the next one. No
// backslash outside of a string hides the end of its line.
func escapes(data []byte, i int) bool {
	return data[i] == '\\' && i+1 < len(data) && data[i+1] != '\n'
}

func lineEnd(data []byte, from int) int {
	if i := bytes.IndexByte(data[from:], '\n'); i >= 0 {
		return from + i
	}
	return len(data)
}

// stringEnd returns the position of the quote that closes the string whose
// content starts at i, or the length of data.
func stringEnd(data []byte, i int) int {
	for ; i < len(data); i++ {
		switch data[i] {
		case '\\':
			i++
		case '"':
			return i
		}
	}
	return len(data)
}

package ingest

import "bytes"

// nextLine cuts the first line off data: up to a newline that is not inside a
// quoted field value, without the newline. A quote that is never closed does
// not swallow what follows: the line then ends at its first newline. newlines
// counts those consumed.
func nextLine(data []byte) (line, rest []byte, newlines int) {
	end := bytes.IndexByte(data, '\n')
	if end < 0 {
		return data, nil, 0
	}
	if bytes.IndexByte(data[:end], '"') < 0 {
		return data[:end], data[end+1:], 1
	}
	if long, ok := quotedLineEnd(data); ok {
		newlines = bytes.Count(data[:long], newline)
		if long == len(data) {
			return data, nil, newlines
		}
		return data[:long], data[long+1:], newlines + 1
	}
	return data[:end], data[end+1:], 1
}

var newline = []byte{'\n'}

// quotedLineEnd returns the position of the newline that ends the first line
// of data, or its length. ok is false if a quote is left open.
func quotedLineEnd(data []byte) (end int, ok bool) {
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
			if i = stringEnd(data, i+1); i >= len(data) || !endsValue(data, i+1) {
				return 0, false
			}
		}
	}
	return len(data), true
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

// endsValue reports whether a field value can end before i. Where it cannot, the
// quote before i opens a string of a later line.
func endsValue(data []byte, i int) bool {
	return i >= len(data) || data[i] == ',' || data[i] == ' ' || data[i] == '\n' || data[i] == '\r'
}

package lineproto

import (
	"bytes"
	"strings"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// byteOrderMark is what some editors and libraries put before a text in UTF-8,
// and so between texts that were joined. At the start of a line it means nothing.
const byteOrderMark = "\uFEFF"

// TrimMarks returns data without the byte order marks at its front.
func TrimMarks(data []byte) []byte {
	for hasMark(data) {
		data = data[len(byteOrderMark):]
	}
	return data
}

func hasMark(data []byte) bool {
	return len(data) >= len(byteOrderMark) && string(data[:len(byteOrderMark)]) == byteOrderMark
}

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
		if long, how := quotedLineEnd(data); how == lineEnds && long > end && isOneLine(data[:long]) {
			end = long
		}
	}
	newlines = bytes.Count(data[:end], newline)
	if end == len(data) {
		return data, nil, newlines
	}
	return data[:end], data[end+1:], newlines + 1
}

// CompleteLines returns the length of the complete lines of chunk. Whatever follows
// the chunk, a Decoder finds the same lines in it.
func CompleteLines(chunk []byte) int {
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
	long, how := quotedLineEnd(data)
	return how == lineGoesOn || how == lineEnds && long == len(data)
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

// lineState says what is known of the end of a line with quotes.
type lineState uint8

const (
	lineEnds   lineState = iota // at the position returned
	lineGoesOn                  // beyond the data: a text is left open
	lineBroken                  // it is none that goes over newlines, whatever follows
)

// maxOver bounds the texts of one line that go over newlines. Without a bound
// each line of a body could be read again with all before it: the quote that opens
// a text in the one closes a text of the other.
const maxOver = 4

// quotedLineEnd returns the position of the newline that ends the first line
// of data, or its length. It looks no further than is needed to see that the
// line is broken, or longer than MaxLine.
func quotedLineEnd(data []byte) (end int, how lineState) {
	goesOn := lineGoesOn
	if len(data) > MaxLine {
		data, goesOn = data[:MaxLine+1], lineBroken
	}
	i := 0
	for hasMark(data[i:]) {
		i += len(byteOrderMark)
	}
	for i < len(data) && (data[i] == ' ' || data[i] == '\r') {
		i++
	}
	if i < len(data) && data[i] == '#' { // a comment: quotes mean nothing
		return lineEnd(data, i), lineEnds
	}
	// Up to the first space that is not escaped: measurement and tags, in
	// which quotes mean nothing.
	for ; i < len(data) && data[i] != ' '; i++ {
		switch {
		case data[i] == '\n':
			return i, lineEnds
		case escapes(data, i):
			i++
		}
	}
	for i < len(data) && data[i] == ' ' {
		i++
	}
	if end, how = fieldsEnd(data, i, goesOn); how == lineEnds && end == len(data) && end > MaxLine {
		how = lineBroken
	}
	return end, how
}

// fieldsEnd is quotedLineEnd from the fields on: a quote opens a text only at the
// start of a value.
func fieldsEnd(data []byte, i int, goesOn lineState) (end int, how lineState) {
	over := 0
	for begin := i; i < len(data); i++ {
		switch {
		case data[i] == '\n':
			return i, lineEnds
		case escapes(data, i):
			i++
		case data[i] == ' ':
			return timeEnd(data, i)
		case data[i] == '"' && data[i-1] == '=':
			if isValueField(data[begin:i]) {
				return 0, lineBroken
			}
			text := i + 1
			i = stringEnd(data, text)
			if bytes.IndexByte(data[text:min(i, len(data))], '\n') >= 0 {
				over++
			}
			switch {
			case over > maxOver:
				return 0, lineBroken
			case i >= len(data):
				return 0, goesOn
			case i+1 < len(data) && strings.IndexByte(afterText, data[i+1]) < 0:
				return 0, lineBroken
			}
		}
	}
	return len(data), lineEnds
}

// afterText is what may follow a text.
const afterText = ", \r\n"

// isValueField reports whether the fields end with the name of the one that holds
// a sample. Its value is never a text: there a quote was forgotten.
func isValueField(fields []byte) bool {
	name, ok := bytes.CutSuffix(fields, []byte("value="))
	return ok && (len(name) == 0 || name[len(name)-1] == ',' && !bytes.HasSuffix(name, []byte(`\,`)))
}

// timeEnd is quotedLineEnd from the blank after the fields on.
func timeEnd(data []byte, i int) (end int, how lineState) {
	for ; i < len(data); i++ {
		switch c := data[i]; {
		case c == '\n':
			return i, lineEnds
		case c != ' ' && c != '\r' && c != '-' && c-'0' > 9:
			return 0, lineBroken
		}
	}
	return len(data), lineEnds
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

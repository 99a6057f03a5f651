package lineproto

import "bytes"

// This file knows of some lines what they are without the line-protocol library,
// which takes its time to describe a fault: who sends nothing but noise is not to
// cost more than who sends samples.

// isBlank reports whether a line holds nothing.
func isBlank(line []byte) bool {
	for _, c := range line {
		if c != ' ' && c != '\r' {
			return false
		}
	}
	return true
}

// isComment reports whether a line is sure to be a comment.
func isComment(line []byte) bool {
	line = bytes.TrimLeft(line, " ")
	if len(line) == 0 || line[0] != '#' {
		return false
	}
	for _, c := range bytes.TrimSuffix(line, []byte{'\r'}) {
		if c < ' ' || c == 0x7f {
			return false
		}
	}
	return true
}

// isFieldless reports whether a line is sure to have no field: a blank, a name,
// an equals sign and a value.
func isFieldless(line []byte) bool {
	line = bytes.TrimSuffix(line, []byte{'\r'})
	blank := bytes.IndexByte(line, ' ')
	from := blank + len(" k")
	return blank < 0 || from >= len(line) || bytes.IndexByte(line[from:len(line)-1], '=') < 0
}

// fieldless says it.
const fieldless = "there is no field: a line is <metric>[,<tag>=<value>...] value=<number> [<time>]"

// isUTF16 reports whether a line looks like text of that encoding, of which each
// second byte is zero in western languages. Its newlines cut it in the middle of
// a character.
func isUTF16(line []byte) bool {
	if len(line) >= 2 && (line[0] == 0xff && line[1] == 0xfe || line[0] == 0xfe && line[1] == 0xff) {
		return true
	}
	return len(line) >= 8 && 4*bytes.Count(line, []byte{0}) > len(line)
}

package original

import (
	"bufio"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"strconv"
)

// jsonLexer reads JSON piece by piece from a stream. Other than encoding/json it holds no more
// than one name or number, whatever a file has.
type jsonLexer struct {
	r      *bufio.Reader
	offset int64
	text   []byte // of the newest string or number
}

// maxNumber bounds the length of a number.
const maxNumber = 400

// maxSkipped bounds the nesting of what is skipped.
const maxSkipped = 64

func (l *jsonLexer) read() (byte, error) {
	c, err := l.r.ReadByte()
	if err == nil {
		l.offset++
	}
	return c, err
}

func (l *jsonLexer) unread() {
	if l.r.UnreadByte() == nil {
		l.offset--
	}
}

// next returns the next byte that is no space, without taking it.
func (l *jsonLexer) next() (byte, error) {
	for {
		c, err := l.read()
		if err != nil {
			return 0, err
		}
		switch c {
		case ' ', '\t', '\r', '\n':
		default:
			l.unread()
			return c, nil
		}
	}
}

// expect takes one byte, which has to be c.
func (l *jsonLexer) expect(c byte) error {
	got, err := l.next()
	if err != nil {
		return err
	}
	if got != c {
		return fmt.Errorf("there is %q where %q is expected", got, c)
	}
	_, err = l.read()
	return err
}

// word takes a word such as null.
func (l *jsonLexer) word(word string) error {
	for i := range len(word) {
		c, err := l.read()
		if err != nil {
			return err
		}
		if c != word[i] {
			return fmt.Errorf("there is %q in %s", c, word)
		}
	}
	return nil
}

// str takes a string.
func (l *jsonLexer) str() (string, error) {
	if err := l.expect('"'); err != nil {
		return "", err
	}
	l.text = append(l.text[:0], '"')
	escaped := false
	for len(l.text) <= maxName {
		c, err := l.read()
		if err != nil {
			return "", err
		}
		l.text = append(l.text, c)
		switch {
		case c == '\\':
			if c, err = l.read(); err != nil {
				return "", err
			}
			l.text, escaped = append(l.text, c), true
		case c == '"' && !escaped:
			return string(l.text[1 : len(l.text)-1]), nil
		case c == '"':
			var s string
			err := json.Unmarshal(l.text, &s)
			return s, err
		}
	}
	return "", fmt.Errorf("a name has more than %d bytes", maxName)
}

// number takes a number, which may be in quotes, as tools that changed a file write it. It is
// valid until the next call. At the end of the file it may be a part of a longer one.
func (l *jsonLexer) number() (text []byte, err error) {
	c, err := l.next()
	if err != nil {
		return nil, err
	}
	if c == '"' {
		if _, err := l.str(); err != nil {
			return nil, err
		}
		return l.text[1 : len(l.text)-1], nil
	}
	l.text = l.text[:0]
	for {
		c, err := l.read()
		if err != nil {
			return nil, err
		}
		if c >= '0' && c <= '9' || c == '-' || c == '+' || c == '.' || c == 'e' || c == 'E' {
			if l.text = append(l.text, c); len(l.text) > maxNumber {
				return nil, fmt.Errorf("a number has more than %d digits", maxNumber)
			}
			continue
		}
		l.unread()
		if len(l.text) == 0 {
			return nil, fmt.Errorf("there is %q where a number is expected", c)
		}
		return l.text, nil
	}
}

// whole takes a whole number.
func (l *jsonLexer) whole() (int64, error) {
	text, err := l.number()
	if err != nil {
		return 0, err
	}
	if n, err := strconv.ParseInt(string(text), 10, 64); err == nil {
		return n, nil
	}
	f, err := strconv.ParseFloat(string(text), 64)
	if n := int64(f); err == nil && f >= -maxTime && f <= maxTime && float64(n) == f {
		return n, nil
	}
	return 0, fmt.Errorf("%.50q is no whole number", text)
}

// object takes an object: field takes the value of each name.
func (l *jsonLexer) object(field func(name string) error) error {
	return l.list('{', '}', func() error {
		name, err := l.str()
		if err != nil {
			return err
		}
		if err := l.expect(':'); err != nil {
			return err
		}
		return field(name)
	})
}

// array takes an array: element takes each of its values.
func (l *jsonLexer) array(element func() error) error { return l.list('[', ']', element) }

func (l *jsonLexer) list(begin, end byte, element func() error) error {
	if err := l.expect(begin); err != nil {
		return err
	}
	if c, err := l.next(); err != nil || c == end {
		return errors.Join(err, l.skipByte(err))
	}
	for {
		if err := element(); err != nil {
			return err
		}
		switch c, err := l.next(); {
		case err != nil:
			return err
		case c == end:
			return l.skipByte(nil)
		}
		if err := l.expect(','); err != nil {
			return err
		}
	}
}

// skipByte takes a byte that was looked at, unless there was an error.
func (l *jsonLexer) skipByte(err error) error {
	if err != nil {
		return nil
	}
	_, err = l.read()
	return err
}

// skip takes any value.
func (l *jsonLexer) skip(depth int) error {
	if depth > maxSkipped {
		return fmt.Errorf("values are nested more than %d times", maxSkipped)
	}
	c, err := l.next()
	if err != nil {
		return err
	}
	switch c {
	case '{':
		return l.object(func(string) error { return l.skip(depth + 1) })
	case '[':
		return l.array(func() error { return l.skip(depth + 1) })
	case '"':
		_, err = l.str()
	case 'n':
		err = l.word("null")
	case 't':
		err = l.word("true")
	case 'f':
		err = l.word("false")
	default:
		_, err = l.number()
	}
	return err
}

// end returns an error unless nothing but spaces is left.
func (l *jsonLexer) end() error {
	c, err := l.next()
	if errors.Is(err, io.EOF) {
		return nil
	}
	if err == nil {
		err = fmt.Errorf("there is %q behind the end of the snapshot", c)
	}
	return err
}

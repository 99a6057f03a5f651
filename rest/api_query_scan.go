package rest

import (
	"encoding/json"
	"strconv"
)

// next returns the next byte that is no white space, without reading it; 0 at the end.
func (d *queryDecoder) next() byte {
	for ; d.at < len(d.text); d.at++ {
		switch c := d.text[d.at]; c {
		case ' ', '\n', '\r', '\t':
		default:
			return c
		}
	}
	return 0
}

// begin reads the first byte of an object or array, and its last one if it is empty. It
// reports whether something is in it.
func (d *queryDecoder) begin(first, last byte) bool {
	if d.next() != first {
		d.odd = true
		return false
	}
	d.at++
	if d.next() == last {
		d.at++
		return false
	}
	return true
}

// goOn reads what follows a member or element. It reports whether that is another one. last
// is the last byte of the object or array.
func (d *queryDecoder) goOn(last byte) bool {
	c := d.next()
	if d.odd || c != ',' && c != last {
		d.odd = true
		return false
	}
	d.at++
	return c == ','
}

// key reads the name of a member. It is part of the text.
func (d *queryDecoder) key() []byte {
	name := d.quoted()
	if d.next() != ':' {
		d.odd = true
		return nil
	}
	d.at++
	return name
}

// quoted reads a string. Its content is part of the text.
func (d *queryDecoder) quoted() []byte {
	if d.next() != '"' {
		d.odd = true
		return nil
	}
	first := d.at + 1
	for i, c := range d.text[first:] {
		if c == '"' {
			d.at = first + i + 1
			return d.text[first : first+i]
		}
		if c < ' ' || c > '~' || c == '\\' {
			break
		}
	}
	d.odd = true
	return nil
}

// null reads null, if that comes next.
func (d *queryDecoder) null() bool { return d.next() == 'n' && d.word("null") }

// word reads a word, if that comes next. Whether it ends there is left to goOn.
func (d *queryDecoder) word(w string) bool {
	if end := d.at + len(w); end <= len(d.text) && string(d.text[d.at:end]) == w {
		d.at = end
		return true
	}
	return false
}

// string reads a string or null. It has memory of its own, or shares that of another one.
func (d *queryDecoder) string() string {
	if d.null() {
		return ""
	}
	s := d.quoted()
	if len(s) == 0 {
		return ""
	}
	place := &d.names[hashName(s)]
	if *place != string(s) {
		*place = string(s)
	}
	return *place
}

// hashName returns different values for names that end in different numbers, as those of
// hosts do. The name is not empty.
func hashName(s []byte) uint8 {
	n := len(s)
	return uint8(n) + 5*s[0] + s[n-1] + 10*s[max(n-2, 0)] + 100*s[max(n-3, 0)]
}

// strings reads an array of strings, or null.
func (d *queryDecoder) strings() []string {
	if d.null() {
		return nil
	}
	list := []string{}
	for more := d.begin('[', ']'); more; more = d.goOn(']') {
		list = append(list, d.string())
	}
	return list
}

// bool reads true, false or null.
func (d *queryDecoder) bool() bool {
	switch d.next() {
	case 't':
		d.odd = d.odd || !d.word("true")
		return true
	case 'f':
		d.odd = d.odd || !d.word("false")
	default:
		d.odd = d.odd || !d.null()
	}
	return false
}

// optionalBool reads true or false, or null for nil.
func (d *queryDecoder) optionalBool() *bool {
	if d.null() {
		return nil
	}
	return new(d.bool())
}

// maxDigits is how many digits an int64 may have whatever they are.
const maxDigits = 18

// integer reads a whole number without an exponent, or null.
func (d *queryDecoder) integer() int64 {
	if d.null() {
		return 0
	}
	negative := d.word("-")
	digits := d.at
	n := int64(0)
	for ; d.at < len(d.text) && d.text[d.at]-'0' <= 9; d.at++ {
		n = 10*n + int64(d.text[d.at]-'0') // of too many digits it is not used
	}
	if length := d.at - digits; length == 0 || length > maxDigits || length > 1 && d.text[digits] == '0' {
		d.odd = true
	}
	if negative {
		return -n
	}
	return n
}

// optionalInteger is integer, but nil for null.
func (d *queryDecoder) optionalInteger() *int64 {
	if d.null() {
		return nil
	}
	if len(d.numbers) == cap(d.numbers) {
		d.numbers = make([]int64, 0, min(2*cap(d.items)+1, 512))
	}
	d.numbers = append(d.numbers, d.integer())
	return &d.numbers[len(d.numbers)-1]
}

// number reads a number or null.
func (d *queryDecoder) number() float64 {
	if d.null() {
		return 0
	}
	first := d.at
	for ; d.at < len(d.text); d.at++ {
		switch c := d.text[d.at]; {
		case c-'0' <= 9, c == '-', c == '+', c == '.', c == 'e', c == 'E':
			continue
		}
		break
	}
	text := d.text[first:d.at]
	f, err := strconv.ParseFloat(string(text), 64)
	if err != nil || !json.Valid(text) {
		d.odd = true
	}
	return f
}

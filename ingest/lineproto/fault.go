package lineproto

import (
	"errors"
	"fmt"
	"strings"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// Fault is a line that was refused, or that looks wrong.
type Fault struct {
	Line          int // its number in the entry, from 1; 0 if that is not known
	Reason        Reason
	Detail        string // what is wrong, in words
	Text          []byte // a part of the entry
	Cluster, Host string // as far as they were read
}

// maxDetail bounds the bytes of a fault's description: it may quote the line,
// and goes into a header and an answer.
const maxDetail = 200

// Clip shortens a text to maxDetail bytes of valid UTF-8.
func Clip(text string) string {
	if len(text) > maxDetail {
		text = text[:maxDetail-len("…")] + "…"
	}
	return strings.ToValidUTF8(text, "")
}

// lineError is a fault that is not one of syntax.
type lineError struct {
	reason Reason
	detail string
}

func (e *lineError) Error() string { return e.detail }

// errFieldless is for lines without a field.
var errFieldless = &lineError{BadSyntax, fieldless}

// reasonOf returns the reason for an error of Decoder.read.
func reasonOf(err error) Reason {
	if own, ok := err.(*lineError); ok {
		return own.reason
	}
	return BadSyntax
}

// describe returns the words for an error of Decoder.read.
func describe(line []byte, err error) string {
	detail := err.Error()
	if syntax, ok := errors.AsType[*lineprotocol.DecodeError](err); ok {
		detail = fmt.Sprintf("column %d: %v", syntax.Column, syntax.Err)
	}
	if reasonOf(err) == BadSyntax && isUTF16(line) {
		return "the text looks like UTF-16, and has to be UTF-8: " + detail
	}
	return detail
}

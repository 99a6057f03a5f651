package ingest

import (
	"errors"
	"fmt"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

// lineError is a fault that is not one of syntax.
type lineError struct {
	reason reason
	detail string
}

func (e *lineError) Error() string { return e.detail }

// errFieldless is for lines without a field.
var errFieldless = &lineError{badSyntax, fieldless}

// refuse notes a line that is not stored. Only of a few it is asked what is wrong
// with them.
func (d *decoder) refuse(line []byte, number int, err error) {
	why := reasonOf(err)
	f := fault{number: number, reason: why, text: line}
	if d.out.wants(why) {
		f.detail = describe(line, err)
		f.cluster, f.host = d.line.cluster, d.line.host
	}
	d.out.refuse(f)
}

// reasonOf returns the reason for an error of read.
func reasonOf(err error) reason {
	if own, ok := err.(*lineError); ok {
		return own.reason
	}
	return badSyntax
}

// describe returns the words for an error of read.
func describe(line []byte, err error) string {
	detail := err.Error()
	if syntax, ok := errors.AsType[*lineprotocol.DecodeError](err); ok {
		detail = fmt.Sprintf("column %d: %v", syntax.Column, syntax.Err)
	}
	if reasonOf(err) == badSyntax && isUTF16(line) {
		return "the text looks like UTF-16, and has to be UTF-8: " + detail
	}
	return detail
}

package rest

import (
	"bytes"
	"io"
)

// byteOrderMark is put before a text in UTF-8 by some editors and libraries. It is no part
// of the text.
const byteOrderMark = "\uFEFF"

// bomReader reads a body without the byte order mark that it may begin with.
type bomReader struct {
	r    io.Reader
	head []byte // was read to look for the mark, and is to be returned
	err  error  // after head
	seen bool   // whether there is a mark is known
}

// Read implements io.Reader.
func (b *bomReader) Read(p []byte) (int, error) {
	if !b.seen && len(p) >= len(byteOrderMark) {
		return b.readFirst(p)
	}
	if !b.seen {
		b.seen = true
		b.readHead()
	}
	if len(b.head) > 0 {
		n := copy(p, b.head)
		b.head = b.head[n:]
		return n, nil
	}
	if b.err != nil {
		return 0, b.err
	}
	return b.r.Read(p)
}

// readFirst is the first Read into p, which has room for a mark: mostly one of all that is there.
func (b *bomReader) readFirst(p []byte) (n int, err error) {
	b.seen = true
	for n < len(byteOrderMark) && err == nil {
		var more int
		more, err = b.r.Read(p[n:])
		n += more
	}
	if rest, ok := bytes.CutPrefix(p[:n], []byte(byteOrderMark)); ok {
		n = copy(p, rest)
	}
	b.err = err
	return n, err
}

func (b *bomReader) readHead() {
	var head [len(byteOrderMark)]byte
	n := 0
	for n < len(head) && b.err == nil {
		var more int
		more, b.err = b.r.Read(head[n:])
		n += more
	}
	if string(head[:]) != byteOrderMark {
		b.head = head[:n]
	}
}

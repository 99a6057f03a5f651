package rest

import "io"

// byteOrderMark is what some editors and libraries put before a text in UTF-8. It
// is no part of it.
const byteOrderMark = "\uFEFF"

// markless reads a body without the mark that it may begin with.
type markless struct {
	r    io.Reader
	head []byte // what was read to know, and not given yet
	err  error  // after head
	seen bool   // it is known
}

// Read implements io.Reader.
func (m *markless) Read(p []byte) (int, error) {
	if !m.seen {
		m.seen = true
		m.readHead()
	}
	if len(m.head) > 0 {
		n := copy(p, m.head)
		m.head = m.head[n:]
		return n, nil
	}
	if m.err != nil {
		return 0, m.err
	}
	return m.r.Read(p)
}

func (m *markless) readHead() {
	var head [len(byteOrderMark)]byte
	n := 0
	for n < len(head) && m.err == nil {
		var more int
		more, m.err = m.r.Read(head[n:])
		n += more
	}
	if string(head[:]) != byteOrderMark {
		m.head = head[:n]
	}
}

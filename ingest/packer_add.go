package ingest

import (
	"bytes"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

// add adds a message of a publisher to what is being filled. ok is false when no more
// come.
func (p *packer) add(m publishedMsg, ok bool) {
	if !ok {
		p.arrived = nil
		return
	}
	sub := max(p.k.in.subscriptionOf(m.Subject), 0)
	if m.acks && m.Reply != "" && (asksMore(m.Header) || len(m.Data) == 0) {
		p.complete()
		p.ready = append(p.ready, &packerEntry{sub: sub, messages: 1, forward: m.Msg})
		return
	}
	id := m.Header.Get(nats.MsgIdHdr)
	if id == "" {
		p.addData(m, sub)
		return
	}
	now, hash := time.Now(), p.dedup.hash(id)
	k, ok := p.dedup.find(hash, now)
	switch {
	case !ok:
		p.dedup.add(hash, p.addData(m, sub), now)
	case !m.acks || m.Reply == "":
	case k.entry != nil:
		k.entry.replies = append(k.entry.replies, m.Reply)
	default:
		p.answer(m.Reply, acknowledgement(p.k.stream.name, k.seq, true))
	}
}

// asksMore reports whether a publisher asks for something that only the stream
// itself can do.
func asksMore(h nats.Header) bool {
	for key := range h {
		if strings.HasPrefix(key, "Nats-") && key != nats.MsgIdHdr {
			return true
		}
	}
	return false
}

// addData puts a message into an entry, and returns that, or the last one of several.
func (p *packer) addData(m publishedMsg, sub int) *packerEntry {
	if p.mayBeJoined(m.Msg) {
		return p.join(m, sub)
	}
	p.complete()
	return p.alone(m, sub)
}

// mayBeJoined reports whether a message may be joined with others. An encoded one is decoded as
// a whole.
func (p *packer) mayBeJoined(m *nats.Msg) bool {
	return m.Header.Get(headerEncoding) == "" && areJoinable(m.Data, p.size)
}

// areJoinable reports whether lines mean the same beside those of others, and are few for an
// entry of the size: a quote that is left open would take in the lines of the next one.
func areJoinable(lines []byte, size int) bool {
	return len(lines) < size/2 && bytes.IndexByte(lines, '"') < 0
}

// joinLines appends lines to those of others, with the end that the last one may lack.
func joinLines(to, lines []byte) []byte {
	to = append(to, lines...)
	if n := len(to); n > 0 && to[n-1] != '\n' {
		to = append(to, '\n')
	}
	return to
}

// join adds the lines of a message to those before.
func (p *packer) join(m publishedMsg, sub int) *packerEntry {
	e := p.open[sub]
	if e == nil {
		e = p.newEntry(sub)
		p.open[sub] = e
	}
	e.lines = joinLines(e.lines, m.Data)
	e.messages++
	if !p.filled {
		p.filled, p.late = true, false
		p.timer.Reset(linger)
	}
	if m.acks && m.Reply != "" {
		e.replies = append(e.replies, m.Reply)
		p.urgent = true
	}
	if len(e.lines) > p.size {
		p.complete()
	}
	return e
}

// alone makes an entry of one message, or several if the message is larger than the log takes.
// It returns the last one.
func (p *packer) alone(m publishedMsg, sub int) *packerEntry {
	data, encoding := m.Data, m.Header.Get(headerEncoding)
	if encoding == encodingS2 && len(data) > p.limit {
		if lines, err := decompress(nil, data); err == nil { // else it is refused when it is read
			data, encoding = lines, ""
		}
	}
	var e *packerEntry
	for _, part := range split(data, p.limit) {
		e = p.newEntry(sub)
		e.lines = append(e.lines, part...)
		e.encoding = encoding
		p.ready = append(p.ready, e)
	}
	e.messages = 1
	if m.acks && m.Reply != "" {
		e.replies = append(e.replies, m.Reply)
	}
	return e
}

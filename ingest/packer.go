package ingest

import (
	"bytes"
	"context"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// A parcel of so many bytes is complete, if the log takes entries as large.
	parcelSize = 512 << 10
	// As many parcels are on their way to the log at once. Meanwhile what arrives is
	// collected: a slow disk makes parcels larger, not more.
	maxSent = 4
	// A message that nobody waits for may wait so long for others.
	linger = 10 * time.Millisecond
)

// packer makes entries of the messages that an intake hands over: one of many, if
// many are there, as each entry is synced to the disk by itself. It keeps the order
// of the messages of one subscription. It is used by one goroutine.
type packer struct {
	k       *intake
	limit   int // bytes of the largest entry
	size    int // a parcel of more bytes is complete
	arrived <-chan arrival

	// By subscription, what is being filled, nil for nothing.
	open   []*parcel
	filled bool // something is open
	urgent bool // somebody waits for it
	late   bool // it waits since linger
	timer  *time.Timer

	ready []*parcel // complete, in their order
	sent  []*parcel // on their way, in their order

	recent *recent

	// Memory that is used again.
	packed []byte // of one parcel while it is packed
	unused []*parcel
	lines  [][]byte
	logged time.Time
}

func newPacker(k *intake) *packer {
	limit := int(k.js.Conn().MaxPayload()) - headerRoom
	return &packer{
		k: k, arrived: k.arrived,
		limit: limit, size: min(parcelSize, limit/2), // that it is complete shows when it is larger
		open:  make([]*parcel, len(k.in.cfg.Subscriptions)),
		timer: time.NewTimer(linger), recent: newRecent(),
	}
}

// run packs until there is nothing more to come, or ctx ends.
func (p *packer) run(ctx context.Context) {
	defer p.timer.Stop()
	for p.arrived != nil || p.filled || len(p.ready) > 0 || len(p.sent) > 0 {
		switch {
		case ctx.Err() != nil:
			p.abandon()
			return
		case len(p.sent) > 0 && p.sent[0].err != nil:
			p.repeat(ctx)
		case p.maySend():
			p.send(p.ready[0])
			p.ready = slices.Delete(p.ready, 0, 1)
		case p.filled && len(p.ready) == 0 && len(p.sent) < maxSent && (p.urgent || p.late || p.arrived == nil):
			p.top()
		default:
			p.wait(ctx)
		}
	}
}

// maySend reports whether the next parcel may be given to the log. What the log
// itself answers waits for all before it: that may have to be given again, and
// would come behind it then.
func (p *packer) maySend() bool {
	if len(p.ready) > 0 && p.ready[0].forward != nil {
		return len(p.sent) == 0
	}
	return len(p.ready) > 0 && len(p.sent) < maxSent
}

// top adds one more message to what is due, if there is one, or completes it.
func (p *packer) top() {
	select {
	case a, ok := <-p.arrived:
		p.take(a, ok)
	default:
		p.complete()
	}
}

// wait returns when something has happened.
func (p *packer) wait(ctx context.Context) {
	arrived := p.arrived
	if len(p.ready) > 0 {
		arrived = nil // there is enough to do
	}
	var first sending
	if len(p.sent) > 0 {
		first = p.sent[0].sending
	}
	select {
	case a, ok := <-arrived:
		p.take(a, ok)
	case a := <-first.ok():
		p.k.in.writable.note(nil)
		p.settle(a.Sequence)
	case err := <-first.failed():
		p.sent[0].err = err
	case <-p.timer.C:
		p.late = true
	case <-ctx.Done():
	}
}

// take adds a message to what is open.
func (p *packer) take(a arrival, ok bool) {
	if !ok {
		p.arrived = nil
		return
	}
	sub := max(p.k.in.subscriptionOf(a.Subject), 0)
	if a.acks && a.Reply != "" && (asksMore(a.Header) || len(a.Data) == 0) {
		p.complete()
		p.ready = append(p.ready, &parcel{sub: sub, messages: 1, forward: a.Msg})
		return
	}
	id := a.Header.Get(nats.MsgIdHdr)
	if id == "" {
		p.put(a, sub)
		return
	}
	now, hash := time.Now(), p.recent.hash(id)
	k, ok := p.recent.find(hash, now)
	switch {
	case !ok:
		p.recent.add(hash, p.put(a, sub), now)
	case !a.acks || a.Reply == "":
	case k.parcel != nil:
		k.parcel.replies = append(k.parcel.replies, a.Reply)
	default:
		p.answer(a.Reply, acknowledgement(p.k.log.name, k.sequence, true))
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

// put puts a message into a parcel, and returns that, or the last one of several.
func (p *packer) put(a arrival, sub int) *parcel {
	if p.mayBeJoined(a.Msg) {
		return p.join(a, sub)
	}
	p.complete()
	return p.alone(a, sub)
}

// mayBeJoined reports whether a message means the same beside others: its encoding
// is its own, and a quote that is left open swallows what follows.
func (p *packer) mayBeJoined(m *nats.Msg) bool {
	return m.Header.Get(headerEncoding) == "" && len(m.Data) < p.size/2 && bytes.IndexByte(m.Data, '"') < 0
}

// join adds the lines of a message to those before.
func (p *packer) join(a arrival, sub int) *parcel {
	e := p.open[sub]
	if e == nil {
		e = p.parcel(sub)
		p.open[sub] = e
	}
	e.lines = append(e.lines, a.Data...)
	if n := len(e.lines); n > 0 && e.lines[n-1] != '\n' {
		e.lines = append(e.lines, '\n')
	}
	e.messages++
	if !p.filled {
		p.filled, p.late = true, false
		p.timer.Reset(linger)
	}
	if a.acks && a.Reply != "" {
		e.replies = append(e.replies, a.Reply)
		p.urgent = true
	}
	if len(e.lines) > p.size {
		p.complete()
	}
	return e
}

// alone makes entries of one message: several if the log takes none so large.
func (p *packer) alone(a arrival, sub int) *parcel {
	data, encoding := a.Data, a.Header.Get(headerEncoding)
	if encoding == encodingS2 && len(data) > p.limit {
		if lines, err := unpack(nil, data); err == nil { // else it is refused when it is read
			data, encoding = lines, ""
		}
	}
	var e *parcel
	for _, part := range split(data, p.limit) {
		e = p.parcel(sub)
		e.lines = append(e.lines, part...)
		e.encoding = encoding
		p.ready = append(p.ready, e)
	}
	e.messages = 1
	if a.acks && a.Reply != "" {
		e.replies = append(e.replies, a.Reply)
	}
	return e
}

// complete ends what is open.
func (p *packer) complete() {
	for i, e := range p.open {
		if e != nil {
			p.ready = append(p.ready, e)
			p.open[i] = nil
		}
	}
	p.filled, p.urgent = false, false
}

// send gives a parcel to the log.
func (p *packer) send(e *parcel) {
	l, cluster, subject := p.k.log, "", ""
	if subs := p.k.in.cfg.Subscriptions; len(subs) > 0 {
		cluster, subject = subs[e.sub].Cluster, subs[e.sub].Subject
	}
	if e.forward != nil {
		m := &nats.Msg{Subject: l.writes, Reply: e.forward.Reply, Header: e.forward.Header, Data: e.forward.Data}
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		if m.Header.Get(headerEncoding) == "" {
			if block := pack(&p.packed, m.Data); block != nil {
				m.Data = block
				m.Header.Set(headerEncoding, encodingS2)
			}
		}
		mark(m, cluster, subject)
		if p.k.js.Conn().PublishMsg(m) == nil { // else its publisher waits in vain, and sends it again
			p.k.in.counters.taken.Add(e.messages)
		}
		return
	}
	if e.fill(l.writes, &p.packed) && cap(e.lines) <= 2*parcelSize {
		p.lines = append(p.lines, e.lines[:0])
		e.lines = nil
	}
	mark(e.msg, cluster, subject)
	e.publish(p.k.js)
	p.sent = append(p.sent, e)
}

// settle tells those who wait that the log has the parcel that was sent first.
func (p *packer) settle(sequence uint64) {
	e := p.sent[0]
	p.sent = slices.Delete(p.sent, 0, 1)
	p.k.in.counters.taken.Add(e.messages)
	p.recent.settle(e, sequence)
	if len(e.replies) > 0 {
		answer := acknowledgement(p.k.log.name, sequence, false)
		for _, reply := range e.replies {
			p.answer(reply, answer)
		}
	}
	if cap(e.lines) <= 2*parcelSize {
		e.reset()
		p.unused = append(p.unused, e)
	}
}

// answer tells a publisher. If that fails, it sends its message again.
func (p *packer) answer(reply string, answer []byte) { _ = p.k.local.nc.Publish(reply, answer) }

// repeat gives what is on its way to the log again, and again, after the first
// one failed, until the log has all of it or ctx ends. What comes behind that one
// is given again even if the log has it, so that the later one of two samples stays
// the later one.
func (p *packer) repeat(ctx context.Context) {
	in := p.k.in
	for attempt := 0; ; attempt++ {
		before := len(p.sent)
		err := p.await(ctx)
		in.writable.note(err)
		if len(p.sent) == 0 || ctx.Err() != nil {
			return
		}
		if len(p.sent) < before {
			attempt = 0
		}
		p.k.countDropped()
		if time.Since(p.logged) >= repeatLog {
			p.logged = time.Now()
			in.log.Error("the embedded log does not take what was sent: trying again; messages are lost when too many wait",
				"lost", in.counters.notTaken.Load(), "error", err)
		}
		if pause(ctx, reconnectDelay(attempt)) != nil {
			return
		}
		for _, e := range p.sent {
			e.publish(p.k.js)
		}
	}
}

// await returns when it is known what became of all that is on its way. What the
// log has is settled, up to the first one that failed.
func (p *packer) await(ctx context.Context) (err error) {
	behind := 0
	for behind < len(p.sent) {
		e := p.sent[behind]
		sequence, fault := e.await(ctx)
		switch {
		case err != nil:
			e.rename() // it may be there although it was not acknowledged
			behind++
		case fault != nil:
			err = fault
			behind++
		default:
			p.settle(sequence)
		}
	}
	return err
}

// abandon counts what is not in the log, and what is still handed over.
func (p *packer) abandon() {
	p.complete()
	for _, e := range append(p.sent, p.ready...) {
		p.k.in.counters.notTaken.Add(e.messages)
	}
	if p.arrived == nil {
		return
	}
	for range p.arrived {
		p.k.in.counters.notTaken.Add(1)
	}
}

func (p *packer) parcel(sub int) *parcel {
	e := &parcel{}
	if last := len(p.unused) - 1; last >= 0 {
		e = p.unused[last]
		p.unused = p.unused[:last]
	}
	e.sub = sub
	if last := len(p.lines) - 1; e.lines == nil && last >= 0 {
		e.lines = p.lines[last]
		p.lines = p.lines[:last]
	}
	return e
}

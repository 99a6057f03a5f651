package ingest

import (
	"context"
	"slices"

	"github.com/nats-io/nats.go"
)

// send gives an entry to the log.
func (p *packer) send(e *packerEntry) {
	l, from := p.k.stream, p.k.in.cfg.Subscriptions[e.sub]
	defer p.trim()
	if e.forward != nil {
		m := &nats.Msg{Subject: l.writes, Reply: e.forward.Reply, Header: e.forward.Header, Data: e.forward.Data}
		if m.Header == nil {
			m.Header = nats.Header{}
		}
		if m.Header.Get(headerEncoding) == "" {
			if block := compress(&p.compressed, m.Data); block != nil {
				m.Data = block
				m.Header.Set(headerEncoding, encodingS2)
			}
		}
		setOrigin(m, from)
		if p.k.js.Conn().PublishMsg(m) == nil { // else its publisher waits in vain, and sends it again
			p.k.in.counters.intakeMessages.Add(e.messages)
		}
		return
	}
	if e.buildMsg(l.writes, &p.compressed) && cap(e.lines) <= 2*p.k.in.parcel() {
		p.lines = append(p.lines, e.lines[:0])
		e.lines = nil
	}
	setOrigin(e.msg, from)
	e.publish(p.k.js)
	p.sent = append(p.sent, e)
}

// trim lets go of the memory that a large message took.
func (p *packer) trim() {
	if cap(p.compressed) > 4*p.k.in.parcel() {
		p.compressed = nil
	}
}

// settle removes the oldest sent entry, which the log has under the sequence number, and
// answers the publishers that wait for it.
func (p *packer) settle(seq uint64) {
	e := p.sent[0]
	p.sent = slices.Delete(p.sent, 0, 1)
	p.k.in.counters.intakeMessages.Add(e.messages)
	p.dedup.settle(e, seq)
	if len(e.replies) > 0 {
		answer := acknowledgement(p.k.stream.name, seq, false)
		for _, reply := range e.replies {
			p.answer(reply, answer)
		}
	}
	if cap(e.lines) <= 2*p.k.in.parcel() {
		e.reset()
		p.unused = append(p.unused, e)
	}
}

// answer tells a publisher. If that fails, it sends its message again.
func (p *packer) answer(reply string, answer []byte) { _ = p.k.local.nc.Publish(reply, answer) }

// resend publishes the sent entries anew, after the first of them failed, until the log has
// all of them or ctx ends. Entries behind one that failed are published again even if the log
// has them, so that the later one of two samples stays the later one.
func (p *packer) resend(ctx context.Context) {
	in := p.k.in
	for attempt := 0; ; attempt++ {
		before := len(p.sent)
		err := p.await(ctx)
		in.writable.record(err)
		if len(p.sent) == 0 || ctx.Err() != nil {
			return
		}
		if len(p.sent) < before {
			attempt = 0
		}
		p.k.countDropped()
		if p.said.due() {
			in.logger.Error("the embedded log does not take what was sent: trying again; messages are lost when too many wait",
				"lost", in.counters.intakeFailures.Load(), "error", err)
		}
		if pause(ctx, appendDelay(attempt)) != nil {
			return
		}
		for _, e := range p.sent {
			e.publish(p.k.js)
		}
	}
}

// await returns when each sent entry is acknowledged or has failed, with the error of the
// first that failed. Entries before that one are settled; those behind it get new ids, as they
// will be published anew.
func (p *packer) await(ctx context.Context) (err error) {
	behind := 0
	for behind < len(p.sent) {
		e := p.sent[behind]
		seq, fault := e.await(ctx)
		switch {
		case err != nil:
			e.renewID() // it may be there although it was not acknowledged
			behind++
		case fault != nil:
			err = fault
			behind++
		default:
			p.settle(seq)
		}
	}
	return err
}

// abandon counts the messages that do not get into the log, also those that still arrive, until
// the intake closes the channel.
func (p *packer) abandon() {
	p.complete()
	for _, e := range append(p.sent, p.ready...) {
		p.k.in.counters.intakeFailures.Add(e.messages)
	}
	if p.arrived == nil {
		return
	}
	for range p.arrived {
		p.k.in.counters.intakeFailures.Add(1)
	}
}

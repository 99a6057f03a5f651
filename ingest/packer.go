package ingest

import (
	"context"
	"slices"
	"time"
)

const (
	// maxSent entries are on their way to the log at once. Meanwhile what arrives is
	// collected: a slow disk makes entries larger, not more.
	maxSent = 4
	// linger is how long a message may wait for others if nobody waits for it.
	linger = 10 * time.Millisecond
)

// packer makes entries of the messages that an intake hands over: one entry of many
// messages if many are there, as the server syncs each entry to the disk by itself. It
// keeps the order of the messages of one subscription. It is used by one goroutine.
type packer struct {
	k       *intake
	limit   int // bytes of the largest entry
	size    int // an entry of more bytes is complete
	arrived <-chan publishedMsg

	// Entries that are being filled, by subscription, nil for none.
	open   []*packerEntry
	filled bool // there is one
	urgent bool // a publisher waits for an acknowledgement
	late   bool // the oldest message has waited for linger
	timer  *time.Timer

	ready []*packerEntry // complete, in their order
	sent  []*packerEntry // on their way, in their order

	dedup *dedup

	// Memory that is used again.
	compressed []byte // of one entry
	unused     []*packerEntry
	lines      [][]byte

	said onceAMinute
}

func newPacker(k *intake) *packer {
	limit := int(k.js.Conn().MaxPayload()) - headerRoom
	return &packer{
		k: k, arrived: k.arrived,
		// An entry is complete only when it is larger than size, so that there has to be
		// room for one more message.
		limit: limit, size: min(k.in.parcel(), limit/2),
		open:  make([]*packerEntry, len(k.in.cfg.Subscriptions)),
		timer: time.NewTimer(linger), dedup: newDedup(),
	}
}

// parcel returns the size from which an entry of many messages is complete.
func (in *Ingest) parcel() int {
	if in.cfg.Clustered {
		return clusterJoinedSize
	}
	return joinedSize
}

// run makes entries until there is nothing more to come, or ctx ends.
func (p *packer) run(ctx context.Context) {
	defer p.timer.Stop()
	for p.arrived != nil || p.filled || len(p.ready) > 0 || len(p.sent) > 0 {
		switch {
		case ctx.Err() != nil:
			p.abandon()
			return
		case len(p.sent) == 0 && p.k.in.holdRequest.Load() != nil:
			if h := p.k.in.holdRequest.Load(); h != nil {
				h.rest(ctx)
			}
		case len(p.sent) > 0 && p.sent[0].err != nil:
			p.resend(ctx)
		case p.maySend():
			p.send(p.ready[0])
			p.ready = slices.Delete(p.ready, 0, 1)
		case p.filled && len(p.ready) == 0 && len(p.sent) < maxSent && (p.urgent || p.late || p.arrived == nil):
			p.topUp()
		default:
			p.wait(ctx)
		}
	}
}

// maySend reports whether the next entry may be given to the log. A message that the log
// itself answers waits for all entries before it: one of them may have to be given again,
// and would be behind the message then.
func (p *packer) maySend() bool {
	if p.k.in.holdRequest.Load() != nil {
		return false
	}
	if len(p.ready) > 0 && p.ready[0].forward != nil {
		return len(p.sent) == 0
	}
	return len(p.ready) > 0 && len(p.sent) < maxSent
}

// topUp adds one more message to the open entries, which are due, or completes them if no
// message has arrived.
func (p *packer) topUp() {
	select {
	case m, ok := <-p.arrived:
		p.add(m, ok)
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
	var first attempt
	if len(p.sent) > 0 {
		first = p.sent[0].attempt
	}
	select {
	case m, ok := <-arrived:
		p.add(m, ok)
	case ack := <-first.ok():
		p.k.in.writable.record(nil)
		p.settle(ack.Sequence)
	case err := <-first.failed():
		p.sent[0].err = err
	case <-p.timer.C:
		p.late = true
	case <-p.k.in.holdChanged:
	case <-ctx.Done():
	}
}

// complete makes the open entries ready.
func (p *packer) complete() {
	for i, e := range p.open {
		if e != nil {
			p.ready = append(p.ready, e)
			p.open[i] = nil
		}
	}
	p.filled, p.urgent = false, false
}

func (p *packer) newEntry(sub int) *packerEntry {
	e := &packerEntry{}
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

package ingest

import (
	"context"

	"cc-metric-store/store"
)

// runFinisher completes entries in the order of the log.
func (p *pipeline) runFinisher(ctx context.Context) {
	for {
		var e *entry
		select {
		case e = <-p.finish:
		case <-ctx.Done():
			return
		}
		select {
		case <-e.applied:
		case <-ctx.Done():
			return
		}
		p.complete(e)
	}
}

// complete moves the watermark to an entry that is in the store, tells those who wait for
// it, and makes the entry ready to be used again.
func (p *pipeline) complete(e *entry) {
	in := p.in
	in.counters.count(&e.out)
	in.counters.watermark.Store(e.seq)
	in.counters.appliedTime.Store(e.at.UnixNano())
	p.stream.dead.put(e)
	in.reports.record(e, p.stream.origin(e))
	if in.replay.addApplied(store.LogPosition{Entry: e.storeEntry(), Stream: p.stream.name, Created: e.created, At: e.at}) {
		in.logger.Info("ready: the store holds all of the log", "entry", e.seq)
	}
	if e.id != "" {
		in.tell(e)
	}
	p.bytes.Release(e.weight)
	e.out.reset()
	e.incoming, e.freed, e.shares, e.request, e.requestFault = incoming{}, 0, nil, freeRequest{}, nil
	if cap(e.lines) > largeEntry {
		e.lines = nil
	}
	p.unused.put(e)
}

// tell gives those who wait for an entry its outcome.
func (in *Ingest) tell(e *entry) {
	w := in.waiters.of(e.id)
	if w == nil {
		return
	}
	in.waiters.remove(e.id)
	if e.free {
		o := e.out.outcome()
		o.freed = e.freed
		w.tellAll(o)
		return
	}
	e.out.tell(w)
}

// origin says in a log line where an entry came from.
func (l *logStream) origin(e *entry) string {
	if e.subject == l.writes || l.isForwarded(e.subject) {
		return pathWrite
	}
	return e.subject
}

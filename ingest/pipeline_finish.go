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
		o := e.out.outcome()
		o.freed = e.freed
		in.waiters.tell(e.id, o)
	}
	p.bytes.Release(e.weight)
	e.out.reset()
	e.incoming, e.freed, e.request, e.requestFault = incoming{}, 0, freeRequest{}, nil
	if cap(e.lines) > largeEntry {
		e.lines = nil
	}
	p.unused.put(e)
}

// origin says in a log line where an entry came from.
func (l *logStream) origin(e *entry) string {
	if e.subject == l.writes || l.isForwarded(e.subject) {
		return pathWrite
	}
	return e.subject
}

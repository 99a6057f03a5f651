package ingest

import (
	"context"
	"fmt"
	"time"

	"cc-metric-store/store"
)

// Position returns a position of the log up to which the store holds all. It is not before the
// entries of a Write or Free that has returned. ok is false if there is none that other nodes know:
// nothing was read yet, or writes are in the outbox of this node, or were not read back yet.
func (in *Ingest) Position() (p store.LogPosition, ok bool) {
	p, _ = in.Applied()
	if o := in.outbox; o != nil {
		if o.waiting.Load() > 0 {
			return p, false
		}
		if last := o.forwarded.Load(); last != nil && last.Epoch == p.Entry.Epoch && last.Seq > p.Entry.Seq {
			return p, false
		}
	}
	return p, !p.Created.IsZero() && p.Entry.Seq > 0
}

// AwaitPosition returns when the store holds the log up to p, of which Created and Entry.Seq count.
// A log that was created later has come further.
func (in *Ingest) AwaitPosition(ctx context.Context, p store.LogPosition) error {
	return in.replay.awaitMoved(ctx, func(at store.LogPosition) bool {
		return at.Created.After(p.Created) || sameTime(at.Created, p.Created) && at.Entry.Seq >= p.Entry.Seq
	})
}

// sameTime compares what may have come from another node as text.
func sameTime(a, b time.Time) bool { return a.UnixNano() == b.UnixNano() }

// awaitMoved returns when the condition holds for the position.
func (r *replay) awaitMoved(ctx context.Context, there func(store.LogPosition) bool) error {
	for {
		r.mu.Lock()
		at, ended := r.pos, r.ended
		if r.moved == nil {
			r.moved = make(chan struct{})
		}
		moved := r.moved
		r.mu.Unlock()
		switch {
		case there(at):
			return nil
		case ended:
			return fmt.Errorf("reading the log has ended at entry %d", at.Entry.Seq)
		}
		select {
		case <-moved:
		case <-ctx.Done():
			return ctx.Err()
		}
	}
}

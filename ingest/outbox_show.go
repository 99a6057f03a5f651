package ingest

import (
	"context"
	"errors"
	"strconv"
	"time"
)

// startShowing calls show in a goroutine of its own. The caller calls wait before it closes
// the outbox.
func (o *outbox) startShowing(ctx context.Context) (wait func()) {
	go o.show(ctx)
	return func() { <-o.shown }
}

// show applies the entries that a former run has left to the store at once, as the log may
// stay out of reach. They are applied again when they are read from the log.
func (o *outbox) show(ctx context.Context) {
	defer close(o.shown)
	if !o.in.replay.awaitsOutbox() {
		return
	}
	n, err := o.showAll(ctx)
	if err != nil && ctx.Err() == nil {
		o.in.logger.Error("writes over REST that wait for the log cannot be shown before it has them", "stream", o.name, "shown", n, "error", err)
	}
}

func (o *outbox) showAll(ctx context.Context) (n int, err error) {
	for next := uint64(0); ; n++ {
		err := o.showNext(ctx, &next)
		if errors.Is(err, errNoEntry) {
			return n, nil
		}
		if err != nil {
			return n, err
		}
	}
}

// showNext applies the first entry from the sequence number next on, and sets next to the one
// after it. It returns errNoEntry if there is none.
func (o *outbox) showNext(ctx context.Context, next *uint64) error {
	o.mu.Lock()
	defer o.mu.Unlock()
	if err := o.openLocked(ctx); err != nil {
		return err
	}
	m, err := o.firstLocked(ctx, *next)
	if err != nil {
		return err
	}
	*next = m.Seq + 1
	header, at := m.header(), m.Time
	if ns, err := strconv.ParseInt(header.Get(headerTime), 10, 64); err == nil {
		at = time.Unix(0, ns)
	}
	e := outgoing{cluster: header.Get(headerCluster), data: m.Data, free: header.Get(headerKind) == kindFree, writers: &writers{}}
	if header.Get(headerEncoding) == encodingS2 {
		if e.data, err = decompress(nil, m.Data); err != nil {
			return nil // it is refused when the log has it
		}
	}
	_ = o.applyLocked(&e, at) // a bad free request is refused when the log has it
	return nil
}

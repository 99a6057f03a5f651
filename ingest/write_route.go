package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"
)

// destination says where an entry that is written over REST goes.
type destination int

const (
	nowhere destination = iota
	toLog
	toOutbox
)

// route is where one entry goes. It is decided once, before the entry is written, and a
// second time if the log did not take it.
type route struct {
	to     destination
	stream *logStream // if it goes to the log
	why    error      // why it does not

	// until is when the outbox takes an entry that the log has not acknowledged. Zero: the
	// outbox does not take it, because there is none or the log is in the embedded server.
	until time.Time
}

// errOutOfReach says that the log cannot be reached at the moment.
var errOutOfReach = errors.New("the log is out of reach")

// route decides where an entry goes. If the log is not open yet, it waits: for as long as
// the writer does, or less if there is an outbox. The store holds what it is to hold at the
// start (see awaitStart), so that what the outbox takes can be made visible.
func (in *Ingest) route(ctx context.Context, b *budget) route {
	l, _, _ := in.state.current()
	var until time.Time
	if in.outbox != nil && (l == nil || !l.embedded) {
		if in.outbox.waiting.Load() > 0 {
			return route{to: toOutbox, why: errOutOfReach} // behind what came before
		}
		until = time.Now().Add(in.cfg.timings.outbox)
	}
	if l == nil {
		var err error
		if l, err = in.awaitLogUntil(ctx, b, until); err != nil {
			to := nowhere
			if in.outbox != nil {
				to = toOutbox
			}
			return route{to: to, why: err}
		}
	}
	switch {
	case in.outbox == nil || l.embedded:
		return route{to: toLog, stream: l}
	case !l.nc.IsConnected():
		return route{to: toOutbox, why: fmt.Errorf("append to %s: %w", in.where(l), errOutOfReach)}
	}
	return route{to: toLog, stream: l, until: until}
}

// awaitLogUntil returns the log when it is open, for which it waits until the budget is used
// up, or a time if that is not zero.
func (in *Ingest) awaitLogUntil(ctx context.Context, b *budget, until time.Time) (l *logStream, err error) {
	if l, _, _ := in.state.current(); l != nil {
		return l, nil
	}
	err = b.wait(ctx, func(ctx context.Context) (err error) {
		if !until.IsZero() {
			var cancel context.CancelFunc
			ctx, cancel = context.WithDeadline(ctx, until)
			defer cancel()
		}
		l, err = in.awaitLog(ctx)
		return err
	})
	return l, err
}

// fallsBack reports whether the outbox takes the entry if the log does not.
func (r route) fallsBack() bool { return !r.until.IsZero() }

// afterFailure decides where an entry goes that the log did not take: to the outbox,
// unless it is the entry that is at fault.
func (r route) afterFailure(err error) route {
	if r.fallsBack() && !isAtFault(err) {
		return route{to: toOutbox, why: err}
	}
	return route{to: nowhere, why: err}
}

// awaitLog returns the log, for which it waits a while.
func (in *Ingest) awaitLog(ctx context.Context) (*logStream, error) {
	for {
		l, reached, problem := in.state.current()
		if l != nil {
			return l, nil
		}
		select {
		case <-reached:
		case <-ctx.Done():
			return nil, fmt.Errorf("append to stream %s: the log is not reached, nothing was written: %w", in.cfg.Stream.Name, problem)
		}
	}
}

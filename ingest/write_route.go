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

// route decides where an entry goes. It may wait for the log to be opened: until ctx ends,
// or not as long if there is an outbox. The store holds what it is to hold at the start
// (see awaitStart), so that what the outbox takes can be made visible.
func (in *Ingest) route(ctx context.Context) route {
	if in.outbox == nil {
		l, err := in.awaitLog(ctx)
		if err != nil {
			return route{to: nowhere, why: err}
		}
		return route{to: toLog, stream: l}
	}
	if l, _, _ := in.state.current(); (l == nil || !l.embedded) && in.outbox.waiting.Load() > 0 {
		return route{to: toOutbox, why: errOutOfReach} // behind what came before
	}
	until := time.Now().Add(in.cfg.timings.outbox)
	ctx, cancel := context.WithDeadline(ctx, until)
	defer cancel()
	l, err := in.awaitLog(ctx)
	switch {
	case err != nil:
		return route{to: toOutbox, why: err}
	case l.embedded:
		return route{to: toLog, stream: l}
	case !l.nc.IsConnected():
		return route{to: toOutbox, why: fmt.Errorf("append to %s: %w", in.where(l), errOutOfReach)}
	}
	return route{to: toLog, stream: l, until: until}
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

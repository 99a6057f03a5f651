package ingest

import (
	"context"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// hold is a request to the packer to rest.
type hold struct {
	rests chan struct{} // closed when it does: nothing is on its way to the log
	end   chan struct{} // closed when it may go on
}

// holdTimeout bounds the wait for the log: it may take nothing any more.
const holdTimeout = 10 * time.Second

// Hold keeps the packer from giving more to the embedded log, and waits for at most ten
// seconds until the store holds all that the log has acknowledged: then the log may be
// replaced by another one. The error says what may be missing. A log on a broker is left
// alone. Messages wait in memory until release is called, which has to be.
func (in *Ingest) Hold(ctx context.Context) (release func(), err error) {
	ctx, cancel := context.WithTimeout(ctx, holdTimeout)
	defer cancel()
	h := &hold{make(chan struct{}), make(chan struct{})}
	release = func() {
		in.held.Store(nil)
		close(h.end)
	}
	in.held.Store(h)
	if in.intake.Load() != nil {
		select {
		case in.holds <- struct{}{}:
		default: // it is told already
		}
		select {
		case <-h.rests:
		case <-ctx.Done():
			return release, fmt.Errorf("entries are on their way to the log: %w", ctx.Err())
		}
	}
	l, _, problem := in.state.current()
	if l == nil {
		return release, problem
	}
	if !l.embedded {
		return release, nil // it is not the log that goes
	}
	var stream jetstream.Stream
	err = withTimeout(ctx, func(ctx context.Context) (err error) {
		stream, err = l.js.Stream(ctx, l.name)
		return err
	})
	if err != nil {
		return release, fmt.Errorf("ask for the newest entry of stream %s: %w", l.name, err)
	}
	if err := in.replay.awaitSeq(ctx, stream.CachedInfo().State.LastSeq); err != nil {
		return release, fmt.Errorf("read stream %s to its end: %w", l.name, err)
	}
	return release, nil
}

// rest returns when the packer may go on.
func (h *hold) rest(ctx context.Context) {
	select {
	case <-h.rests: // it has been asked twice
	default:
		close(h.rests)
	}
	select {
	case <-h.end:
	case <-ctx.Done():
	}
}

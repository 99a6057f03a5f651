package main

import (
	"context"
	"log/slog"
	"time"
)

// target is one connection to whoever takes the samples. It is used by one goroutine.
type target interface {
	// maxMessage returns the size in bytes of the largest message body that send takes.
	maxMessage() int
	// send hands over one message and waits where the other side is slower. The
	// other side may still refuse it after send has returned. An error means
	// that going on is pointless; a refusal that concerns this message alone
	// goes to the tally instead.
	send(ctx context.Context, m message) error
	// flush waits until the other side has answered for everything sent so far.
	flush(ctx context.Context) error
	// close releases the connection; it does not wait for what was not flushed.
	close()
}

// opener connects to a target. All connections of a run come from one opener.
type opener func(ctx context.Context) (target, error)

// newOpener returns the opener for the target that o names.
func newOpener(o *options, t *tally, logger *slog.Logger) opener {
	again := backoff{giveUp: o.giveUp, tally: t}
	switch o.kind {
	case kindHTTP:
		return func(context.Context) (target, error) { return openHTTP(o.url, o.jwt, again, t), nil }
	case kindStdout:
		return func(context.Context) (target, error) { return newWriterTarget(o.stdout, t), nil }
	case kindJetStream:
		return func(ctx context.Context) (target, error) { return openJetStream(ctx, o.nats, again, t, logger) }
	default:
		return func(context.Context) (target, error) { return openCore(o.nats, again, t, logger) }
	}
}

const (
	firstPause = 100 * time.Millisecond
	lastPause  = 2 * time.Second
)

// backoff repeats what failed for a passing reason, with growing pauses, until
// giveUp has passed since the first attempt.
type backoff struct {
	giveUp time.Duration
	tally  *tally
}

// do calls attempt until it succeeds, fails for good (again is false), time is
// up or ctx ends. It returns the last error of attempt.
func (b backoff) do(ctx context.Context, attempt func() (again bool, err error)) error {
	began := time.Now()
	pause := firstPause
	for {
		again, err := attempt()
		if err == nil || !again || ctx.Err() != nil || time.Since(began)+pause > b.giveUp {
			return err
		}
		b.tally.retries.Add(1)
		if sleep(ctx, pause) != nil {
			return err
		}
		pause = min(2*pause, lastPause)
	}
}

// sleep waits for d, or returns the cause of ctx's end.
func sleep(ctx context.Context, d time.Duration) error {
	timer := time.NewTimer(d)
	defer timer.Stop()
	select {
	case <-timer.C:
		return nil
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// writability is whether the log took what it was given last.
type writability struct {
	failures chan struct{} // a token after each failure

	mu      sync.Mutex
	problem error // guarded by mu; nil: it did
}

func (w *writability) init() { w.failures = make(chan struct{}, 1) }

// record records how an attempt to append to the log has ended.
func (w *writability) record(err error) {
	if errors.Is(err, context.Canceled) || isAtFault(err) {
		return // that says nothing about the log
	}
	w.mu.Lock()
	w.problem = err
	w.mu.Unlock()
	if err == nil {
		return
	}
	select {
	case w.failures <- struct{}{}:
	default: // one is waiting already
	}
}

func (w *writability) err() error {
	w.mu.Lock()
	defer w.mu.Unlock()
	return w.problem
}

// Writable returns nil if the log took the newest of the entries that this
// program gave it, or the outbox takes them for it, otherwise an error that says
// why not. Queries are answered
// all the same.
func (in *Ingest) Writable() error {
	if err := in.writable.err(); err != nil && (in.outbox == nil || !in.outbox.working()) {
		return fmt.Errorf("the log takes no entries (see to its server and the disk there): %w", err)
	}
	return nil
}

// restoreSettings undoes what somebody has changed of the embedded log, such as its
// subjects. One that is gone is created by resetConsumer.
func (in *Ingest) restoreSettings(ctx context.Context, l *logStream) error {
	if !l.embedded {
		return nil
	}
	stream, err := l.js.Stream(ctx, l.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		return nil
	}
	if err != nil {
		return err
	}
	return in.adopt(ctx, l, stream.CachedInfo().Config, in.streamConfig(l))
}

// proveWritable gives the log an entry without lines now and then, from a
// failure on until it takes one: nobody else may write for a long time.
func (in *Ingest) proveWritable(ctx context.Context, l *logStream) {
	for {
		select {
		case <-in.writable.failures:
		case <-ctx.Done():
			return
		}
		for in.writable.err() != nil {
			select {
			case <-time.After(in.cfg.timings.proof):
			case <-ctx.Done():
				return
			}
			in.writable.record(in.ask(ctx, l, func(ctx context.Context) error {
				if err := in.restoreSettings(ctx, l); err != nil {
					return err
				}
				_, err := l.js.Publish(ctx, l.writes, []byte("#\n"))
				return err
			}))
		}
	}
}

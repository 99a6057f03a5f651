package ingest

import (
	"context"
	"errors"
	"fmt"
	"sync"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// writability is whether the log took the newest entry that was written to it. It is safe for
// concurrent use.
type writability struct {
	failures chan struct{} // a token after each failure

	mu sync.Mutex
	// Guarded by mu.
	problem error     // nil: the log took the entry
	since   time.Time // of the first failure in a row
}

func (w *writability) init() { w.failures = make(chan struct{}, 1) }

// record records how an attempt to append to the log has ended.
func (w *writability) record(err error) {
	if errors.Is(err, context.Canceled) || isAtFault(err) {
		return // that says nothing about the log
	}
	w.mu.Lock()
	if w.problem == nil {
		w.since = time.Now()
	}
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

// errSince is err, but nil if that is not so for so long.
func (w *writability) errSince(after time.Duration) error {
	w.mu.Lock()
	defer w.mu.Unlock()
	if w.problem == nil || time.Since(w.since) < after {
		return nil
	}
	return w.problem
}

// Writable returns nil if the log took the newest entry that this program wrote, or if the
// outbox takes entries in its place. Otherwise the error says why not. Queries are answered all
// the same.
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

// proveWritable writes an entry without lines after each failure, at intervals, until the log
// takes one: otherwise, if nobody else writes for a long time, the program would go on saying
// that the log takes nothing.
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

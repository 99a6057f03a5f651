package ingest

import (
	"context"
	"errors"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
)

// maxBarks is how often one entry is read in vain before something is done about
// it.
const maxBarks = 3

// watchdog gets the reading past an entry that does not come: whatever is wrong
// with it, what is behind it is not to be lost as well.
type watchdog struct {
	in       *Ingest
	stream   *logStream
	pipeline *pipeline

	barks int       // readings in vain since since
	since time.Time // when the first one ended
}

// bark is called after a reading that brought nothing although so many entries waited. When
// that has been so for a while, the next entry is fetched in another way; if that
// fails as well, it is stepped over.
func (w *watchdog) bark(ctx context.Context, cur *cursor, waiting uint64) {
	if w.barks++; w.barks == 1 {
		w.since = time.Now()
	}
	if w.barks < maxBarks || time.Since(w.since) < w.in.cfg.timings.stuck || !w.stream.nc.IsConnected() {
		return
	}
	*w = watchdog{in: w.in, stream: w.stream, pipeline: w.pipeline}
	err := w.fetch(ctx, cur, waiting)
	if err == nil || ctx.Err() != nil || errors.Is(err, errNoEntry) {
		return
	}
	w.stepOver(ctx, cur, err)
}

// fetch asks the stream for the next entry, the first one of those that wait, and
// applies it.
func (w *watchdog) fetch(ctx context.Context, cur *cursor, waiting uint64) error {
	var e storedMsg
	err := w.in.ask(ctx, w.stream, func(ctx context.Context) (err error) {
		e, err = getMsg(ctx, w.stream.nc, w.stream.name, msgRequest{Seq: cur.seq + 1, Next: ">"})
		return err
	})
	if err != nil {
		return err
	}
	if read := w.in.subjectsRead(w.stream); read != nil && !slices.ContainsFunc(read, func(s string) bool { return covers(s, e.Subject) }) {
		return errNoEntry // somebody else's: it does not hold up the consumer
	}
	w.in.logger.Warn("an entry of the log does not come by itself: it was fetched", "stream", w.stream.name, "entry", e.Seq, "bytes", len(e.Data))
	m := &nats.Msg{Subject: e.Subject, Header: e.header(), Data: e.Data}
	meta := &nats.MsgMetadata{Sequence: nats.SequencePair{Stream: e.Seq}, Timestamp: e.Time, NumPending: waiting - 1}
	return w.in.putEntry(ctx, m, meta, w.stream, w.pipeline, cur)
}

// stepOver looks for the nearest entry that comes, and leaves out those before it.
// If none does, it is not the entries that are at fault.
func (w *watchdog) stepOver(ctx context.Context, cur *cursor, cause error) {
	failed := uint64(0) // what is so far behind the next entry does not come either
	for n := uint64(1); n < 1<<20 && w.connected(ctx); n += max(1, n/2) {
		m, err := w.peek(ctx, cur.seq+1+n)
		if err != nil {
			failed = n
			continue
		}
		if m == nil {
			return // there is none behind it
		}
		if first, err := w.peek(ctx, cur.seq+1); err == nil && first != nil || !w.connected(ctx) {
			return // it was not the entry
		}
		for n-failed > 1 { // the nearest one may lie between
			mid := failed + (n-failed)/2
			if m, err := w.peek(ctx, cur.seq+1+mid); err == nil && m != nil {
				n = mid
			} else {
				failed = mid
			}
			if !w.connected(ctx) {
				return
			}
		}
		w.in.counters.steppedOver.Add(int64(n))
		w.in.logger.Error("entries of the log cannot be read: they are left out, and what they hold is not in the answers",
			"stream", w.stream.name, "first", cur.seq+1, "last", cur.seq+n, "error", cause)
		cur.seq, cur.at = cur.seq+n, time.Time{}
		return
	}
}

// connected waits a while for the connection: an entry may be what ended it.
func (w *watchdog) connected(ctx context.Context) bool {
	for end := time.Now().Add(apiTimeout); ; {
		if w.stream.nc.IsConnected() {
			return ctx.Err() == nil
		}
		if time.Now().After(end) || pause(ctx, 50*time.Millisecond) != nil {
			return false
		}
	}
}

// peek reads one entry, the first one from the given number on. It is nil if there
// is none.
func (w *watchdog) peek(ctx context.Context, from uint64) (m *nats.Msg, err error) {
	err = w.in.ask(ctx, w.stream, func(ctx context.Context) error {
		r, _, err := w.in.createConsumer(ctx, w.stream, from)
		if err != nil {
			return err
		}
		defer w.in.deleteConsumer(ctx, w.stream, r)
		m, err = r.proof(ctx)
		return err
	})
	return m, err
}

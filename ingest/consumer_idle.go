package ingest

import (
	"context"
	"errors"
)

// maxSigns is how many signs of life may come in a row before the consumer is reset
// if entries wait and none comes. None comes while a large entry is on its way.
const maxSigns = 3

// errStalled says that a consumer hears that the broker is alive, and nothing else: it was
// paused, say.
var errStalled = errors.New("entries wait in the log, but the broker does not send them to the consumer")

// idleness looks after a consumer to which no entry comes: nothing waits, or the broker
// does not send what waits.
type idleness struct {
	in     *Ingest
	stream *logStream

	delivered uint64 // when it was looked last
	foreign   uint64 // up to this sequence number no entry waits that would be for the consumer
}

// isStalled is called now and then with the number of entries that came, and of the
// signs of life since the last one. It reports whether entries wait in vain.
func (i *idleness) isStalled(ctx context.Context, delivered uint64, signs int, cur *cursor) bool {
	if delivered != i.delivered {
		i.delivered = delivered
		return false
	}
	waits, err := i.waits(ctx, cur)
	return err == nil && waits && signs >= maxSigns
}

// waits reports whether entries wait in the log. The broker's own count, which comes
// with each entry, does not know of those that came or were dropped since.
func (i *idleness) waits(ctx context.Context, cur *cursor) (waits bool, err error) {
	err = withTimeout(ctx, func(ctx context.Context) error {
		stream, err := i.stream.js.Stream(ctx, i.stream.name)
		if err != nil {
			return err // the stream may be gone: who attaches the next time sees to it
		}
		last := stream.CachedInfo().State.LastSeq
		pending := uint64(0)
		if last > max(cur.seq, i.foreign) {
			// On somebody else's broker they need not be for this consumer.
			r, n, err := i.in.createConsumer(ctx, i.stream, cur.seq+1)
			if err != nil {
				return err
			}
			i.in.deleteConsumer(ctx, i.stream, r)
			pending = n
		}
		if waits = pending > 0; !waits {
			i.foreign = last
		}
		i.in.replay.recounted(cur.entries, pending)
		return nil
	})
	return waits, err
}

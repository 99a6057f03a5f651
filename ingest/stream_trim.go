package ingest

import (
	"context"

	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// Release implements store.Log: if the configuration lets it, the embedded log
// drops the entries before p. That one stays, to be known by its time. A log on
// somebody else's broker serves other nodes, too, and is left alone.
func (in *Ingest) Release(ctx context.Context, p store.LogPosition) {
	l, _, _ := in.state.current()
	if l == nil || !l.embedded || !in.cfg.Stream.Trim || p.Entry.Seq == 0 {
		return
	}
	err := withTimeout(ctx, func(ctx context.Context) error {
		stream, err := l.js.Stream(ctx, l.name)
		if err != nil {
			return err
		}
		// In another log the number is that of an entry that may not have been read.
		if now, _ := in.Applied(); now.Entry.Epoch != p.Entry.Epoch || !stream.CachedInfo().Created.Equal(p.Created) {
			return nil
		}
		return stream.Purge(ctx, jetstream.WithPurgeSequence(p.Entry.Seq))
	})
	if err != nil && ctx.Err() == nil {
		in.logger.Warn("the log keeps entries that are in two checkpoints: the next checkpoint tries again to remove them",
			"stream", l.name, "before", p.Entry.Seq, "error", err)
	}
}

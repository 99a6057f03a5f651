package ingest

import (
	"context"
	"errors"
	"fmt"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// checkCursor moves the cursor back to the first entry, in a new epoch, if the stream is
// another one than before, or has lost entries that were read: the stream may have given
// their sequence numbers to new entries. It fails if the broker does not answer.
func (in *Ingest) checkCursor(ctx context.Context, l *logStream, info *jetstream.StreamInfo, cur *cursor) error {
	why, err := in.startOver(ctx, l, info, *cur)
	if err != nil {
		return err
	}
	if why != "" {
		in.logger.Warn(why+": reading it from the start", "stream", l.name,
			"created", info.Created, "read_up_to", cur.seq, "last", info.State.LastSeq)
		cur.seq = 0
		cur.epoch++
	} else if err := in.checkHighWater(ctx, l, info, cur); err != nil {
		return err
	}
	if cur.created.IsZero() && l.embedded && in.cfg.Stream.Trim && info.State.FirstSeq > 1 {
		in.reportNoCheckpoint(l, info)
	}
	cur.highWater = store.LogPosition{}
	cur.created = info.Created
	if cur.seq > 0 && info.State.FirstSeq > cur.seq+1 {
		in.reportHole(ctx, l, info, info.State.FirstSeq-cur.seq-1, cur.at)
	}
	return nil
}

// checkHighWater starts a new epoch if the newest entry that the checkpoint contains is no
// longer in the stream with its timestamp: sequence numbers may have been reused, so that
// nothing may be skipped.
func (in *Ingest) checkHighWater(ctx context.Context, l *logStream, info *jetstream.StreamInfo, cur *cursor) error {
	if cur.highWater.Entry.Seq <= cur.seq {
		return nil
	}
	why, err := in.startOver(ctx, l, info, cursor{seq: cur.highWater.Entry.Seq, created: cur.highWater.Created, at: cur.highWater.At})
	if err == nil && why != "" {
		in.logger.Warn(why+" since the checkpoint was written: what it holds of them stays", "stream", l.name,
			"created", info.Created, "read_up_to", cur.highWater.Entry.Seq, "last", info.State.LastSeq)
		cur.epoch++
	}
	return err
}

// startOver returns why the stream has to be read from its first entry, empty if it need
// not be.
func (in *Ingest) startOver(ctx context.Context, l *logStream, info *jetstream.StreamInfo, cur cursor) (why string, err error) {
	switch {
	case cur.seq == 0:
		return "", nil
	case !info.Created.Equal(cur.created):
		return "the stream was created anew", nil
	case info.State.LastSeq < cur.seq && (in.cfg.Clustered || l.byIntakes) && cur.failures < maxBehind:
		return "", fmt.Errorf("%w: the leader of stream %s has come to entry %d, and entry %d was read", errCompare, l.name, info.State.LastSeq, cur.seq)
	case info.State.LastSeq < cur.seq:
		return "the stream has lost its newest entries", nil
	case info.State.FirstSeq > cur.seq:
		return "", nil // the entry has aged out; all that is there comes after it
	}
	if cur.at.IsZero() || cur.failures >= maxComparisons {
		return "", nil // it cannot be read; the stream is the same and has it
	}
	timeOf := in.timeOf
	if cur.byConsumer {
		timeOf = in.timeByConsumer
	}
	at, err := timeOf(ctx, l, cur.seq)
	switch {
	case errors.Is(err, errNoEntry):
		return "the newest entry that was read is gone from the stream", nil
	case err != nil:
		return "", fmt.Errorf("%w: entry %d of stream %s: %w", errCompare, cur.seq, l.name, err)
	case !at.Equal(cur.at):
		return "the stream has lost entries that were read, and has others in their place", nil
	}
	return "", nil
}

// maxComparisons is how many attempts to compare an entry may fail in a row. After them the
// entry is taken for the one that was read, so that one that cannot be read does not keep the
// log from being read.
const maxComparisons = 3

// maxBehind is how many times in a row a leader of a cluster may not have the newest entry that
// was read. One that leads since a moment ago may have it, and not have come to it.
const maxBehind = 5

// errCompare says that an entry could not be compared with the one that was read.
var errCompare = errors.New("compare an entry of the log with the one that was read")

// timeOf returns when the log took an entry.
func (in *Ingest) timeOf(ctx context.Context, l *logStream, seq uint64) (time.Time, error) {
	e, err := getMsg(ctx, l.nc, l.name, msgRequest{Seq: seq})
	return e.Time, err
}

// timeByConsumer is timeOf by way of a consumer. Its server may be behind the stream's
// leader: that it has no such entry proves nothing.
func (in *Ingest) timeByConsumer(ctx context.Context, l *logStream, seq uint64) (at time.Time, err error) {
	c, _, err := in.createConsumer(ctx, l, seq)
	if err != nil {
		return at, err
	}
	defer in.deleteConsumer(ctx, l, c)
	m, err := c.proof(ctx)
	if err != nil || m == nil {
		return at, errors.Join(err, errors.New("no entry comes"))
	}
	meta, err := m.Metadata()
	if err == nil && meta.Sequence.Stream != seq {
		return at, errNoEntry
	}
	if err != nil {
		return at, err
	}
	return meta.Timestamp, nil
}

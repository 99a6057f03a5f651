package ingest

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// cursor is how far the log has been fetched.
type cursor struct {
	epoch   uint32    // see store.Entry
	created time.Time // of the stream, zero before the first attempt
	seq     uint64    // of the newest entry, 0 before the first one
	at      time.Time // when the log took it
	entries uint64    // fetched in this run

	// highWater is the newest entry of which the checkpoint holds anything. It is compared
	// with the entry that has its sequence number now, once.
	highWater store.LogPosition

	byConsumer bool // entries are compared by reading them: the broker allows no other way
	failures   int  // comparisons that failed, in a row

	skipped uint64    // entries that were not delivered, since that was told
	before  time.Time // when the log took the entry before them
	said    onceAMinute
}

// startCursor returns where reading begins.
func startCursor(from store.Restored) cursor {
	p := cursor{epoch: max(from.From.Entry.Epoch, 1), highWater: from.HighWater}
	if !from.From.Created.IsZero() {
		p.created, p.seq, p.at = from.From.Created, from.From.Entry.Seq, from.From.At
	}
	return p
}

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

// checkCursor sends cur back to the first entry if the stream is another one
// than before, or has lost entries that were read: their numbers may belong to
// new entries by now.
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

// recordGap is called when the entry after one that was read has not the next
// number. It counts, and reports a hole, once a minute, if the stream dropped
// what was between, as its bounds are too narrow for the lag, or has lost it. The
// log took that entry at the given time.
func (in *Ingest) recordGap(ctx context.Context, l *logStream, cur *cursor, next uint64, at time.Time) {
	missing := next - cur.seq - 1
	in.counters.skipped.Add(missing)
	if cur.skipped == 0 {
		cur.before = cur.at
	}
	cur.skipped += missing
	if !cur.said.due() {
		return
	}
	_ = withTimeout(ctx, func(ctx context.Context) error { // without an answer there is nothing to say
		stream, err := l.js.Stream(ctx, l.name)
		switch {
		case err != nil:
		case stream.CachedInfo().State.FirstSeq > cur.seq+1:
			in.reportHole(ctx, l, stream.CachedInfo(), cur.skipped, cur.before)
		case l.embedded && in.isGone(ctx, l, cur.seq+1): // nobody removes entries out of its middle
			in.logger.Error("the log has lost entries before they were read: the answers have a hole",
				"stream", l.name, "missing", cur.skipped, "from", cur.before.UTC(), "to", at.UTC())
		}
		return err
	})
	cur.skipped = 0
}

// isGone reports whether the log has no entry with the sequence number, or none that can be
// read.
func (in *Ingest) isGone(ctx context.Context, l *logStream, seq uint64) bool {
	_, err := in.timeOf(ctx, l, seq)
	_, refused := errors.AsType[*jetstream.APIError](err)
	return refused || errors.Is(err, errNoEntry)
}

// reportNoCheckpoint tells the operator that no checkpoint was loaded although there
// were some: the log has dropped what they hold.
func (in *Ingest) reportNoCheckpoint(l *logStream, info *jetstream.StreamInfo) {
	dropped := info.State.FirstSeq - 1
	in.counters.skipped.Add(dropped)
	in.logger.Error("no checkpoint was loaded, and the log has dropped entries that checkpoints held: the answers lack what was in them. "+
		"If the directory of the checkpoints was moved or is not mounted, stop this program, put it back or name it in metric-store.checkpoints.directory, and start anew",
		"stream", l.name, "missing", dropped, "log_begins", info.State.FirstTime.UTC())
}

// reportHole tells the operator about entries that were dropped unread, all of
// which the log took after the given time. Where the stream has other subjects
// too, they may have been of those.
func (in *Ingest) reportHole(ctx context.Context, l *logStream, info *jetstream.StreamInfo, missing uint64, after time.Time) {
	level, hole := slog.LevelError, "the answers have a hole"
	read := in.subjectsRead(l)
	for _, s := range info.Config.Subjects {
		if read != nil && !slices.ContainsFunc(read, func(r string) bool { return covers(r, s) }) {
			level, hole = slog.LevelWarn, "the answers have a hole if any was of a subject that is subscribed"
			break
		}
	}
	in.logger.Log(ctx, level, "the stream dropped entries before they were read: "+hole+" (raise nats.stream.max-age or max-bytes)",
		"stream", l.name, "missing", missing, "from", after.UTC(), "to", info.State.FirstTime.UTC())
}

// startOver returns the reason for which the stream has to be read from its
// first entry, if there is one.
func (in *Ingest) startOver(ctx context.Context, l *logStream, info *jetstream.StreamInfo, cur cursor) (why string, err error) {
	switch {
	case cur.seq == 0:
		return "", nil
	case !info.Created.Equal(cur.created):
		return "the stream was created anew", nil
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

// maxComparisons is how often it is tried to compare an entry.
const maxComparisons = 3

// errCompare says that an entry could not be compared with the one that was read.
var errCompare = errors.New("compare an entry of the log with the one that was read")

// failed records why reading has ended.
func (c *cursor) failed(err error) {
	if denied, ok := errors.AsType[*DeniedError](err); ok && strings.Contains(denied.What, ".STREAM.MSG.GET.") {
		c.byConsumer = true
	} else if errors.Is(err, errCompare) {
		c.failures++
	}
}

// timeOf returns when the log took an entry.
func (in *Ingest) timeOf(ctx context.Context, l *logStream, seq uint64) (time.Time, error) {
	e, err := getMsg(ctx, l.nc, l.name, msgRequest{Seq: seq})
	return e.Time, err
}

// timeByConsumer is timeOf by way of a consumer. Its server may be behind the stream's
// leader: that it has no such entry proves nothing.
func (in *Ingest) timeByConsumer(ctx context.Context, l *logStream, seq uint64) (at time.Time, err error) {
	r, _, err := in.createConsumer(ctx, l, seq)
	if err != nil {
		return at, err
	}
	defer in.deleteConsumer(ctx, l, r)
	m, err := r.proof(ctx)
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

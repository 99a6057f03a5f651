package ingest

import (
	"context"
	"errors"
	"log/slog"
	"slices"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// recordGap is called when the sequence number of an entry is not the one after that of
// the entry before. It counts the entries between, and reports a hole, once a minute, if
// the stream has dropped them, as its bounds are too narrow for the lag, or has lost them.
// at is the time of the entry in the log.
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

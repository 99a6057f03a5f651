package ingest

import (
	"context"
	"slices"
	"strings"
)

// warnLeftBehind tells that the log is on the broker and what the embedded
// server keeps is not read.
func (in *Ingest) warnLeftBehind() {
	if in.cfg.EmbeddedHolds == nil {
		return
	}
	if dir, streams := in.cfg.EmbeddedHolds(); slices.Contains(streams, in.cfg.Stream.Name) {
		in.logger.Warn("there is an embedded log of an earlier time, which is not read, as the log is on the broker now: "+
			"the answers lack what is in it alone; start without nats.address to see that again, or remove the directory",
			"directory", dir)
	}
}

// warnOfFormerStreams tells that the embedded server has entries that this program took
// with another configuration, and that are not read: of a log with another name, and
// of an outbox for a broker that is not named any more.
func (in *Ingest) warnOfFormerStreams(ctx context.Context, l *logStream) {
	_ = withTimeout(ctx, func(ctx context.Context) error { // without an answer there is nothing to say
		streams := l.js.ListStreams(ctx)
		for s := range streams.Info() {
			if s.State.Msgs == 0 || s.Config.Name == l.name {
				continue
			}
			name, isOutbox := strings.CutSuffix(s.Config.Name, outboxSuffix)
			switch {
			case s.Config.Description == logDescription:
				in.logger.Warn("the embedded server has a log of another name, which is not read: the answers lack what no checkpoint holds of it; "+
					"start with its name in nats.stream.name to see that again, or remove the stream (nats stream rm)",
					"stream", s.Config.Name, "entries", s.State.Msgs, "from", s.State.FirstTime.UTC(), "to", s.State.LastTime.UTC())
			case isOutbox && s.Config.Description == outboxDescription && (in.outbox == nil || name != l.name):
				in.logger.Warn("writes over REST wait for the log of a broker, and are in the answers no more: start with nats.address and nats.stream.name as they were, "+
					"so that they are forwarded, or remove the stream (nats stream rm)",
					"stream", s.Config.Name, "log", name, "entries", s.State.Msgs, "from", s.State.FirstTime.UTC(), "to", s.State.LastTime.UTC())
			}
		}
		return streams.Err()
	})
}

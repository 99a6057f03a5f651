package ingest

import (
	"context"
	"errors"
	"fmt"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// logStream is the stream that is the log: on the external broker, where it captures the
// subjects of the metrics, or in the embedded server, where an intake fills it.
type logStream struct {
	nc       *nats.Conn // to where the log is
	js       jetstream.JetStream
	name     string
	writes   string // subject of the lines written over REST
	frees    string // subject of the free requests
	outboxes string // prefix of the subjects under which outboxes forward
	embedded bool
	// byIntakes says that the embedded servers of a cluster put into the stream what publishers
	// send. It is set and read by who opens the log, and then by the goroutine that reads it.
	byIntakes bool
	maxStore  int64 // of the embedded server, 0: not known
	dead      *deadLetters

	interruptions chan struct{} // a token after each outage of the server that has the log
}

// interrupted records that there was an outage.
func (l *logStream) interrupted(*nats.Conn) {
	select {
	case l.interruptions <- struct{}{}:
	default: // one is waiting already
	}
}

// ensure creates the stream or checks the one that is there.
func (in *Ingest) ensure(ctx context.Context, l *logStream) error {
	stream, err := l.js.Stream(ctx, l.name)
	if err == nil {
		l.recognise(stream.CachedInfo())
	}
	want := in.streamConfig(l)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		in.fitAccount(ctx, l, &want)
		_, err = l.js.CreateStream(ctx, want)
		if api, ok := errors.AsType[*jetstream.APIError](err); ok && api.ErrorCode == codeNameInUse && in.cfg.Clustered {
			return in.ensure(ctx, l) // another node has made it in this moment, with the bound of its own disk
		}
		if err != nil {
			return in.explain(ctx, l, err)
		}
		in.logger.Info("created the log", "stream", l.name, "subjects", want.Subjects, "max_age", want.MaxAge)
		return nil
	}
	if err != nil {
		return err
	}
	return in.adopt(ctx, l, stream.CachedInfo().Config, want)
}

// recognise notes what the stream says of who fills it.
func (l *logStream) recognise(info *jetstream.StreamInfo) {
	l.byIntakes = info.Config.Metadata[filledKey] == filledByIntakes
}

// explain names the stream that holds a subject of the log, if that is the
// cause.
func (in *Ingest) explain(ctx context.Context, l *logStream, err error) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != codeOverlap {
		return err
	}
	for _, s := range subjects(in.cfg.Subscriptions) {
		if other, lookupErr := l.js.StreamNameBySubject(ctx, s); lookupErr == nil && other != l.name {
			return fmt.Errorf("subject %q belongs to stream %s already: set nats.stream.name to %s to use it as the log, or take the subject out of it: %w",
				s, other, other, err)
		}
	}
	return err
}

const (
	// codeOverlap is JetStream's error for a subject that another stream captures.
	codeOverlap jetstream.ErrorCode = 10065
	// codeNameInUse is the one for a stream that is there with other settings.
	codeNameInUse jetstream.ErrorCode = 10058
)

package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// logStream is the log: an open stream, on the external broker, where it captures
// the subjects of the metrics, or in the embedded server, where an intake fills it.
type logStream struct {
	nc       *nats.Conn // to where the log is
	js       jetstream.JetStream
	name     string
	writes   string // subject of the lines written over REST
	frees    string // subject of the frees
	outboxes string // below it the subjects of what outboxes forward
	embedded bool
	maxStore int64 // of the embedded server, 0: not known
	dead     *deadLetters

	reattach chan struct{} // a token after each outage of the server that has the log
}

// forwards returns the subject of what the outbox with the given name forwards.
func (l *logStream) forwards(outbox string) string { return l.outboxes + "." + outbox }

// interrupted notes that there was an outage.
func (l *logStream) interrupted(*nats.Conn) {
	select {
	case l.reattach <- struct{}{}:
	default: // one is waiting already
	}
}

// open reaches the log, for as long as it takes. It returns nil without an
// error if ctx ends before.
func (in *Ingest) open(ctx context.Context) (*logStream, error) {
	l, task, err := in.reach(ctx)
	if err != nil {
		if ctx.Err() != nil {
			return nil, nil
		}
		return nil, fmt.Errorf("open the log: %w", err)
	}
	for r := (retry{in: in, what: "open stream " + l.name}); ; {
		err := withTimeout(ctx, func(ctx context.Context) error {
			if err := in.ensure(ctx, l); err != nil {
				return err
			}
			return l.dead.resume(ctx)
		})
		if err == nil {
			if task != nil {
				in.intakeTasks <- task // there is room: this is done once
			}
			return l, nil
		}
		if r.wait(ctx, err) != nil {
			l.nc.Close()
			if task != nil {
				task.close()
			}
			return nil, nil
		}
	}
}

// newLog returns a log that is not reached yet.
func (in *Ingest) newLog() *logStream {
	l := &logStream{
		name:     in.cfg.Stream.Name,
		writes:   in.cfg.Stream.Name + ".write",
		frees:    in.cfg.Stream.Name + ".free",
		outboxes: in.cfg.Stream.Name + ".outbox",
		reattach: make(chan struct{}, 1),
	}
	l.dead = newDeadLetters(in, l)
	return l
}

// reach connects to where the log is. task is for the intake, nil if the stream
// captures the metrics by itself.
func (in *Ingest) reach(ctx context.Context) (l *logStream, task *intakeTask, err error) {
	l = in.newLog()
	if in.cfg.Broker.URL == "" {
		return l, &intakeTask{log: l}, in.useEmbedded(ctx, l)
	}
	nc, err := in.connectBroker(ctx, l.interrupted)
	if err != nil {
		return nil, nil, err
	}
	l.nc = nc
	if l.js, err = jetstream.New(nc); err != nil {
		nc.Close()
		return nil, nil, err
	}
	ok, err := in.hasJetStream(ctx, l.js)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	if ok {
		in.warnLeftBehind()
		return l, nil, nil
	}
	in.log.Warn("the broker has no JetStream: its messages are copied into an embedded log, "+
		"and what is sent while this node is down is lost; enable JetStream on the broker (nats-server -js) to close this gap",
		"address", in.cfg.Broker.URL)
	task = &intakeTask{log: l, broker: nc, brokerJS: l.js}
	if err := in.useEmbedded(ctx, l); err != nil {
		task.close()
		return nil, nil, err
	}
	return l, task, nil
}

// warnLeftBehind tells that the log is on the broker and what the embedded
// server keeps is not read.
func (in *Ingest) warnLeftBehind() {
	if in.cfg.EmbeddedHolds == nil {
		return
	}
	if dir, streams := in.cfg.EmbeddedHolds(); slices.Contains(streams, in.cfg.Stream.Name) {
		in.log.Warn("there is an embedded log of an earlier time, which is not read, as the log is on the broker now: "+
			"the answers lack what is in it alone; start without nats.address to see that again, or remove the directory",
			"directory", dir)
	}
}

func (in *Ingest) useEmbedded(ctx context.Context, l *logStream) error {
	nc, server, err := in.connectEmbedded(ctx, l.interrupted)
	if err != nil {
		return err
	}
	l.nc, l.embedded, l.maxStore = nc, true, server.MaxStore()
	if in.cfg.Broker.URL == "" {
		in.counters.connected.Store(true)
	}
	l.js, err = jetstream.New(nc)
	return err
}

// ensure creates the stream or checks the one that is there.
func (in *Ingest) ensure(ctx context.Context, l *logStream) error {
	want := in.streamConfig(l)
	stream, err := l.js.Stream(ctx, l.name)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		if _, err = l.js.CreateStream(ctx, want); err != nil {
			return in.explain(ctx, l, err)
		}
		in.log.Info("created the log", "stream", l.name, "subjects", want.Subjects, "max_age", want.MaxAge)
		return l.dead.ensure(ctx)
	}
	if err != nil {
		return err
	}
	if err := in.adopt(ctx, l, stream.CachedInfo().Config, want); err != nil {
		return err
	}
	return l.dead.ensure(ctx)
}

// explain names the stream that holds a subject of the log, if that is the
// cause.
func (in *Ingest) explain(ctx context.Context, l *logStream, err error) error {
	var api *jetstream.APIError
	if !errors.As(err, &api) || api.ErrorCode != overlapCode {
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

// overlapCode is JetStream's error for a subject that another stream captures.
const overlapCode = 10065

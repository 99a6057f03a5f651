package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

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
	if task == nil {
		return l, nil
	}
	for r := in.retry("open stream " + l.name); ; {
		err := in.openStream(ctx, l)
		if err == nil {
			in.warnOfFormerStreams(ctx, l)
			in.intakeTasks <- task // there is room: this is done once
			return l, nil
		}
		if r.wait(ctx, err) != nil {
			l.nc.Close()
			task.close()
			return nil, nil
		}
	}
}

// openStream creates the stream or checks the one that is there, and begins with
// the dead letters.
func (in *Ingest) openStream(ctx context.Context, l *logStream) error {
	err := in.ask(ctx, l, func(ctx context.Context) error { return in.ensure(ctx, l) })
	if err == nil {
		l.dead.begin(ctx)
	}
	return err
}

// newLog returns a log that is not reached yet.
func (in *Ingest) newLog() *logStream {
	l := &logStream{
		name:          in.cfg.Stream.Name,
		writes:        writeSubject(in.cfg.Stream.Name),
		frees:         freeSubject(in.cfg.Stream.Name),
		outboxes:      outboxSubject(in.cfg.Stream.Name, ""),
		interruptions: make(chan struct{}, 1),
	}
	l.dead = newDeadLetters(in, l)
	return l
}

// reach connects to where the log is. Without a task it is open. Otherwise it is in
// the embedded server, and the task is for the intake.
func (in *Ingest) reach(ctx context.Context) (l *logStream, task *intakeTask, err error) {
	l = in.newLog()
	if in.cfg.Broker.URL == "" {
		return l, &intakeTask{stream: l}, in.useEmbedded(ctx, l)
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
	refusal, err := in.openOnBroker(ctx, l)
	if err != nil {
		nc.Close()
		return nil, nil, err
	}
	if refusal == nil {
		in.warnLeftBehind()
		return l, nil, nil
	}
	in.state.setRefusal(refusal)
	in.logger.Warn("the log cannot be on the broker: its messages are copied into an embedded log, "+
		"and what is sent while this node is down is lost; "+remedy(refusal)+" to close this gap, and start this program anew",
		"address", withoutPasswords(in.cfg.Broker.URL), "stream", l.name, "error", refusal)
	onBroker := *l
	task = &intakeTask{stream: l, broker: nc, onBroker: &onBroker}
	if err := in.useEmbedded(ctx, l); err != nil {
		task.close()
		return nil, nil, err
	}
	return l, task, nil
}

// openOnBroker opens the stream on the broker. It fails when ctx ends. If the
// broker has said for a while that it will not have it, refusal says why: a server
// or a cluster that is just starting says so too.
func (in *Ingest) openOnBroker(ctx context.Context, l *logStream) (refusal, err error) {
	var refused time.Time // since when
	for r := in.retry("open stream " + l.name + " on the broker"); ; {
		err := in.tryBroker(ctx, l)
		switch {
		case err == nil:
			l.dead.begin(ctx)
			return nil, nil
		case !isRefusal(err):
			refused = time.Time{}
		case refused.IsZero():
			refused = time.Now()
		case time.Since(refused) >= in.cfg.timings.refusals:
			return err, nil
		}
		if !refused.IsZero() {
			r.attempts = min(r.attempts, 1) // it is asked often, so that it is known soon
		}
		if err := r.wait(ctx, err); err != nil {
			return nil, err
		}
	}
}

// tryBroker opens the stream on the broker, and looks whether it may be read.
func (in *Ingest) tryBroker(ctx context.Context, l *logStream) error {
	err := in.ask(ctx, l, func(ctx context.Context) error { return in.ensure(ctx, l) })
	if errors.Is(err, nats.ErrNoResponders) || errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount) {
		return fmt.Errorf("the broker has no JetStream for its user: %w", err)
	}
	if err != nil {
		return err
	}
	err = in.ask(ctx, l, func(ctx context.Context) error {
		r, _, err := in.createConsumer(ctx, l, 1)
		if err != nil {
			return err
		}
		defer in.deleteConsumer(ctx, l, r)
		_, err = r.proof(ctx)
		return err
	})
	if err != nil {
		return fmt.Errorf("read stream %s: %w", l.name, err)
	}
	return nil
}

// isRefusal reports whether the broker has said that it will not have the log, and
// not that it cannot at the moment.
func isRefusal(err error) bool {
	if _, ok := errors.AsType[*deniedError](err); ok {
		return true
	}
	if api, ok := errors.AsType[*jetstream.APIError](err); ok {
		passing := []jetstream.ErrorCode{codeNoPeers, codeUnavailable, codeCannotHandle, codeOffline, codeOfflineWhy, codeNoPeer}
		return !slices.Contains(passing, api.ErrorCode)
	}
	return errors.Is(err, jetstream.ErrJetStreamNotEnabled) || errors.Is(err, nats.ErrNoResponders) || errors.Is(err, errUnfit)
}

// JetStream's errors of which the cause passes: a server of a cluster, or its
// leader, is missing.
const (
	codeNoPeers      jetstream.ErrorCode = 10005
	codeUnavailable  jetstream.ErrorCode = 10008
	codeCannotHandle jetstream.ErrorCode = 10009
	codeNoPeer       jetstream.ErrorCode = 10040
	codeOffline      jetstream.ErrorCode = 10118
	codeOfflineWhy   jetstream.ErrorCode = 10194
)

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

// retry returns what paces the repetition of something; Ready names its failures.
func (in *Ingest) retry(what string) retry {
	return retry{what: what, logger: in.logger, failed: in.state.setProblem}
}

package main

import (
	"context"
	"crypto/rand"
	"errors"
	"fmt"
	"log/slog"
	"slices"
	"strconv"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// maxPendingMessages and maxPendingBytes bound what is under way without
	// acknowledgement on one connection; one message is always allowed.
	maxPendingMessages = 256
	maxPendingBytes    = 32 << 20
	// ackTimeout is how long an acknowledgement may take before the message is
	// sent again.
	ackTimeout = 5 * time.Second
	// headerRoom is kept free of a message's largest size for its header.
	headerRoom = 256
)

// jetStreamTarget publishes without waiting for each acknowledgement, but keeps
// every message until it is acknowledged and sends it again otherwise. Each
// message has an id, so that the stream keeps one copy of it.
type jetStreamTarget struct {
	conn    *nats.Conn
	js      jetstream.JetStream
	subject string
	again   backoff
	tally   *tally

	idPrefix string
	next     uint64 // number of the next message
	pending  []*pendingMessage
	bytes    int               // of the pending messages
	spare    []*pendingMessage // acknowledged; their buffers serve again
}

// pendingMessage is a message under way.
type pendingMessage struct {
	msg    *nats.Msg
	future jetstream.PubAckFuture // nil if it must be sent (again)
}

// openJetStream connects and makes sure that a stream takes the subject.
func openJetStream(
	ctx context.Context, c natsConfig, again backoff, t *tally, logger *slog.Logger,
) (*jetStreamTarget, error) {
	conn, err := c.connect(t, logger, func() {})
	if err != nil {
		return nil, err
	}
	js, err := jetstream.New(conn,
		jetstream.WithPublishAsyncMaxPending(2*maxPendingMessages), // never reached: ours is the bound
		jetstream.WithPublishAsyncTimeout(ackTimeout))
	if err == nil {
		err = checkSubject(ctx, js, c.subject)
	}
	if err != nil {
		conn.Close()
		return nil, fmt.Errorf("use JetStream of %s: %w", c.shown, err)
	}
	return &jetStreamTarget{
		conn:     conn,
		js:       js,
		subject:  c.subject,
		again:    again,
		tally:    t,
		idPrefix: rand.Text() + "-",
	}, nil
}

// checkSubject makes sure that somebody will acknowledge messages on subject. A
// store with an embedded server does it itself, without a stream that takes the
// subject.
func checkSubject(ctx context.Context, js jetstream.JetStream, subject string) error {
	_, err := js.StreamNameBySubject(ctx, subject)
	if errors.Is(err, jetstream.ErrStreamNotFound) {
		ctx, cancel := context.WithTimeout(ctx, ackTimeout)
		defer cancel()
		_, err = js.Publish(ctx, subject, nil, jetstream.WithRetryAttempts(0))
	}
	switch {
	case errors.Is(err, jetstream.ErrNoStreamResponse):
		return fmt.Errorf("no stream takes the subject %q: start the store, which creates it, "+
			"or correct -subject, or publish without acknowledgement by -mode core", subject)
	case errors.Is(err, jetstream.ErrJetStreamNotEnabled), errors.Is(err, jetstream.ErrJetStreamNotEnabledForAccount),
		errors.Is(err, nats.ErrNoResponders):
		return errors.New("the server runs without it: start it with -js, or publish without acknowledgement by -mode core")
	case err != nil:
		return fmt.Errorf("ask who acknowledges messages on %q: %w", subject, err)
	}
	return nil
}

func (j *jetStreamTarget) maxMessage() int { return max(0, int(j.conn.MaxPayload())-headerRoom) }

func (j *jetStreamTarget) send(ctx context.Context, m message) error {
	for len(j.pending) > 0 && (len(j.pending) >= maxPendingMessages || j.bytes+len(m.body) > maxPendingBytes) {
		if err := j.settleOldest(ctx); err != nil {
			return err
		}
	}
	p := j.newPending(m.body)
	j.tally.sent(m)
	j.pending = append(j.pending, p)
	j.bytes += len(p.msg.Data)
	// What cannot leave now is sent again when its answer is waited for.
	if err := j.publish(p); err != nil && !mayPass(j.conn, err) {
		return fmt.Errorf("publish on %s: %w", j.subject, err)
	}
	return nil
}

func (j *jetStreamTarget) flush(ctx context.Context) error {
	for len(j.pending) > 0 {
		if err := j.settleOldest(ctx); err != nil {
			return err
		}
	}
	return nil
}

func (j *jetStreamTarget) close() { j.conn.Close() }

// newPending copies body into a message with an id of its own.
func (j *jetStreamTarget) newPending(body []byte) *pendingMessage {
	var p *pendingMessage
	if n := len(j.spare); n > 0 {
		p, j.spare = j.spare[n-1], j.spare[:n-1]
	} else {
		p = &pendingMessage{msg: nats.NewMsg(j.subject)}
	}
	p.msg.Data = append(p.msg.Data[:0], body...)
	p.msg.Header.Set(nats.MsgIdHdr, j.idPrefix+strconv.FormatUint(j.next, 36))
	j.next++
	return p
}

// publish sends p once.
func (j *jetStreamTarget) publish(p *pendingMessage) error {
	future, err := j.js.PublishMsgAsync(p.msg)
	if err != nil {
		p.future = nil // not a nil pointer in an interface
		return err
	}
	p.future = future
	return nil
}

// settleOldest waits until the message that has waited longest is acknowledged,
// and sends it again when it was refused or nobody answered.
func (j *jetStreamTarget) settleOldest(ctx context.Context) error {
	p := j.pending[0]
	err := j.again.do(ctx, func() (bool, error) {
		err := j.await(ctx, p)
		if err == nil || ctx.Err() != nil {
			return false, err
		}
		p.future = nil
		if err := forbidden(j.conn); err != nil {
			return false, err
		}
		return mayPass(j.conn, err), err
	})
	if err != nil {
		return fmt.Errorf("publish on %s: not acknowledged: %w", j.subject, err)
	}
	j.tally.acknowledged.Add(1)
	j.pending = slices.Delete(j.pending, 0, 1)
	j.bytes -= len(p.msg.Data)
	j.spare = append(j.spare, p)
	return nil
}

// await waits for the answer to p, which it sends first if it is not under way.
func (j *jetStreamTarget) await(ctx context.Context, p *pendingMessage) error {
	if p.future == nil {
		if err := j.publish(p); err != nil {
			return err
		}
	}
	select {
	case <-p.future.Ok():
		return nil
	case err := <-p.future.Err():
		return err
	case <-ctx.Done():
		return context.Cause(ctx)
	}
}

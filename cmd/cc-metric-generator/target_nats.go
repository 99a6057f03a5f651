package main

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// reconnectPause is the pause between attempts to reach a broker that went away.
	reconnectPause = 250 * time.Millisecond
	// flushTimeout is how long a broker may take to answer that it has read everything.
	flushTimeout = 30 * time.Second
)

// natsConfig says where and as whom to publish.
type natsConfig struct {
	url      string // one or several addresses, separated by commas
	shown    string // the same without passwords
	subject  string
	username string
	password string
	creds    string // path of a credentials file
}

// connect opens one connection that reconnects for as long as it is used. What
// happens to it later is logged; an error that the broker reports counts as
// one.
func (c natsConfig) connect(t *tally, logger *slog.Logger, lost func()) (*nats.Conn, error) {
	opts := []nats.Option{
		nats.Name("cc-metric-generator"),
		nats.MaxReconnects(-1),
		nats.ReconnectWait(reconnectPause),
		// Without a buffer a publish fails at once while the broker is away,
		// and we know what was not taken.
		nats.ReconnectBufSize(-1),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			if err != nil {
				logger.Warn("connection lost", "url", c.shown, "error", err)
				lost()
			}
		}),
		nats.ReconnectHandler(func(*nats.Conn) { logger.Warn("connected again", "url", c.shown) }),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			t.fail(fmt.Errorf("publish on %s: %w", c.subject, err))
		}),
	}
	if c.username != "" {
		opts = append(opts, nats.UserInfo(c.username, c.password))
	}
	if c.creds != "" {
		opts = append(opts, nats.UserCredentials(c.creds))
	}
	conn, err := nats.Connect(c.url, opts...)
	switch {
	case errors.Is(err, nats.ErrNoServers):
		return nil, fmt.Errorf("connect to %s: %w (start the store or a NATS server there, "+
			"or name another with -url)", c.shown, err)
	case errors.Is(err, nats.ErrAuthorization):
		return nil, fmt.Errorf("connect to %s: %w (give -username and -password, or -creds)", c.shown, err)
	case err != nil:
		return nil, fmt.Errorf("connect to %s: %w", c.shown, err)
	}
	return conn, nil
}

// coreTarget publishes without acknowledgement. A flush shows that the broker
// has read everything; what was under way when a connection broke may be lost,
// and counts as an error.
type coreTarget struct {
	conn     *nats.Conn
	subject  string
	again    backoff
	tally    *tally
	underWay *atomic.Bool // messages were sent since the last flush
}

func openCore(c natsConfig, again backoff, t *tally, logger *slog.Logger) (*coreTarget, error) {
	underWay := new(atomic.Bool)
	conn, err := c.connect(t, logger, func() {
		if underWay.Load() {
			t.fail(errors.New("connection lost: what was under way may be lost (-mode jetstream would send it again)"))
		}
	})
	if err != nil {
		return nil, err
	}
	return &coreTarget{conn: conn, subject: c.subject, again: again, tally: t, underWay: underWay}, nil
}

func (c *coreTarget) maxMessage() int { return int(c.conn.MaxPayload()) }

func (c *coreTarget) send(ctx context.Context, m message) error {
	c.underWay.Store(true)
	err := c.again.do(ctx, func() (bool, error) {
		err := c.conn.Publish(c.subject, m.body)
		return mayPass(c.conn, err), err
	})
	if err != nil {
		return fmt.Errorf("publish on %s: %w", c.subject, err)
	}
	c.tally.sent(m)
	return nil
}

func (c *coreTarget) flush(ctx context.Context) error {
	ctx, cancel := context.WithTimeout(ctx, flushTimeout)
	defer cancel()
	err := c.again.do(ctx, func() (bool, error) {
		err := c.conn.FlushWithContext(ctx)
		return mayPass(c.conn, err), err
	})
	if err != nil {
		return fmt.Errorf("flush to broker: %w", err)
	}
	c.underWay.Store(false)
	return forbidden(c.conn)
}

func (c *coreTarget) close() { c.conn.Close() }

// forbidden returns an error if the broker has said that we may not publish on
// the subject. It says so before it answers the next flush.
func forbidden(conn *nats.Conn) error {
	if err := conn.LastError(); errors.Is(err, nats.ErrPermissionViolation) {
		return fmt.Errorf("publish: %w (use another -subject or user)", err)
	}
	return nil
}

// mayPass reports whether err, from a call on conn, may be over when the broker
// is back. While it is away calls fail in many ways: by the socket, by the
// reconnect buffer, by "connection closed".
func mayPass(conn *nats.Conn, err error) bool {
	return err != nil && !conn.IsClosed() &&
		!errors.Is(err, nats.ErrMaxPayload) && !errors.Is(err, nats.ErrPermissionViolation)
}

package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

const (
	// Twice, with a pause, is less than the ten seconds within which an operator is
	// told what is wrong.
	apiTimeout = 4 * time.Second
	// An outage is logged at its start and then once in this interval.
	repeatLog = time.Minute
	// A broker that went away without a word is noticed after three of these.
	pingInterval = 10 * time.Second
)

// connectEmbedded starts the embedded server and connects to it. onReconnect is
// called each time that the server was started anew.
func (in *Ingest) connectEmbedded(ctx context.Context, onReconnect func(*nats.Conn)) (nc *nats.Conn, server InProcess, err error) {
	if server, err = in.embedded(ctx); err != nil {
		return nil, nil, err
	}
	opts := []nats.Option{
		nats.Name("cc-metric-store"),
		nats.InProcessServer(server),
		nats.ReconnectBufSize(-1),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.ReconnectHandler(onReconnect),
		// Without a handler the library writes to stderr. Who watches the server
		// tells about it.
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			in.log.Debug("connection to the embedded nats-server", "error", err)
		}),
	}
	if in.cfg.EmbeddedUser != "" {
		opts = append(opts, nats.UserInfo(in.cfg.EmbeddedUser, in.cfg.EmbeddedPassword))
	}
	nc, err = nats.Connect("", opts...)
	if err != nil {
		return nil, nil, fmt.Errorf("connect to the embedded nats-server: %w", err)
	}
	return nc, server, nil
}

// embedded starts the embedded server if it does not run yet.
func (in *Ingest) embedded(ctx context.Context) (InProcess, error) {
	in.starting.Lock()
	defer in.starting.Unlock()
	return in.cfg.Embedded(ctx)
}

// connectBroker connects to the external broker and tries for as long as it
// takes. It fails only when ctx ends, or if the file of credentials or of a seed is unusable.
// onReconnect is called after each outage.
func (in *Ingest) connectBroker(ctx context.Context, onReconnect func(*nats.Conn)) (*nats.Conn, error) {
	b := in.cfg.Broker
	connected := make(chan struct{})
	var failedAt atomic.Int64
	dialer := &recordingDialer{}
	report := func(err error) {
		if errors.Is(err, nats.ErrNoServers) {
			err = dialer.explain(err)
		}
		in.state.setProblem(fmt.Errorf("connect to %s: %w", withoutPasswords(b.URL), advised(err)))
		now := time.Now().UnixNano()
		if last := failedAt.Load(); now-last >= int64(repeatLog) && failedAt.CompareAndSwap(last, now) {
			in.log.Warn("the broker cannot be reached: trying on; "+remedy(err), "address", withoutPasswords(b.URL), "error", err)
		}
	}
	opts := []nats.Option{
		nats.Name("cc-metric-store"),
		nats.RetryOnFailedConnect(true),
		nats.SetCustomDialer(dialer),
		nats.MaxReconnects(-1),
		nats.IgnoreAuthErrorAbort(),
		nats.ReconnectBufSize(-1), // a write is known to be in the log, or it is tried again
		nats.PingInterval(pingInterval),
		nats.MaxPingsOutstanding(2),
		nats.CustomReconnectDelay(reconnectDelay),
		nats.ReconnectErrHandler(func(_ *nats.Conn, err error) { report(err) }),
		nats.ConnectHandler(func(nc *nats.Conn) {
			in.counters.connected.Store(true)
			in.log.Info("connected to the broker", "address", nc.ConnectedUrlRedacted())
			close(connected)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			in.counters.connected.Store(false)
			if err != nil && in.rights.due("lost the broker") {
				in.log.Warn("lost the broker: queries are answered from memory until it is back", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			in.counters.connected.Store(true)
			in.rights.forget()
			in.log.Info("connected to the broker again", "address", nc.ConnectedUrlRedacted())
			onReconnect(nc)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) {
			if what, tell := in.rights.note(err); what != "" && tell {
				in.log.Error("the broker denies its user something: "+remedy(&DeniedError{}), "denied", what)
			} else if tell {
				in.log.Error("the broker reports", "error", err)
			}
		}),
	}
	if b.Username != "" {
		opts = append(opts, nats.UserInfo(b.Username, b.Password))
	}
	if b.CredsFile != "" {
		opts = append(opts, nats.UserCredentials(b.CredsFile))
	}
	if b.SeedFile != "" {
		login, err := nats.NkeyOptionFromSeed(b.SeedFile)
		if err != nil {
			return nil, fmt.Errorf("read the seed of nats.nkey-seed-file %s: %w", b.SeedFile, err)
		}
		opts = append(opts, login)
	}
	nc, err := nats.Connect(b.URL, opts...)
	if err != nil {
		return nil, fmt.Errorf("connect to %s: %w", withoutPasswords(b.URL), err)
	}
	select {
	case <-connected:
		return nc, nil
	case <-ctx.Done():
		nc.Close()
		return nil, ctx.Err()
	}
}

// recordingDialer remembers how the newest attempt to reach a server has ended: the
// library only says that there is none.
type recordingDialer struct{ last atomic.Pointer[error] }

// Dial implements nats.CustomDialer.
func (d *recordingDialer) Dial(network, address string) (net.Conn, error) {
	c, err := net.DialTimeout(network, address, nats.DefaultTimeout)
	if err == nil {
		err = fmt.Errorf("%s takes connections and does not speak NATS within %v: timeout", address, nats.DefaultTimeout)
		d.last.Store(&err)
		return c, nil
	}
	d.last.Store(&err)
	return nil, err
}

func (d *recordingDialer) explain(err error) error {
	if cause := d.last.Load(); cause != nil {
		return fmt.Errorf("%w: %w", err, *cause)
	}
	return err
}

// reconnectDelay grows from a quarter of a second to five seconds; the random
// part keeps the nodes of a cluster from coming back all at once.
func reconnectDelay(attempts int) time.Duration {
	d := 250 * time.Millisecond << min(attempts, 4)
	return min(d, 5*time.Second)*3/4 + rand.N(d/4)
}

func withTimeout(ctx context.Context, do func(context.Context) error) error {
	ctx, cancel := context.WithTimeout(ctx, apiTimeout)
	defer cancel()
	return do(ctx)
}

// retry paces the repetition of something that the broker has to do and tells
// the operator about it: at the second failure and then once in repeatLog.
type retry struct {
	in       *Ingest
	what     string
	attempts int
	logged   time.Time
}

// wait returns after a delay, or with the error of ctx.
func (r *retry) wait(ctx context.Context, cause error) error {
	r.in.state.setProblem(fmt.Errorf("%s: %w", r.what, advised(cause)))
	r.attempts++
	if r.attempts > 1 && time.Since(r.logged) >= repeatLog {
		r.logged = time.Now()
		r.in.log.Warn("trying again: "+r.what+"; "+remedy(cause), "error", cause)
	}
	return pause(ctx, reconnectDelay(r.attempts))
}

// pause returns after d, or with the error of ctx.
func pause(ctx context.Context, d time.Duration) error {
	select {
	case <-ctx.Done():
		return ctx.Err()
	case <-time.After(d):
		return nil
	}
}

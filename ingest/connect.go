package ingest

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"net"
	"sync/atomic"
	"time"

	"github.com/nats-io/nats.go"
)

// pingInterval: a broker that went away without a word is noticed after three of these.
const pingInterval = 10 * time.Second

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
			in.logger.Debug("connection to the embedded nats-server", "error", err)
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

// connectBroker connects to the external broker, and tries for as long as it takes. It
// fails only when ctx ends, or if the file of credentials or of a seed is unusable.
// onReconnect is called after each outage.
func (in *Ingest) connectBroker(ctx context.Context, onReconnect func(*nats.Conn)) (*nats.Conn, error) {
	b := in.cfg.Broker
	connected := make(chan struct{})
	var said onceAMinuteEach
	dialer := &recordingDialer{}
	report := func(err error) {
		if errors.Is(err, nats.ErrNoServers) {
			err = dialer.explain(err)
		}
		in.state.setProblem(fmt.Errorf("connect to %s: %w", withoutPasswords(b.URL), advised(err)))
		if said.due("the broker cannot be reached") {
			in.logger.Warn("the broker cannot be reached: trying on; "+remedy(err), "address", withoutPasswords(b.URL), "error", err)
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
			in.logger.Info("connected to the broker", "address", nc.ConnectedUrlRedacted())
			close(connected)
		}),
		nats.DisconnectErrHandler(func(_ *nats.Conn, err error) {
			in.counters.connected.Store(false)
			if err != nil && said.due("lost the broker") {
				in.logger.Warn("lost the broker: queries are answered from memory until it is back", "error", err)
			}
		}),
		nats.ReconnectHandler(func(nc *nats.Conn) {
			in.counters.connected.Store(true)
			in.rights.forget()
			in.logger.Info("connected to the broker again", "address", nc.ConnectedUrlRedacted())
			onReconnect(nc)
		}),
		nats.ErrorHandler(func(_ *nats.Conn, _ *nats.Subscription, err error) { in.brokerReports(err, &said) }),
	}
	login, err := b.login()
	if err != nil {
		return nil, err
	}
	nc, err := nats.Connect(b.URL, append(opts, login...)...)
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

// brokerReports records what the broker says on the connection, and tells the operator.
func (in *Ingest) brokerReports(err error, said *onceAMinuteEach) {
	denied := in.rights.record(err)
	switch {
	case !said.due(cmp.Or(denied, err.Error())):
	case denied != "":
		in.logger.Error("the broker denies its user something: "+remedy(&deniedError{}), "denied", denied)
	default:
		in.logger.Error("the broker reports", "error", err)
	}
}

// login returns how to log in.
func (b Broker) login() (opts []nats.Option, err error) {
	if b.Username != "" {
		opts = append(opts, nats.UserInfo(b.Username, b.Password))
	}
	if b.CredsFile != "" {
		opts = append(opts, nats.UserCredentials(b.CredsFile))
	}
	if b.SeedFile != "" {
		seed, err := nats.NkeyOptionFromSeed(b.SeedFile)
		if err != nil {
			return nil, fmt.Errorf("read the seed of nats.nkey-seed-file %s: %w", b.SeedFile, err)
		}
		opts = append(opts, seed)
	}
	return opts, nil
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

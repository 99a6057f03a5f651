package test

import (
	"context"
	"fmt"
	"net"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/test/testkit"
)

// broker is an external nats-server. It keeps port and files over restarts.
type broker struct {
	t       *testing.T
	options server.Options
	server  *server.Server
	URL     string
}

// startBroker runs a broker on a free port until the end of the test.
func startBroker(t *testing.T, options server.Options) *broker {
	t.Helper()
	options.Host, options.Port = "127.0.0.1", testkit.FreePort(t)
	options.NoSigs, options.NoLog = true, true
	options.AuthTimeout = patience.Seconds() // of a client on a busy machine
	if options.JetStream {
		options.StoreDir = t.TempDir()
	}
	b := &broker{t: t, options: options}
	b.start()
	t.Cleanup(b.stop)
	return b
}

// start begins to serve, at the same address as before.
func (b *broker) start() {
	b.t.Helper()
	waitFor(b.t, "the port of the broker", func() error {
		l, err := net.Listen("tcp", net.JoinHostPort(b.options.Host, strconv.Itoa(b.options.Port)))
		if err != nil {
			return err
		}
		return l.Close()
	})
	options := b.options
	s, err := server.NewServer(&options)
	if err != nil {
		b.t.Fatal(err)
	}
	s.Start()
	if !s.ReadyForConnections(patience) {
		s.Shutdown()
		b.t.Fatal("the broker does not start")
	}
	b.server, b.URL = s, s.ClientURL()
}

func (b *broker) stop() {
	b.server.Shutdown()
	b.server.WaitForShutdown()
}

// client is a connection of a publisher.
type client struct {
	t  *testing.T
	nc *nats.Conn
	js jetstream.JetStream
}

// connect connects for the time of the test.
func connect(t *testing.T, url string, options ...nats.Option) *client {
	t.Helper()
	options = append([]nats.Option{nats.Timeout(patience), nats.MaxReconnects(-1), nats.ReconnectWait(20 * time.Millisecond)}, options...)
	nc, err := nats.Connect(url, options...)
	if err != nil {
		t.Fatalf("connect to %s: %v", url, err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithDefaultTimeout(patience))
	if err != nil {
		t.Fatal(err)
	}
	return &client{t, nc, js}
}

// publish returns the place of an acknowledged message in the log.
func (c *client) publish(subject, body string) uint64 {
	c.t.Helper()
	seq, err := c.tryPublish(c.t.Context(), subject, body)
	if err != nil {
		c.t.Fatalf("publish to %s: %v", subject, err)
	}
	return seq
}

// tryPublish returns the error if no acknowledgement comes before ctx ends, or for
// longer than anything takes.
func (c *client) tryPublish(ctx context.Context, subject, body string) (uint64, error) {
	ack, err := c.js.Publish(ctx, subject, []byte(body))
	if err != nil {
		return 0, err
	}
	return ack.Sequence, nil
}

// send publishes as collectors do, without an acknowledgement.
func (c *client) send(subject, body string) {
	c.t.Helper()
	if err := c.nc.Publish(subject, []byte(body)); err != nil {
		c.t.Fatalf("publish to %s: %v", subject, err)
	}
}

func (c *client) flush() {
	c.t.Helper()
	if err := c.nc.FlushTimeout(patience); err != nil {
		c.t.Fatalf("flush: %v", err)
	}
}

// stored returns a message of a stream.
func (c *client) stored(stream string, seq uint64) (*jetstream.RawStreamMsg, error) {
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := c.js.Stream(ctx, stream)
	if err != nil {
		return nil, err
	}
	return s.GetMsg(ctx, seq)
}

// lastSequence returns how many messages a stream has taken so far.
func (c *client) lastSequence(stream string) uint64 {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := c.js.Stream(ctx, stream)
	if err != nil {
		c.t.Fatalf("stream %s: %v", stream, err)
	}
	return s.CachedInfo().State.LastSeq
}

// forgetIDs lets the stream take a message again that has the id of one it
// took before.
func (c *client) forgetIDs(stream string) {
	c.t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	s, err := c.js.Stream(ctx, stream)
	if err != nil {
		c.t.Fatalf("stream %s: %v", stream, err)
	}
	cfg := s.CachedInfo().Config
	cfg.Duplicates = 100 * time.Millisecond // the least there is
	if _, err := c.js.UpdateStream(ctx, cfg); err != nil {
		c.t.Fatalf("stream %s: %v", stream, err)
	}
	last := s.CachedInfo().State.LastTime
	waitFor(c.t, "the ids to be forgotten", func() error {
		if age := time.Since(last); age < 2*cfg.Duplicates {
			return fmt.Errorf("the newest is %v old", age)
		}
		return nil
	})
}

// client connects to the embedded server.
func (n *node) client() *client {
	n.t.Helper()
	if n.NATSURL == "" { // its line may come after the node is seen to be ready
		n.waitFor("the embedded server to listen", func() error { return n.found(&n.NATSURL, "the embedded NATS server is listening") })
	}
	return connect(n.t, n.NATSURL)
}

// publish publishes to the embedded server and returns when it is visible.
func (n *node) publish(c *client, subject, body string) {
	n.t.Helper()
	n.awaitEntry(c.publish(subject, body))
}

// awaitBridge returns when what is published at a broker without JetStream
// arrives: whoever publishes there before the program subscribes is not heard.
func awaitBridge(n *node, c *client) {
	n.t.Helper()
	before := n.metric("intake_messages_total")
	n.waitFor("the subscription at the broker", func() error {
		c.send(subject, "# a comment\n")
		c.flush()
		if n.metric("intake_messages_total") == before {
			return fmt.Errorf("no message was copied yet")
		}
		return nil
	})
}

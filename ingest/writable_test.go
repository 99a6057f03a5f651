package ingest

import (
	"context"
	"fmt"
	"net"
	"strings"
	"sync/atomic"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

func TestNotWritableUntilTheLogTakesSomething(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}, Embedded: cannotEmbed})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	if err := n.Writable(); err != nil {
		t.Errorf("at the start: %v", err)
	}
	resume := suspend(t, ns)
	if err := n.Write(context.Background(), "c", strings.NewReader("cpu_load value=1\n")); err == nil {
		t.Error("a write without a log succeeds")
	}
	if n.Writable() == nil || n.Ready() != nil {
		t.Errorf("writable: %v, ready: %v", n.Writable(), n.Ready())
	}
	resume()
	eventually(t, "writable without a write", func() bool { return n.Writable() == nil })
}

// TestEditedLogIsMended: somebody who may use the embedded server takes the log's
// subjects away, and lets it refuse what is long. What is sent waits, and gets in.
func TestEditedLogIsMended(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	stream, err := js.Stream(t.Context(), "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	for i, edit := range []func(*jetstream.StreamConfig){
		func(c *jetstream.StreamConfig) { c.Subjects = []string{"elsewhere"} },
		func(c *jetstream.StreamConfig) { c.MaxMsgSize = 10 },
		func(c *jetstream.StreamConfig) { c.MaxMsgs, c.Discard = 1, jetstream.DiscardNew },
	} {
		c := stream.CachedInfo().Config
		edit(&c)
		if _, err := js.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		if err := js.Conn().Publish("hpc-nats", fmt.Appendf(nil, "cpu_load,hostname=h%d value=%d %d", i, i+1, base)); err != nil {
			t.Fatal(err)
		}
		eventually(t, "what was sent", func() bool { return value(t, n.store, "dc", fmt.Sprint("h", i), "cpu_load", base) == float64(i+1) })
		eventually(t, "writable", func() bool { return n.Writable() == nil })
	}
}

// replaceable is an embedded server that may be started anew.
type replaceable struct {
	atomic.Pointer[server.Server]
	listens, early atomic.Int64 // how often it was told to listen, and before it knew a subscription
}

func (r *replaceable) InProcessConn() (net.Conn, error) { return r.Load().InProcessConn() }
func (r *replaceable) MaxStore() int64                  { return 0 }
func (r *replaceable) MaxBuffered() int64               { return 1 << 30 }

func (r *replaceable) Disconnect() {}

func (r *replaceable) Listen() error {
	if !r.Load().GlobalAccount().SubscriptionInterest("hpc-nats") {
		r.early.Add(1)
	}
	r.listens.Add(1)
	return nil
}

func TestReconnectsToARestartedEmbeddedServer(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var e replaceable
	e.Store(broker(t, dir, true, -1))
	n := run(t, newTestStore(t), Config{Embedded: func(context.Context) (InProcess, error) { return &e, nil }})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	for i := range 3 {
		eventually(t, "publishers let in", func() bool { return e.listens.Load() == int64(i+1) })
		eventually(t, "a write", func() bool {
			return n.Write(context.Background(), "c", strings.NewReader(fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base))) == nil
		})
		if v := value(t, n.store, "c", "h", "cpu_load", base); v != float64(i) {
			t.Errorf("value %v, want %d", v, i)
		}
		old := e.Load()
		old.Shutdown()
		old.WaitForShutdown()
		e.Store(broker(t, dir, true, -1))
	}
	if e.early.Load() > 0 {
		t.Error("publishers are let in before what they send is taken")
	}
}

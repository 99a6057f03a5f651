package ingest

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// TestAFetchedEntryDoesNotCompleteTheReplay: others still wait behind an entry that
// did not come by itself, even if it is the first one of the run.
func TestAFetchedEntryDoesNotCompleteTheReplay(t *testing.T) {
	const entries = 3
	js := connectTo(t, serve(t, server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir()}))
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CC_METRICS", Subjects: []string{"hpc-nats"}}); err != nil {
		t.Fatal(err)
	}
	for i := range entries {
		publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base))
	}
	in, err := New(Config{Embedded: cannotEmbed, timings: quick, Subscriptions: []Subscription{{Subject: "hpc-nats"}}}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	in.replay.begin(store.Restored{}, false)
	l := in.newLog()
	l.nc, l.js = js.Conn(), js
	cur := startCursor(store.Restored{})
	r, pending, err := in.resetConsumer(t.Context(), l, &cur)
	if err != nil || pending != entries {
		t.Fatal(pending, err)
	}
	in.deleteConsumer(t.Context(), l, r)
	w := watchdog{in: in, stream: l, pipeline: newPipeline(in, l)}
	for n := uint64(1); n <= entries; n++ {
		for cur.entries < n {
			w.emptyRead(t.Context(), &cur, entries-(n-1))
		}
		if ready := in.replay.addApplied(store.LogPosition{}); ready != (n == entries) {
			t.Errorf("ready after %d of %d entries: %v", n, entries, ready)
		}
	}
}

// TestAskingABrokerBeginsNothing: whether the broker takes the log is asked beside a
// log in the embedded server, whose dead letters have an owner of their own.
func TestAskingABrokerBeginsNothing(t *testing.T) {
	js := connectTo(t, serve(t, server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir()}))
	in, err := New(Config{Embedded: cannotEmbed, timings: quick}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	l := in.newLog()
	l.nc, l.js = js.Conn(), js
	onBroker := *l
	if err := in.tryBroker(t.Context(), &onBroker); err != nil {
		t.Fatal(err)
	}
	if l.dead.open.Load() {
		t.Error("it has begun with the dead letters")
	}
}

// TestWatchdogStepsOver what the broker cannot deliver: it ends the connection
// each time.
func TestWatchdogStepsOver(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ns := serve(t, server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, MaxPayload: 8 << 20})
	js := connectTo(t, ns)
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "CC_METRICS", Subjects: []string{"hpc-nats"}}); err != nil {
		t.Fatal(err)
	}
	large := "#" + strings.Repeat("x", 7<<20) + "\n"
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=1 %d\n", base))
	const bad = 5 // so many that not each one behind them is tried
	for range bad {
		publish(t, js, "hpc-nats", large)
	}
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=nearest value=8 %d\n", base))
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=9 %d\n", base))
	ns.Shutdown()
	ns.WaitForShutdown()
	ns = serve(t, server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, MaxPayload: 64 << 10, MaxPending: 1 << 20})
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
	eventually(t, "the last entry", func() bool { return value(t, n.store, "dc", "h", "cpu_load", base) == 9 })
	if s := n.Stats(); s.SteppedOver != bad {
		t.Errorf("%d entries are stepped over, want %d", s.SteppedOver, bad)
	}
	if v := value(t, n.store, "dc", "nearest", "cpu_load", base); v != 8 {
		t.Errorf("the nearest entry is %v, want 8", v)
	}
	if !strings.Contains(n.log.String(), "cannot be read: they are left out") {
		t.Error("nothing is said")
	}
}

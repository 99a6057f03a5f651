package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// away is a node whose broker is gone, with an embedded server.
type away struct {
	*node
	t      *testing.T
	local  *server.Server
	dir    string // of the broker
	port   int
	config Config
}

func newAway(t *testing.T) *away {
	return newAwayWith(t, newTestStore, Config{})
}

// newAwayWith is newAway with a store and settings of its own.
func newAwayWith(t *testing.T, newStore func(testing.TB) *store.Store, cfg Config) *away {
	ns := broker(t, t.TempDir(), true, -1)
	a := &away{t: t, local: broker(t, t.TempDir(), true, -1), dir: ns.StoreDir(), port: portOf(ns), config: cfg}
	a.config.Broker, a.config.Embedded = Broker{URL: ns.ClientURL()}, embed(a.local)
	a.config.EmbeddedHolds = func() (string, []string) { return a.local.StoreDir(), []string{"CC_METRICS_OUTBOX"} }
	a.node = run(t, newStore(t), a.config)
	eventually(t, "ready", func() bool { return a.Ready() == nil })
	stopBroker(ns)
	return a
}

// again starts another node, as after a crash.
func (a *away) again() {
	a.stop()
	a.node = run(a.t, newTestStore(a.t), a.config)
}

func (a *away) brokerBack() *server.Server {
	return broker(a.t, strings.TrimSuffix(a.dir, "/jetstream"), true, a.port)
}

func (a *away) write(format string, v ...any) {
	a.t.Helper()
	if err := a.Write(context.Background(), "c", strings.NewReader(fmt.Sprintf(format, v...))); err != nil {
		a.t.Fatal(err)
	}
}

func TestOutbox(t *testing.T) {
	ctx := context.Background()
	a := newAway(t)
	a.write("cpu_load,hostname=h value=1 %d\ncpu_load,hostname=late value=2\n", base)
	a.write("cpu_load,hostname=h value=3 %d\ncpu_load,hostname=gone value=4 %d\n", base, base)
	if v := value(t, a.store, "c", "h", "cpu_load", base); v != 3 {
		t.Errorf("value %v, want 3", v)
	}
	err := a.Write(ctx, "c", strings.NewReader("cpu_load,hostname=h value=oops\n"))
	if refused, ok := err.(*store.RefusedError); !ok || refused.Lines != 1 {
		t.Errorf("a bad line: %v", err)
	}
	if n, err := a.Free(ctx, [][]string{{"c", "gone"}}, base+1e6); n != 1 || err != nil {
		t.Errorf("free: %d %v", n, err)
	}
	if a.Degraded() == nil || a.Writable() != nil {
		t.Errorf("degraded: %v, writable: %v", a.Degraded(), a.Writable())
	}
	ns := a.brokerBack()
	eventually(t, "forwarding", func() bool { return a.Degraded() == nil })
	a.write("cpu_load,hostname=after value=5 %d\n", base)

	other := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
	eventually(t, "ready", func() bool { return other.Ready() == nil })
	eventually(t, "the same entries", func() bool { return a.Stats().Watermark == other.Stats().Watermark })
	for _, n := range []*node{a.node, other} {
		if v := value(t, n.store, "c", "h", "cpu_load", base); v != 3 {
			t.Errorf("value %v, want 3", v)
		}
		if v := value(t, n.store, "c", "after", "cpu_load", base); v != 5 {
			t.Errorf("value %v, want 5", v)
		}
		if hosts := strings.Join(n.store.Hosts("c"), " "); hosts != "after h late" {
			t.Errorf("hosts %s", hosts)
		}
		// The line without a time is of one time on both.
		series, err := n.store.Query(&store.Query{Cluster: "c", Host: "late", Metric: "cpu_load", From: time.Now().Unix() - 3600, To: time.Now().Unix() + 600, Unpadded: true, NoStats: true})
		if err != nil || len(series) != 1 || len(series[0].Values) != 1 {
			t.Errorf("line without a time: %+v, %v", series, err)
		}
	}
}

func TestOutboxOutlivesTheNode(t *testing.T) {
	t.Parallel()
	a := newAway(t)
	a.write("cpu_load,hostname=h value=1 %d\n", base)
	a.again()
	a.write("cpu_load,hostname=h value=2 %d\n", base)
	if a.Ready() == nil || a.Consistent() == nil {
		t.Error("ready without the log")
	}
	ns := a.brokerBack()
	eventually(t, "ready", func() bool { return a.Ready() == nil })
	if v := value(t, a.store, "c", "h", "cpu_load", base); v != 2 {
		t.Errorf("value %v, want 2", v)
	}
	eventually(t, "an empty outbox", func() bool { return a.Degraded() == nil })
	if n := entries(t, ns, "CC_METRICS.outbox.*"); n != 2 {
		t.Errorf("%d entries were forwarded, want 2", n)
	}
}

// TestAnswersWithoutTheBroker: a node that was killed shows what it took over REST
// before, although the broker stays away.
func TestAnswersWithoutTheBroker(t *testing.T) {
	t.Parallel()
	a := newAway(t)
	a.write("cpu_load,hostname=h value=1 %d\n", base)
	a.write("cpu_load,hostname=gone value=1 %d\n", base)
	if _, err := a.Free(context.Background(), [][]string{{"c", "gone"}}, base+1e6); err != nil {
		t.Fatal(err)
	}
	a.config.timings = patient
	a.again()
	if a.Answerable() == nil {
		t.Error("it answers at once")
	}
	eventually(t, "answers", func() bool { return a.Answerable() == nil })
	if v := value(t, a.store, "c", "h", "cpu_load", base); v != 1 {
		t.Errorf("value %v, want 1", v)
	}
	if hosts := strings.Join(a.store.Hosts("c"), " "); hosts != "h" {
		t.Errorf("hosts %s", hosts)
	}
	a.write("cpu_load,hostname=h value=2 %d\n", base)
	if v := value(t, a.store, "c", "h", "cpu_load", base); v != 2 {
		t.Errorf("value %v, want 2", v)
	}
	if a.Ready() == nil || a.Consistent() == nil || a.Degraded() == nil {
		t.Error("all is well without the broker")
	}
	ns := a.brokerBack()
	eventually(t, "ready", func() bool { return a.Ready() == nil })
	if n := entries(t, ns, "CC_METRICS.outbox.*"); n != 4 {
		t.Errorf("%d entries were forwarded, want 4", n)
	}
	if v := value(t, a.store, "c", "h", "cpu_load", base); v != 2 {
		t.Errorf("value %v, want 2", v)
	}
}

func entries(t *testing.T, ns *server.Server, subject string) (n uint64) {
	t.Helper()
	s, err := connectTo(t, ns).Stream(context.Background(), "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	info, err := s.Info(context.Background(), jetstream.WithSubjectFilter(subject))
	if err != nil {
		t.Fatal(err)
	}
	for _, c := range info.State.Subjects {
		n += c
	}
	return n
}

// TestForwardedOnce has an entry that the log has, but that is still in the
// outbox: the node died between the two. A later one has to take effect after it.
func TestForwardedOnce(t *testing.T) {
	ctx := context.Background()
	a := newAway(t)
	for i := range 3 {
		a.write("cpu_load,hostname=h value=%d %d\n", i, base)
	}
	a.stop()
	box, err := connectInProcess(t, a.local).Stream(ctx, "CC_METRICS_OUTBOX")
	if err != nil {
		t.Fatal(err)
	}
	ns := a.brokerBack()
	js := connectTo(t, ns)
	for seq := range uint64(2) {
		m, err := box.GetMsg(ctx, seq+1)
		if err != nil {
			t.Fatal(err)
		}
		out := &nats.Msg{Subject: "CC_METRICS.outbox." + box.CachedInfo().Config.Metadata[outboxKey], Data: m.Data, Header: nats.Header{}}
		out.Header.Set(headerTime, m.Header.Get(headerTime))
		out.Header.Set(headerCluster, "c")
		out.Header.Set(headerOutboxEntry, fmt.Sprint(seq+1))
		if _, err := js.PublishMsg(ctx, out); err != nil {
			t.Fatal(err)
		}
	}
	a.node = run(t, newTestStore(t), a.config)
	eventually(t, "ready", func() bool { return a.Ready() == nil })
	if n := entries(t, ns, "CC_METRICS.outbox.*"); n != 3 {
		t.Errorf("%d entries were forwarded, want 3", n)
	}
	if v := value(t, a.store, "c", "h", "cpu_load", base); v != 2 {
		t.Errorf("value %v, want 2", v)
	}
}

// TestForwardsInParts has a broker with a smaller limit than the entries of the
// outbox.
func TestForwardsInParts(t *testing.T) {
	a := newAway(t)
	var lines strings.Builder
	const hosts = 4000
	for i := range hosts {
		fmt.Fprintf(&lines, "cpu_load,hostname=h%d value=%d %d\n", i, i, base)
	}
	a.write("%s", lines.String())
	a.stop()
	serve(t, server.Options{Host: "127.0.0.1", Port: a.port, JetStream: true, StoreDir: strings.TrimSuffix(a.dir, "/jetstream"), MaxPayload: 80 << 10})
	a.node = run(t, newTestStore(t), a.config)
	eventually(t, "ready", func() bool { return a.Ready() == nil })
	if n := len(a.store.Hosts("c")); n != hosts {
		t.Errorf("%d hosts, want %d", n, hosts)
	}
	a.stop()
}

func TestOutboxThatCannotBeOpened(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}, Embedded: cannotEmbed})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	url := strings.TrimPrefix(ns.ClientURL(), "nats://")
	stopBroker(ns)
	err := n.Write(context.Background(), "c", strings.NewReader("cpu_load value=1\n"))
	for _, want := range []string{"no room on the disk", url} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

// TestForwardsAllThatWaits: an entry that got into the outbox although nobody counted
// it, as its acknowledgement came too late, holds back none that was acknowledged.
func TestForwardsAllThatWaits(t *testing.T) {
	a := newAway(t)
	a.write("cpu_load,hostname=first value=1 %d\n", base) // makes the outbox
	publish(t, connectTo(t, a.local), "CC_METRICS_OUTBOX", fmt.Sprintf("cpu_load,cluster=c,hostname=uncounted value=2 %d\n", base))
	a.write("cpu_load,hostname=last value=3 %d\n", base)
	ns := a.brokerBack()
	other := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
	eventually(t, "all in the log", func() bool { return strings.Join(other.store.Hosts("c"), " ") == "first last uncounted" })
	eventually(t, "an empty outbox", func() bool { return a.Stats().InOutbox == 0 })
}

// TestForwardsOneOutboxAtATime: when the outbox was made anew by a write, the numbers
// of the former one mean nothing in it.
func TestForwardsOneOutboxAtATime(t *testing.T) {
	a := newAway(t)
	a.write("cpu_load,hostname=h value=1 %d\n", base)
	o := a.outbox
	o.mu.Lock()
	former := o.id
	o.mu.Unlock()
	js := connectTo(t, a.local)
	if err := js.DeleteStream(t.Context(), "CC_METRICS_OUTBOX"); err != nil {
		t.Fatal(err)
	}
	a.write("cpu_load,hostname=h value=2 %d\n", base)
	if _, err := o.oldest(t.Context(), former); !errors.Is(err, errRenewed) {
		t.Errorf("an entry of another outbox: %v", err)
	}
	if err := o.remove(t.Context(), former, 1); !errors.Is(err, errRenewed) {
		t.Errorf("removed from another outbox: %v", err)
	}
	if n := a.Stats().InOutbox; n != 1 {
		t.Errorf("%d entries wait, want 1", n)
	}
}

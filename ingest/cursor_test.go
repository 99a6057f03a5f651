package ingest

import (
	"context"
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"
)

func portOf(ns *server.Server) int { return ns.Addr().(*net.TCPAddr).Port }

func stopBroker(ns *server.Server) {
	ns.Shutdown()
	ns.WaitForShutdown()
}

// createLog creates the stream before a node does.
func createLog(t *testing.T, js jetstream.JetStream, subjects ...string) jetstream.Stream {
	t.Helper()
	s, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "CC_METRICS", Subjects: subjects})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// TestTailIsLostAndRefilled brings the broker back as after a power cut: the
// newest entries are gone, and others have their numbers and more.
func TestTailIsLostAndRefilled(t *testing.T) {
	dir, early := t.TempDir(), t.TempDir()
	ns := broker(t, dir, true, -1)
	port := portOf(ns)
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
	send := func(ns *server.Server, host string) (seq uint64) {
		return publish(t, connectTo(t, ns), "hpc-nats", fmt.Sprintf("cpu_load,hostname=%s value=1 %d\n", host, base))
	}
	applied := func(host string) func() bool {
		return func() bool { return value(t, n.store, "dc", host, "cpu_load", base) == 1 }
	}
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	send(ns, "kept")
	stopBroker(ns)
	if err := os.CopyFS(early, os.DirFS(dir)); err != nil {
		t.Fatal(err)
	}
	ns = broker(t, dir, true, port)
	send(ns, "lost0")
	lost := send(ns, "lost1")
	eventually(t, "the entries that will be lost", applied("lost1"))
	stopBroker(ns)

	// Collectors are back before this node.
	ns = broker(t, early, true, -1)
	var last uint64
	for i := range 4 {
		last = send(ns, fmt.Sprintf("new%d", i))
	}
	stopBroker(ns)
	if last <= lost {
		t.Fatalf("the last entry %d is not after the lost %d", last, lost)
	}
	broker(t, early, true, port)
	for i := range 4 {
		host := fmt.Sprintf("new%d", i)
		eventually(t, host, applied(host))
	}
	if !strings.Contains(n.log.String(), "others in their place: reading it from the start") {
		t.Error("the log does not tell")
	}
}

func TestReadyWithoutTheLastEntry(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	js := connectTo(t, ns)
	stream := createLog(t, js, "hpc-nats")
	publish(t, js, "hpc-nats", "cpu_load,hostname=a value=1 1\n")
	if err := stream.DeleteMsg(context.Background(), publish(t, js, "hpc-nats", "cpu_load,hostname=a value=1 1\n")); err != nil {
		t.Fatal(err)
	}
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	if s := n.Stats(); s.Watermark != 1 {
		t.Errorf("ready at entry %d", s.Watermark)
	}
}

func TestReadsItsOwnSubjectsOnly(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	js := connectTo(t, ns)
	createLog(t, js, "other", "hpc-nats")
	publish(t, js, "other", "cpu_load,hostname=h value=1 1\n{\"json\": 1}\n")
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	publish(t, js, "other", "cpu_load,hostname=h value=1 1\n{\"json\": 1}\n")
	if err := n.Write(context.Background(), "c", strings.NewReader("cpu_load,hostname=h value=1 1\n")); err != nil {
		t.Fatal(err)
	}
	if s := n.Stats(); s.Lines != 1 || s.Entries != 1 {
		t.Errorf("%d lines of %d entries read, want those of the write", s.Lines, s.Entries)
	}
}

// TestNothingReadIsNoHole resets the consumer of a stream whose entries were gone
// before the node came.
func TestNothingReadIsNoHole(t *testing.T) {
	dir := t.TempDir()
	ns := broker(t, dir, true, -1)
	js := connectTo(t, ns)
	stream := createLog(t, js, "hpc-nats")
	for range 3 {
		publish(t, js, "hpc-nats", "#\n")
	}
	if err := stream.Purge(context.Background()); err != nil {
		t.Fatal(err)
	}
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	port := portOf(ns)
	stopBroker(ns)
	ns = broker(t, dir, true, port)
	publish(t, connectTo(t, ns), "hpc-nats", "#\n")
	eventually(t, "an entry", func() bool { return n.Stats().Entries == 1 })
	if n.Stats().ConsumerResets == 0 || strings.Contains(n.log.String(), "have a hole") {
		t.Errorf("%d resets", n.Stats().ConsumerResets)
	}
}

// TestDroppedEntriesAreReported: a stream whose bounds are narrower than the lag
// drops entries, and what the broker counts as waiting does not know of them.
func TestDroppedEntriesAreReported(t *testing.T) {
	ctx := context.Background()
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	var seq uint64
	for i := range 5 {
		seq = publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base))
	}
	eventually(t, "watermark", func() bool { return n.Stats().Watermark == seq })
	stream, err := js.Stream(ctx, "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.Purge(ctx, jetstream.WithPurgeSequence(4)); err != nil {
		t.Fatal(err)
	}
	l, _, _ := n.state.current()
	n.recordGap(ctx, l, &cursor{seq: 3}, 5, time.Now()) // not dropped: the stream begins before
	if strings.Contains(n.log.String(), "hole") {
		t.Error("a hole is reported where there is none")
	}
	cur := cursor{seq: 1}
	n.recordGap(ctx, l, &cur, 4, time.Now())
	n.recordGap(ctx, l, &cur, 4, time.Now()) // told a moment ago
	if !strings.Contains(n.log.String(), "the answers have a hole") || strings.Count(n.log.String(), "missing=2") != 1 {
		t.Error("the hole is not reported once")
	}
	if s := n.Stats(); s.Skipped != 1+2+2 {
		t.Errorf("%d entries were skipped", s.Skipped)
	}

	n.replay.fetched(4, 14)
	eventually(t, "the true lag", func() bool { return n.Stats().LagEntries == 0 })
}

// TestReadingCountsWhatIsMissing replays a log from whose middle an entry is gone.
func TestReadingCountsWhatIsMissing(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	js := connectTo(t, ns)
	first := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return first.Ready() == nil })
	for i := range 5 {
		publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base+60*i))
	}
	first.stop()
	stream, err := js.Stream(context.Background(), "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	if err := stream.DeleteMsg(context.Background(), 3); err != nil {
		t.Fatal(err)
	}
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	eventually(t, "a word about it", func() bool { return strings.Contains(n.log.String(), "lost entries before they were read") })
	if s := n.Stats(); s.Skipped != 1 || s.Samples != 4 {
		t.Errorf("%d entries were skipped, %d samples stored", s.Skipped, s.Samples)
	}
}

func TestStreamIsDeletedWhileItIsRead(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	for i := range 10 {
		publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=old value=%d %d\n", i, base))
	}
	eventually(t, "old", func() bool { return value(t, n.store, "dc", "old", "cpu_load", base) == 9 })
	if err := js.DeleteStream(context.Background(), "CC_METRICS"); err != nil {
		t.Fatal(err)
	}
	// The node creates it anew; its numbers start over.
	eventually(t, "a new stream", func() bool {
		_, err := js.Stream(context.Background(), "CC_METRICS")
		return err == nil
	})
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=new value=1 %d\n", base))
	eventually(t, "new", func() bool { return value(t, n.store, "dc", "new", "cpu_load", base) == 1 })
	if v := value(t, n.store, "dc", "old", "cpu_load", base); v != 9 {
		t.Errorf("what was read from the old stream: %v", v)
	}
	if !strings.Contains(n.log.String(), "the stream is gone") {
		t.Error("the log does not tell")
	}
}

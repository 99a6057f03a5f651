package embedded

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/test/testkit"
)

// bound starts a server that is looked after.
func bound(t *testing.T, log *testkit.LogBuffer) *Server {
	t.Helper()
	s := start(t, Config{Directory: t.TempDir(), Addr: "127.0.0.1:0", Logger: slog.New(slog.NewTextHandler(log, nil))})
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan struct{})
	go func() { defer close(done); s.Bound(ctx) }()
	t.Cleanup(func() { cancel(); <-done })
	return s
}

// deafSubscriber subscribes and never reads.
func deafSubscriber(t *testing.T, s *Server, subjects ...string) net.Conn {
	t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(s.URL(), "nats://"))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { c.Close() })
	text := "CONNECT {\"verbose\":false}\r\n"
	for i, subject := range subjects {
		text += fmt.Sprintf("SUB %s %d\r\n", subject, i+1)
	}
	if _, err := c.Write([]byte(text + "PING\r\n")); err != nil {
		t.Fatal(err)
	}
	buf := make([]byte, 4<<10)
	for all := ""; !strings.Contains(all, "PONG"); {
		_ = c.SetReadDeadline(time.Now().Add(time.Minute))
		n, err := c.Read(buf)
		if err != nil {
			t.Fatal(err)
		}
		all += string(buf[:n])
	}
	return c
}

// TestDeafSubscribersAreClosed: what waits for them all together is bounded, and
// those that read get all.
func TestDeafSubscribersAreClosed(t *testing.T) {
	var log testkit.LogBuffer
	s := bound(t, &log)
	for range 40 {
		deafSubscriber(t, s, "hpc-nats")
	}
	got, reader := 0, connect(t, s.URL()).Conn()
	sub, err := reader.SubscribeSync("hpc-nats")
	if err != nil {
		t.Fatal(err)
	}
	if err := sub.SetPendingLimits(-1, -1); err != nil {
		t.Fatal(err)
	}
	if err := reader.Flush(); err != nil {
		t.Fatal(err)
	}
	inside := connect(t, "", nats.InProcessServer(s)).Conn()
	publisher := connect(t, s.URL()).Conn()
	const messages, size = 600, 100 << 10
	message := bytes.Repeat([]byte("x"), size)
	for range messages {
		if err := publisher.Publish("hpc-nats", message); err != nil {
			t.Fatal(err)
		}
		if err := publisher.Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for got < messages {
		if _, err := sub.NextMsg(time.Minute); err != nil {
			t.Fatalf("message %d: %v", got, err)
		}
		got++
	}
	eventually(t, "few connections", func() bool { return s.current().NumClients() <= 30 })
	eventually(t, "a word about it", func() bool { return strings.Contains(log.String(), "closed connections") })
	if !inside.IsConnected() || strings.Count(log.String(), "closed connections") != 1 {
		t.Errorf("inside: %v; log:\n%s", inside.Status(), log.String())
	}
}

// TestSubscriptionsAreBounded: of one connection, and of all.
func TestSubscriptionsAreBounded(t *testing.T) {
	var log testkit.LogBuffer
	s := bound(t, &log)
	nc := connect(t, s.URL(), nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {})).Conn()
	for i := range maxSubscriptions + 10 {
		if _, err := nc.Subscribe(fmt.Sprintf("s.%d", i), func(*nats.Msg) {}); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	if n := s.current().NumSubscriptions(); n > maxSubscriptions+200 {
		t.Errorf("%d subscriptions", n)
	}
	var subjects []string
	for i := range maxSubscriptions {
		subjects = append(subjects, fmt.Sprintf("a.%d", i))
	}
	for range maxAllSubscriptions/maxSubscriptions + 5 {
		deafSubscriber(t, s, subjects...)
	}
	eventually(t, "fewer subscriptions", func() bool { return s.current().NumSubscriptions() <= maxAllSubscriptions+1000 })
	eventually(t, "a word about it", func() bool { return strings.Contains(log.String(), "subscriptions)") })
}

// TestStreamsAndConsumersAreBounded for whoever makes them.
func TestStreamsAndConsumersAreBounded(t *testing.T) {
	var log testkit.LogBuffer
	s := bound(t, &log)
	js := connect(t, s.URL())
	ctx := context.Background()
	made := 0
	for i := range maxStreams + 5 {
		if _, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: fmt.Sprintf("S%d", i), Subjects: []string{fmt.Sprintf("s%d", i)}, Storage: jetstream.MemoryStorage}); err == nil {
			made++
		}
	}
	if made != maxStreams {
		t.Errorf("%d streams, want %d", made, maxStreams)
	}
	made = 0
	for i := range maxConsumers + 5 {
		if _, err := js.CreateConsumer(ctx, "S0", jetstream.ConsumerConfig{Name: fmt.Sprintf("c%d", i)}); err == nil {
			made++
		}
	}
	if made != maxConsumers {
		t.Errorf("%d consumers, want %d", made, maxConsumers)
	}
}

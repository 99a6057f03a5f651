package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"cc-metric-store/store"
)

func TestBridge(t *testing.T) {
	ns, local := broker(t, "", false, -1), broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{
		Broker: Broker{URL: ns.ClientURL()}, Embedded: embed(local),
		Subscriptions: []Subscription{{"a.b", "first"}, {"a.*", "second"}},
	})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	publishCore := func(subject, host string) {
		if err := js.Conn().Publish(subject, []byte(fmt.Sprintf("cpu_load,hostname=%s value=1 %d\n", host, base))); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "first", func() bool {
		publishCore("a.b", "x")
		return value(t, n.store, "first", "x", "cpu_load", base) == 1
	})
	publishCore("a.c", "y")
	eventually(t, "second", func() bool { return value(t, n.store, "second", "y", "cpu_load", base) == 1 })
	if !strings.Contains(n.log.String(), "no JetStream") {
		t.Error("the log does not warn")
	}
	n.stop()
	again := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}, Embedded: embed(local)})
	eventually(t, "the replay", func() bool {
		return again.Ready() == nil && value(t, again.store, "second", "y", "cpu_load", base) == 1
	})
}

func TestSplit(t *testing.T) {
	for data, want := range map[string]string{
		"":                              "",
		"aaa\nbbb\nccccccc\nd":          "aaa\nbbb\n|ccccccc\n|d",
		"a\n01234567890123456789\nb\nc": "a\n|01234567|b\nc", // the end of a long line is no line
		"01234567890123456789\n":        "01234567",
		"01234567890123456789":          "01234567",
	} {
		var got []string
		for _, p := range split([]byte(data), 8) {
			got = append(got, string(p))
		}
		if s := strings.Join(got, "|"); s != want {
			t.Errorf("%q: got %q, want %q", data, s, want)
		}
	}
}

// runBridge starts an Ingest between a broker without JetStream and the local
// server, and returns a connection to the broker.
func runBridge(t *testing.T, local *server.Server, cfg Config) (*node, *server.Server, *nats.Conn) {
	t.Helper()
	ns := broker(t, "", false, -1)
	cfg.Broker.URL, cfg.Embedded = ns.ClientURL(), embed(local)
	n := run(t, newTestStore(t), cfg)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	return n, ns, connectTo(t, ns).Conn()
}

func sendLines(t *testing.T, nc *nats.Conn, from, n int, padding string) {
	t.Helper()
	for i := from; i < from+n; i++ {
		line := fmt.Sprintf("cpu_load,hostname=h value=%d %d\n%s", i, base, padding)
		if err := nc.Publish("hpc-nats", []byte(line)); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
}

func TestBridgeTriesUntilTheLogTakesIt(t *testing.T) {
	t.Parallel()
	local := broker(t, t.TempDir(), true, -1)
	n, _, nc := runBridge(t, local, Config{})
	sendLines(t, nc, 1, 1, "")
	eventually(t, "the first message", func() bool { return n.Stats().IntakeMessages == 1 })
	resume := suspend(t, local)
	sendLines(t, nc, 2, 3000, "")
	eventually(t, "a word about it", func() bool { return strings.Contains(n.log.String(), "does not take what was sent") })
	eventually(t, "not writable", func() bool { return n.Writable() != nil })
	if s := n.Stats(); s.IntakeMessages != 1 || s.IntakeFailures != 0 {
		t.Errorf("taken %d, not taken %d", s.IntakeMessages, s.IntakeFailures)
	}
	resume()
	eventually(t, "all messages", func() bool { return n.Stats().IntakeMessages == 3001 })
	eventually(t, "the last value", func() bool { return value(t, n.store, "dc", "h", "cpu_load", base) == 3001 })
	eventually(t, "writable", func() bool { return n.Writable() == nil }) // an attempt of before may fail late
	if lost := n.Stats().IntakeFailures; lost != 0 {
		t.Errorf("not taken %d", lost)
	}
}

func TestBridgeBurstLargerThanTheLogsBuffer(t *testing.T) {
	t.Parallel()
	local := serve(t, server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), MaxPayload: 16 << 20, StreamMaxBufferedSize: 48 << 20})
	n, _, nc := runBridge(t, local, Config{})
	const messages = 100
	sendLines(t, nc, 1, messages, strings.Repeat("#", 1<<20)+"\n")
	eventually(t, "all messages", func() bool { s := n.Stats(); return s.IntakeMessages+s.IntakeFailures == messages })
	if s := n.Stats(); s.IntakeFailures != 0 {
		t.Errorf("%d messages are lost", s.IntakeFailures)
	}
	eventually(t, "the last value", func() bool { return value(t, n.store, "dc", "h", "cpu_load", base) == messages })
}

func TestBridgeStopsWhileTheLogIsGone(t *testing.T) {
	t.Parallel()
	local := broker(t, t.TempDir(), true, -1)
	n, _, nc := runBridge(t, local, Config{})
	suspend(t, local)
	sendLines(t, nc, 1, 50, "")
	eventually(t, "not writable", func() bool { return n.Writable() != nil })
	n.stop()
	if s := n.Stats(); s.IntakeMessages != 0 || s.IntakeFailures != 50 {
		t.Errorf("taken %d, not taken %d", s.IntakeMessages, s.IntakeFailures)
	}
}

// TestBridgeCountsWhatWaitedWhenItStops: in whatever place.
func TestBridgeCountsWhatWaitedWhenItStops(t *testing.T) {
	t.Parallel()
	local := broker(t, t.TempDir(), true, -1)
	n, _, nc := runBridge(t, local, Config{})
	suspend(t, local)
	sendLines(t, nc, 1, 1, "")
	eventually(t, "not writable", func() bool { return n.Writable() != nil })
	sendLines(t, nc, 2, 100, "")
	n.stop()
	if s := n.Stats(); s.IntakeMessages != 0 || s.IntakeFailures != 101 {
		t.Errorf("taken %d, not taken %d", s.IntakeMessages, s.IntakeFailures)
	}
}

func TestBridgeCopiesWhatHasArrivedWhenItStops(t *testing.T) {
	local := broker(t, t.TempDir(), true, -1)
	n, _, nc := runBridge(t, local, Config{})
	sendLines(t, nc, 1, 2000, "")
	n.stop()
	if s := n.Stats(); s.IntakeFailures != 0 || s.IntakeMessages != 2000 {
		t.Errorf("taken %d, not taken %d", s.IntakeMessages, s.IntakeFailures)
	}
	again := run(t, newTestStore(t), Config{Embedded: embed(local)})
	eventually(t, "the replay", func() bool { return again.Ready() == nil })
	if v := value(t, again.store, "dc", "h", "cpu_load", base); v != 2000 || again.Stats().Lines != 2000 {
		t.Errorf("the log holds %d lines, the last value is %v", again.Stats().Lines, v)
	}
}

// TestJetStreamComesLater: the operator enables JetStream on the broker, and
// then starts the program again.
func TestJetStreamComesLater(t *testing.T) {
	t.Parallel()
	local := broker(t, t.TempDir(), true, -1)
	n, ns, _ := runBridge(t, local, Config{})
	port := ns.Addr().(*net.TCPAddr).Port
	ns.Shutdown()
	ns.WaitForShutdown()
	broker(t, t.TempDir(), true, port)
	eventually(t, "a warning", func() bool { return strings.Contains(n.log.String(), "has JetStream now") })
	n.stop()
	again := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}, EmbeddedHolds: func() (string, []string) { return "/the/old/log", []string{"CC_METRICS"} }})
	eventually(t, "ready", func() bool { return again.Ready() == nil })
	if log := again.log.String(); !strings.Contains(log, "not read") || !strings.Contains(log, "/the/old/log") {
		t.Error("the log left behind is not mentioned")
	}
}

// TestBrokerWhoseJetStreamIsSlowToStart: that it has none is not believed at
// once.
func TestBrokerWhoseJetStreamIsSlowToStart(t *testing.T) {
	ns := broker(t, t.TempDir(), false, -1)
	n := run(t, newTestStore(t), Config{
		Broker:  Broker{URL: ns.ClientURL()},
		timings: timings{refusals: patience, ask: patience, proof: patience, recount: patience, outbox: patience, answer: patience, stuck: patience, confirm: patience},
	})
	eventually(t, "several refusals", func() bool {
		err := n.Ready()
		return strings.Contains(err.Error(), "no JetStream") && strings.Contains(n.log.String(), "trying again")
	})
	if err := ns.EnableJetStream(&server.JetStreamConfig{StoreDir: t.TempDir()}); err != nil {
		t.Fatal(err)
	}
	eventually(t, "ready", func() bool { return n.Ready() == nil })
}

// deaf is a server that cannot listen.
type deaf struct{ inProcess }

func (deaf) Listen() error { return errors.New("the address is in use") }

// TestIntakeThatCannotListenEnds: with the reason, whether there is a broker or not.
func TestIntakeThatCannotListenEnds(t *testing.T) {
	for _, url := range []string{"", broker(t, "", false, -1).ClientURL()} {
		local := broker(t, t.TempDir(), true, -1)
		in, err := New(Config{
			Broker:   Broker{URL: url},
			Embedded: func(context.Context) (InProcess, error) { return deaf{inProcess{local, 0}}, nil },
			timings:  quick,
		}, newTestStore(t))
		if err != nil {
			t.Fatal(err)
		}
		ctx, cancel := context.WithTimeout(t.Context(), patience)
		running := make(chan error, 1)
		go func() { running <- in.Run(ctx, store.Restored{}) }()
		if err := in.RunIntake(ctx); err == nil || !strings.Contains(err.Error(), "the address is in use") || ctx.Err() != nil {
			t.Errorf("broker %q: %v", url, err)
		}
		cancel()
		if err := <-running; err != nil {
			t.Error(err)
		}
	}
}

// smallServer is one that lets few bytes wait.
type smallServer struct{ inProcess }

func (smallServer) MaxBuffered() int64 { return 1 << 20 }

// TestIntakeCountsWhatDoesNotFit while the log takes nothing: each once.
func TestIntakeCountsWhatDoesNotFit(t *testing.T) {
	t.Parallel()
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: func(context.Context) (InProcess, error) { return smallServer{inProcess{ns, 0}}, nil }})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	resume := suspend(t, ns)
	const messages = 100
	sendLines(t, connectTo(t, ns).Conn(), 1, messages, strings.Repeat("#", joinedSize/2)+"\n")
	eventually(t, "messages that do not fit", func() bool { return n.Stats().IntakeFailures > 0 })
	resume()
	eventually(t, "a log that takes them", func() bool { return n.Writable() == nil })
	n.stop()
	if s := n.Stats(); s.IntakeMessages+s.IntakeFailures != messages || s.IntakeMessages == 0 {
		t.Errorf("taken %d, not taken %d of %d", s.IntakeMessages, s.IntakeFailures, messages)
	}
}

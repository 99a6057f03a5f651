package ingest

import (
	"fmt"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// TestAccountLimits: what the account has no room for is done without, or done in
// the embedded server.
func TestAccountLimits(t *testing.T) {
	pub, sub := []string{">"}, []string{">"}
	for _, c := range []struct {
		limits   string
		embedded bool
		letters  bool
		obstacle Obstacle
	}{
		{"{ max_streams: 1 }", false, false, ObstacleNone},
		{"{ max_file: 10MB, max_mem: 0 }", false, false, ObstacleNone},
		{"{ max_file: 100MB }", false, true, ObstacleNone},
		{"{ max_file: 100MB, max_bytes: true }", false, true, ObstacleNone},
		{"{ disk_max_stream_bytes: 20MB }", false, true, ObstacleNone},
		{"{ max_ack_pending: 1 }", false, true, ObstacleNone},
		{"{ max_consumers: 1 }", false, true, ObstacleNone}, // of each stream
	} {
		t.Run(c.limits, func(t *testing.T) {
			t.Parallel()
			ns := newGuarded(t, true, c.limits, pub, sub, nil)
			js, err := jetstream.New(ns.admin)
			if err != nil {
				t.Fatal(err)
			}
			if strings.Contains(c.limits, "max_consumers") { // another stream has it
				if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"other"}}); err != nil {
					t.Fatal(err)
				}
				if _, err := js.CreateConsumer(t.Context(), "OTHER", jetstream.ConsumerConfig{Durable: "d"}); err != nil {
					t.Fatal(err)
				}
			}
			n := asStore(t, ns.Server)
			eventually(t, "ready", func() bool { return n.Ready() == nil })
			eventually(t, "what is published", func() bool {
				_ = ns.admin.Publish("hpc-nats", []byte(fmt.Sprintf("cpu_load,hostname=h value=2 %d\nnonsense\n", base)))
				return value(t, n.store, "dc", "h", "cpu_load", base) == 2
			})
			if err := n.Write(t.Context(), "c", strings.NewReader(fmt.Sprintf("cpu_load,hostname=rest value=1 %d\n", base))); err != nil {
				t.Error(err)
			}
			if l, _, _ := n.state.current(); l.embedded != c.embedded {
				t.Errorf("embedded is %v: %v", l.embedded, n.Degraded())
			}
			if o := n.Obstacle(); o != c.obstacle {
				t.Errorf("obstacle %s: %v", o, n.Degraded())
			}
			if !c.letters {
				eventually(t, "a lost letter", func() bool { return n.Stats().LostDeadLetters > 0 })
				if said := strings.Count(n.log.String(), "refused lines cannot be kept"); said != 1 {
					t.Errorf("it is said %d times that letters are lost", said)
				}
			}
		})
	}
}

// TestLogKeepsTheNewestWithinTheAccount: an account without room lets a stream
// refuse the newest entries; the log is to lose the oldest.
func TestLogKeepsTheNewestWithinTheAccount(t *testing.T) {
	ns := newGuarded(t, true, "{ max_file: 10MB }", []string{">"}, []string{">"}, nil)
	n := asStore(t, ns.Server)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js, err := jetstream.New(ns.admin)
	if err != nil {
		t.Fatal(err)
	}
	for i := range 40 {
		publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%d %d\n#%s\n", i, base, strings.Repeat("x", 500_000)))
	}
	eventually(t, "the newest", func() bool { return value(t, n.store, "dc", "h", "cpu_load", base) == 39 })
	n.stop()
	again := asStore(t, ns.Server) // the stream that is there is as it should be
	eventually(t, "ready", func() bool { return again.Ready() == nil })
	if log := again.log.String(); strings.Contains(log, "other settings") {
		t.Error("it warns of its own bound")
	}
}

// TestStreamsInTheWay: another use of the name, or of the subjects.
func TestStreamsInTheWay(t *testing.T) {
	for name, cfg := range map[string]jetstream.StreamConfig{
		"a queue":             {Name: "CC_METRICS", Subjects: []string{"jobs"}, Retention: jetstream.WorkQueuePolicy},
		"in memory":           {Name: "CC_METRICS", Subjects: []string{"hpc-nats"}, Storage: jetstream.MemoryStorage},
		"subjects of another": {Name: "OTHER", Subjects: []string{"hpc-nats"}},
		"all subjects":        {Name: "OTHER", Subjects: []string{"*"}},
		"its own subjects":    {Name: "OTHER", Subjects: []string{"CC_METRICS.>"}},
		"letters":             {Name: "OTHER", Subjects: []string{"CC_METRICS.bad.>"}},
		"a name of letters":   {Name: "CC_METRICS_BAD", Subjects: []string{"jobs"}, Retention: jetstream.WorkQueuePolicy},
		"few consumers":       {Name: "CC_METRICS", Subjects: []string{"hpc-nats"}, MaxConsumers: 1, ConsumerLimits: jetstream.StreamConsumerLimits{InactiveThreshold: time.Second, MaxAckPending: 1}},
	} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			ns := broker(t, t.TempDir(), true, -1)
			js := connectTo(t, ns)
			if _, err := js.CreateStream(t.Context(), cfg); err != nil {
				t.Fatal(err)
			}
			n := run(t, newTestStore(t), Config{
				Broker: Broker{URL: ns.ClientURL()}, Embedded: embed(broker(t, t.TempDir(), true, -1)), timings: patient,
			})
			eventually(t, "ready", func() bool { return n.Ready() == nil })
			eventually(t, "what is published", func() bool {
				_ = js.Conn().Publish("hpc-nats", []byte(fmt.Sprintf("cpu_load,hostname=h value=2 %d\n", base)))
				return value(t, n.store, "dc", "h", "cpu_load", base) == 2
			})
			if err := n.Write(t.Context(), "c", strings.NewReader(fmt.Sprintf("cpu_load,hostname=rest value=1 %d\n", base))); err != nil {
				t.Error(err)
			}
			if l, _, _ := n.state.current(); l.embedded && (n.Obstacle() != ObstacleStream || n.Degraded() == nil) {
				t.Errorf("obstacle %s, degraded: %v", n.Obstacle(), n.Degraded())
			}
		})
	}
}

// TestUnreachableBrokers: each is named soon, and queries are answered and writes
// taken meanwhile.
func TestUnreachableBrokers(t *testing.T) {
	silent, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { silent.Close() })
	talking, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(func() { talking.Close() })
	go func() {
		for {
			c, err := talking.Accept()
			if err != nil {
				return
			}
			_, _ = c.Write([]byte("HTTP/1.1 400 Bad Request\r\n\r\n"))
			c.Close()
		}
	}()
	closed, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	closed.Close()
	secret := newGuarded(t, true, "", []string{">"}, []string{">"}, nil)
	for _, c := range []struct {
		name     string
		broker   Broker
		obstacle []Obstacle
		says     string
	}{
		{"nobody listens", Broker{URL: "nats://" + closed.Addr().String()}, []Obstacle{ObstacleUnreachable}, "refused"},
		{"no such name", Broker{URL: "nats://no-such-host.invalid:4222"}, []Obstacle{ObstacleUnreachable}, "no-such-host.invalid"},
		{"a silent one", Broker{URL: "nats://" + silent.Addr().String()}, []Obstacle{ObstacleUnreachable, ObstacleSilence}, "timeout"},
		{"another service", Broker{URL: "nats://" + talking.Addr().String()}, []Obstacle{ObstacleUnreachable, ObstacleOther}, ""},
		{"a wrong password", Broker{URL: secret.ClientURL(), Username: "store", Password: "wrong"}, []Obstacle{ObstacleLogin}, "Authorization"},
		{"no password", Broker{URL: secret.ClientURL()}, []Obstacle{ObstacleLogin}, "Authorization"},
		{"TLS where there is none", Broker{URL: strings.Replace(secret.ClientURL(), "nats://", "tls://", 1), Username: "store", Password: "store"}, []Obstacle{ObstacleLogin}, "secure"},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			local := broker(t, t.TempDir(), true, -1)
			n := run(t, newTestStore(t), Config{Broker: c.broker, Embedded: embed(local), timings: patient})
			eventually(t, "the kind of obstacle", func() bool {
				for _, o := range c.obstacle {
					if n.Obstacle() == o {
						return true
					}
				}
				return false
			})
			if err := n.Ready(); err == nil || !strings.Contains(err.Error(), c.says) {
				t.Errorf("ready: %v", err)
			}
			eventually(t, "a word in the log", func() bool {
				return strings.Contains(n.log.String(), "cannot be reached") && strings.Contains(n.log.String(), c.says)
			})
			eventually(t, "answers", func() bool { return n.Answerable() == nil })
			if n.Consistent() == nil {
				t.Error("consistent without the log")
			}
			if err := n.Write(t.Context(), "c", strings.NewReader(fmt.Sprintf("cpu_load,hostname=rest value=1 %d\n", base))); err != nil {
				t.Error(err)
			}
			if err := n.Ready(); err == nil || !strings.Contains(err.Error(), "queries are answered with what is here since") {
				t.Errorf("ready: %v", err)
			}
		})
	}
}

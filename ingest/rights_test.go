package ingest

import (
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// without leaves the rights out that contain one of the words.
func without(rights []string, words ...string) (out []string) {
	for _, r := range rights {
		keep := true
		for _, w := range words {
			keep = keep && !strings.Contains(r, w)
		}
		if keep {
			out = append(out, r)
		}
	}
	return out
}

// TestRights goes through what a broker may allow its user: each time the node
// works, falls back to a core subscription, or takes at least what comes over REST,
// and says what is missing.
func TestRights(t *testing.T) {
	type mode int
	const (
		onBroker mode = iota
		copied        // a core subscription into the embedded log
		restOnly      // nothing comes from the broker
		kept          // the log is read, and what comes over REST waits in the outbox
	)
	pub, sub := rightsOnABroker()
	for _, c := range []struct {
		name           string
		noJetStream    bool
		publish, hears []string
		deny           []string
		stream         bool // it is there already
		want           mode
		says           string // what is missing
	}{
		{name: "all that is documented", publish: pub, hears: sub, want: onBroker},
		{name: "all that is documented, an existing stream", publish: pub, hears: sub, stream: true, want: onBroker},
		{name: "everything", publish: []string{">"}, hears: []string{">"}, want: onBroker},
		{name: "no subscription of the metrics is needed", publish: pub, hears: []string{"_INBOX.>"}, want: onBroker},
		{name: "nothing to publish", publish: []string{}, deny: []string{">"}, hears: []string{"hpc-nats"}, want: copied, says: "_INBOX"},
		{name: "nothing to publish, no JetStream", noJetStream: true, deny: []string{">"}, hears: []string{"hpc-nats"}, want: copied, says: "_INBOX"},
		{name: "nothing to publish but an inbox", deny: []string{">"}, hears: sub, want: copied, says: `Publish to "$JS.API.STREAM.INFO.CC_METRICS"`},
		{name: "only INFO", publish: []string{"$JS.API.INFO"}, hears: sub, want: copied, says: `"$JS.API.STREAM.INFO.CC_METRICS"`},
		{name: "no INFO", publish: without(pub, "API.INFO"), hears: sub, want: onBroker},
		{name: "no STREAM.CREATE", publish: pub, deny: []string{"$JS.API.STREAM.CREATE.*"}, hears: sub, want: copied, says: `"$JS.API.STREAM.CREATE.CC_METRICS"`},
		{name: "no STREAM.CREATE, an existing stream", publish: pub, deny: []string{"$JS.API.STREAM.CREATE.*"}, hears: sub, stream: true, want: onBroker},
		{name: "no STREAM.UPDATE, an existing stream", publish: pub, deny: []string{"$JS.API.STREAM.UPDATE.*"}, hears: sub, stream: true, want: copied, says: `"$JS.API.STREAM.UPDATE.CC_METRICS"`},
		{name: "no STREAM.INFO", publish: pub, deny: []string{"$JS.API.STREAM.INFO.*"}, hears: sub, want: copied, says: `"$JS.API.STREAM.INFO.CC_METRICS"`},
		{name: "no STREAM.MSG.GET", publish: without(pub, "MSG.GET"), hears: sub, want: onBroker},
		{name: "no STREAM.NAMES", publish: without(pub, "NAMES"), hears: sub, want: onBroker},
		{name: "no CONSUMER.CREATE", publish: without(pub, "CONSUMER.CREATE"), hears: sub, want: copied, says: `"$JS.API.CONSUMER.CREATE.CC_METRICS`},
		{name: "no CONSUMER.MSG.NEXT", publish: without(pub, "MSG.NEXT"), hears: sub, want: copied, says: `"$JS.API.CONSUMER.MSG.NEXT.CC_METRICS`},
		{name: "no CONSUMER.DELETE", publish: without(pub, "CONSUMER.DELETE"), hears: sub, want: onBroker},
		{name: "no dead letters", publish: without(pub, "_BAD"), hears: sub, want: onBroker},
		{name: "no publishing into the log", publish: pub, deny: []string{"CC_METRICS.>"}, hears: sub, want: kept, says: `Publish to "CC_METRICS.outbox.`},
		{name: "no inbox", publish: pub, hears: []string{"hpc-nats"}, want: copied, says: `Subscription to "_INBOX.`},
		{name: "no metrics and nothing to publish", deny: []string{">"}, hears: []string{"_INBOX.>"}, want: restOnly, says: `Subscription to "hpc-nats"`},
		{name: "nothing at all", deny: []string{">"}, hears: []string{"none"}, want: restOnly, says: `Subscription to "hpc-nats"`},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			ns := newGuarded(t, !c.noJetStream, "", c.publish, c.hears, c.deny)
			admin := ns.admin
			js, err := jetstream.New(admin)
			if err != nil {
				t.Fatal(err)
			}
			if c.stream {
				subjects := []string{"hpc-nats", "CC_METRICS.write", "CC_METRICS.free", "CC_METRICS.outbox.*"}
				if strings.Contains(c.name, "UPDATE") {
					subjects = []string{"other"}
				}
				if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CC_METRICS", Subjects: subjects}); err != nil {
					t.Fatal(err)
				}
			}
			n := asStore(t, ns.Server)
			eventually(t, "ready", func() bool { return n.Ready() == nil })
			// What is sent over REST is kept and shown.
			err = n.Write(t.Context(), "c", strings.NewReader(fmt.Sprintf("cpu_load,hostname=rest value=1 %d\n", base)))
			if v := value(t, n.store, "c", "rest", "cpu_load", base); err != nil || v != 1 {
				t.Errorf("a write over REST: %v, value %v", err, v)
			}
			l, _, _ := n.state.current()
			if c.want != restOnly {
				eventually(t, "what is published", func() bool {
					if err := admin.Publish("hpc-nats", []byte(fmt.Sprintf("cpu_load,hostname=h value=2 %d\nnonsense\n", base))); err != nil {
						t.Fatal(err)
					}
					return value(t, n.store, "dc", "h", "cpu_load", base) == 2
				})
			}
			if want := c.want == copied || c.want == restOnly; l.embedded != want {
				t.Errorf("embedded is %v, want %v", l.embedded, want)
			}
			if c.want == onBroker {
				if n.Degraded() != nil || n.Obstacle() != ObstacleNone {
					t.Errorf("degraded: %v, obstacle %s", n.Degraded(), n.Obstacle())
				}
				return
			}
			eventually(t, "the reason in the state", func() bool {
				err := n.Degraded()
				return err != nil && strings.Contains(err.Error(), c.says)
			})
			if !c.noJetStream || c.want == copied {
				eventually(t, "the kind of obstacle", func() bool { return n.Obstacle() == ObstacleRights })
			}
			quoted := strings.ReplaceAll(c.says, `"`, `\"`)
			if log := n.log.String(); !strings.Contains(log, quoted) {
				t.Errorf("the log does not say %s", c.says)
			}
		})
	}
}

// TestRightsComeBack: a right to subscribe that is given while the program runs is
// used, without a restart.
func TestRightsComeBack(t *testing.T) {
	ns := newGuarded(t, false, "", nil, []string{"none"}, nil)
	n := asStore(t, ns.Server)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	eventually(t, "a word about the subject", func() bool { return n.Degraded() != nil && strings.Contains(n.Degraded().Error(), `"hpc-nats"`) })
	ns.reload(nil, []string{"hpc-nats"})
	eventually(t, "what is published", func() bool {
		_ = ns.admin.Publish("hpc-nats", []byte(fmt.Sprintf("cpu_load,hostname=h value=2 %d\n", base)))
		return value(t, n.store, "dc", "h", "cpu_load", base) == 2
	})
	eventually(t, "no more about the subject", func() bool { return !strings.Contains(n.Degraded().Error(), `"hpc-nats"`) })
}

// TestRightsGoAway: what a running node may not do any more is named, and it goes
// on when it may again.
func TestRightsGoAway(t *testing.T) {
	t.Parallel()
	pub, sub := rightsOnABroker()
	ns := newGuarded(t, true, "", pub, sub, nil)
	n := asStore(t, ns.Server)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	ns.reload(without(pub, "CONSUMER"), sub)
	eventually(t, "the right that is missing", func() bool {
		err := n.Degraded()
		return err != nil && strings.Contains(err.Error(), "stands still since") && strings.Contains(err.Error(), "CONSUMER.CREATE")
	})
	if n.Obstacle() != ObstacleRights {
		t.Errorf("obstacle %s", n.Obstacle())
	}
	js, err := jetstream.New(ns.admin)
	if err != nil {
		t.Fatal(err)
	}
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=2 %d\n", base))
	ns.reload(pub, sub)
	eventually(t, "what was published", func() bool { return value(t, n.store, "dc", "h", "cpu_load", base) == 2 })
	eventually(t, "nothing degraded", func() bool { return n.Degraded() == nil })
}

// TestNoRightToGetEntries: a node that was away compares the entry at its cursor
// by reading it.
func TestNoRightToGetEntries(t *testing.T) {
	pub, sub := rightsOnABroker()
	ns := newGuarded(t, true, "", without(pub, "MSG.GET"), sub, nil)
	js, err := jetstream.New(ns.admin)
	if err != nil {
		t.Fatal(err)
	}
	n := asStore(t, ns.Server)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	for i := range 3 {
		publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base))
		eventually(t, "the value", func() bool { return value(t, n.store, "dc", "h", "cpu_load", base) == float64(i) })
		n.stop()
		at, _ := n.Applied()
		n = runFrom(t, n.store, Config{
			Broker:   Broker{URL: ns.ClientURL(), Username: "store", Password: "store"},
			Embedded: embed(broker(t, t.TempDir(), true, -1)), timings: patient,
		}, store.Restored{From: at, HighWater: at})
		eventually(t, "ready again", func() bool { return n.Ready() == nil })
		if s := n.Stats(); s.Entries != 0 || strings.Contains(n.log.String(), "from the start") {
			t.Errorf("%d entries are read again", s.Entries)
		}
	}
}

// TestDenialsOfTheBrokerLeaveTheEmbeddedLogAlone: what the broker denies, and denies
// again when it is asked whether it takes the log, says nothing about another server.
func TestDenialsOfTheBrokerLeaveTheEmbeddedLogAlone(t *testing.T) {
	t.Parallel()
	pub, sub := rightsOnABroker()
	for name, ns := range map[string]*guarded{
		"no inbox":    newGuarded(t, true, "", pub, []string{"hpc-nats"}, nil),
		"no consumer": newGuarded(t, true, "", without(pub, "CONSUMER.CREATE"), sub, nil),
	} {
		n := asStore(t, ns.Server)
		eventually(t, "ready", func() bool { return n.Ready() == nil })
		for i := range 20 {
			publishTo(t, ns.admin, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base))
			eventually(t, "what is published", func() bool { return value(t, n.store, "dc", "h", "cpu_load", base) == float64(i) })
			time.Sleep(patient.ask / 4)
		}
		if s := n.Stats(); s.ConsumerResets > 0 {
			t.Errorf("%s: reading was taken up again %d times", name, s.ConsumerResets)
		}
	}
}

func publishTo(t *testing.T, nc *nats.Conn, subject, data string) {
	t.Helper()
	if err := nc.Publish(subject, []byte(data)); err != nil {
		t.Fatal(err)
	}
}

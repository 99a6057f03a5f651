package ingest

import (
	"fmt"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// patient is a pace with which what a broker refuses is known soon, and queries are
// answered without a log soon.
var patient = pace{refusals: time.Second, ask: 100 * time.Millisecond, proof: 100 * time.Millisecond, recount: 100 * time.Millisecond,
	outbox: 500 * time.Millisecond, answer: time.Second, stuck: 100 * time.Millisecond}

// rightsOnABroker are those that the program needs, for a log CC_METRICS and the
// subject hpc-nats: the permissions block of the documentation.
func rightsOnABroker() (publish, subscribe []string) {
	return []string{
			"$JS.API.INFO", "$JS.API.STREAM.NAMES",
			"$JS.API.STREAM.*.CC_METRICS", "$JS.API.STREAM.MSG.GET.CC_METRICS",
			"$JS.API.STREAM.*.CC_METRICS_BAD", "$JS.API.STREAM.MSG.GET.CC_METRICS_BAD",
			"$JS.API.CONSUMER.CREATE.CC_METRICS", "$JS.API.CONSUMER.CREATE.CC_METRICS.>",
			"$JS.API.CONSUMER.MSG.NEXT.CC_METRICS.*", "$JS.API.CONSUMER.DELETE.CC_METRICS.*",
			"CC_METRICS.>",
		}, []string{
			"_INBOX.>", "hpc-nats",
		}
}

// guarded is a broker with a user admin who may do everything, and one named store.
type guarded struct {
	*server.Server
	t         *testing.T
	jetStream bool
	dir       string
	port      int
	limits    string // of JetStream in their account
	admin     *nats.Conn
}

// newGuarded starts one. The lists are what store may do.
func newGuarded(t *testing.T, jetStream bool, limits string, publish, subscribe, deny []string) *guarded {
	t.Helper()
	l, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	g := &guarded{t: t, jetStream: jetStream, dir: t.TempDir(), port: l.Addr().(*net.TCPAddr).Port, limits: limits}
	if err := l.Close(); err != nil {
		t.Fatal(err)
	}
	o, err := server.ProcessConfigFile(g.write(publish, subscribe, deny))
	if err != nil {
		t.Fatal(err)
	}
	g.Server = serve(t, *o)
	g.admin = userOf(t, g.Server, "admin")
	return g
}

// write writes the configuration file.
func (g *guarded) write(publish, subscribe, deny []string) (path string) {
	g.t.Helper()
	list := func(subjects []string) string {
		var quoted []string
		for _, s := range subjects {
			quoted = append(quoted, fmt.Sprintf("%q", s))
		}
		return "[" + strings.Join(quoted, ", ") + "]"
	}
	store, enabled := "", "false"
	if g.jetStream {
		store, enabled = fmt.Sprintf("jetstream { store_dir: %q }", g.dir), "enabled"
	}
	if g.limits != "" {
		enabled = g.limits
	}
	account := ""
	if g.jetStream {
		account = "jetstream: " + enabled
	}
	allow := ""
	if publish != nil {
		allow = "allow: " + list(publish) + ", "
	}
	path = filepath.Join(g.dir, "nats.conf")
	text := fmt.Sprintf(`
		listen: "127.0.0.1:%d"
		%s
		accounts { A {
			%s
			users: [
				{ user: admin, password: admin }
				{ user: store, password: store, permissions: {
					publish: { %sdeny: %s }
					subscribe: { allow: %s }
				} }
			]
		} }`, g.port, store, account, allow, list(deny), list(subscribe))
	if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
		g.t.Fatal(err)
	}
	return path
}

// reload changes what store may do.
func (g *guarded) reload(publish, subscribe []string) {
	g.t.Helper()
	g.write(publish, subscribe, nil)
	if err := g.Reload(); err != nil {
		g.t.Fatal(err)
	}
}

func userOf(t *testing.T, ns *server.Server, user string) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(ns.ClientURL(), nats.UserInfo(user, user))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// asStore is a node that logs in as store.
func asStore(t *testing.T, ns *server.Server) *node {
	t.Helper()
	return run(t, newTestStore(t), Config{
		Broker:   Broker{URL: ns.ClientURL(), Username: "store", Password: "store"},
		Embedded: embed(broker(t, t.TempDir(), true, -1)),
		pace:     patient,
	})
}

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
				if n.Trouble() != nil || n.Obstacle() != ObstacleNone {
					t.Errorf("trouble: %v, obstacle %s", n.Trouble(), n.Obstacle())
				}
				return
			}
			eventually(t, "the reason in the state", func() bool {
				err := n.Trouble()
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
	eventually(t, "a word about the subject", func() bool { return n.Trouble() != nil && strings.Contains(n.Trouble().Error(), `"hpc-nats"`) })
	ns.reload(nil, []string{"hpc-nats"})
	eventually(t, "what is published", func() bool {
		_ = ns.admin.Publish("hpc-nats", []byte(fmt.Sprintf("cpu_load,hostname=h value=2 %d\n", base)))
		return value(t, n.store, "dc", "h", "cpu_load", base) == 2
	})
	eventually(t, "no more about the subject", func() bool { return !strings.Contains(n.Trouble().Error(), `"hpc-nats"`) })
}

// TestRightsGoAway: what a running node may not do any more is named, and it goes
// on when it may again.
func TestRightsGoAway(t *testing.T) {
	pub, sub := rightsOnABroker()
	ns := newGuarded(t, true, "", pub, sub, nil)
	n := asStore(t, ns.Server)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	ns.reload(without(pub, "CONSUMER"), sub)
	eventually(t, "the right that is missing", func() bool {
		err := n.Trouble()
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
	eventually(t, "no trouble", func() bool { return n.Trouble() == nil })
}

// TestNoRightToGetEntries: a node that was away compares the entry at its position
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
			Embedded: embed(broker(t, t.TempDir(), true, -1)), pace: patient,
		}, store.Restored{From: at, Head: at})
		eventually(t, "ready again", func() bool { return n.Ready() == nil })
		if s := n.Stats(); s.Entries != 0 || strings.Contains(n.log.String(), "from the start") {
			t.Errorf("%d entries are read again", s.Entries)
		}
	}
}

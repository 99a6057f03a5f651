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

	"cc-metric-store/store"
)

// patient are timings with which what a broker refuses is known soon, and queries are
// answered without a log soon.
var patient = timings{refusals: time.Second, ask: 100 * time.Millisecond, proof: 100 * time.Millisecond, recount: 100 * time.Millisecond,
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
		timings:  patient,
	})
}

// TestNKey logs in with the seed of a key that the broker knows.
func TestNKey(t *testing.T) {
	const (
		user = "UCOHSH5ZLGVHCXZXSWQHI54WDW57UBSV37R2URKOSTXH5LTCAMXONVHU"
		seed = "SUAOS6LP2QHYXGC7ENSANRY4FJH3DTHK5G4D4SEA4L6VW4KXMFKB4NFUOA"
	)
	ns := serve(t, server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: t.TempDir(), Nkeys: []*server.NkeyUser{{Nkey: user}}})
	path := filepath.Join(t.TempDir(), "seed")
	if err := os.WriteFile(path, []byte(seed+"\n"), 0o600); err != nil {
		t.Fatal(err)
	}
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL(), SeedFile: path}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })

	bad := filepath.Join(t.TempDir(), "bad")
	if err := os.WriteFile(bad, []byte("no seed"), 0o600); err != nil {
		t.Fatal(err)
	}
	in, err := New(Config{Embedded: cannotEmbed, Broker: Broker{URL: ns.ClientURL(), SeedFile: bad}, timings: quick}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	if err := in.Run(t.Context(), store.Restored{}); err == nil || !strings.Contains(err.Error(), "nkey-seed-file "+bad) {
		t.Errorf("error %v", err)
	}
}

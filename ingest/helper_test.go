package ingest

import (
	"context"
	"errors"
	"log/slog"
	"math"
	"path/filepath"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

func TestMain(m *testing.M) {
	// nats-server keeps one goroutine of its own for the life of a process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.init.0.func1"),
		// It keeps one more for each server in a cluster that does not listen at once.
		goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.(*Server).StartRouting"))
}

const base = 1_700_000_000 // of the samples' times

// patience bounds a wait for something that has to happen.
const patience = time.Minute

// broker starts a nats-server; port -1 takes a free one.
func broker(t testing.TB, dir string, jetStream bool, port int) *server.Server {
	t.Helper()
	return serve(t, server.Options{Host: "127.0.0.1", Port: port, JetStream: jetStream, StoreDir: dir, MaxPayload: 16 << 20})
}

// serve starts a nats-server, which stops at the test's end.
func serve(t testing.TB, o server.Options) *server.Server {
	t.Helper()
	o.NoSigs, o.NoLog = true, true
	ns, err := server.NewServer(&o)
	if err != nil {
		t.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(patience) {
		t.Fatal("nats-server does not start")
	}
	t.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	return ns
}

// suspend takes JetStream from a server. What it returns gives it back, with what it
// held.
func suspend(t *testing.T, ns *server.Server) (resume func()) {
	t.Helper()
	dir := filepath.Dir(ns.StoreDir())
	if err := ns.DisableJetStream(); err != nil {
		t.Fatal(err)
	}
	return func() {
		t.Helper()
		// Nobody may ask while it is given back: nats-server does not guard that.
		eventually(t, "no connections", func() bool {
			open, err := ns.Connz(nil)
			for _, c := range open.Conns {
				_ = ns.DisconnectClientByID(c.Cid) // it may be gone
			}
			return err == nil && len(open.Conns) == 0
		})
		if err := ns.EnableJetStream(&server.JetStreamConfig{StoreDir: dir}); err != nil {
			t.Fatal(err)
		}
	}
}

// node is a running Ingest with its store.
type node struct {
	*Ingest
	store *store.Store
	log   *testkit.LogBuffer
	stop  func()

	stopReading func() // its first half
}

// run starts an Ingest, with the embedded server ns unless cfg says otherwise.
func run(t testing.TB, s *store.Store, cfg Config) *node {
	t.Helper()
	return runFrom(t, s, cfg, store.Restored{})
}

// runFrom starts one with a store that holds something.
func runFrom(t testing.TB, s *store.Store, cfg Config, from store.Restored) *node {
	t.Helper()
	n := &node{store: s, log: &testkit.LogBuffer{}}
	cfg.Logger = slog.New(slog.NewTextHandler(n.log, nil))
	if cfg.Embedded == nil {
		cfg.Embedded = func(context.Context) (InProcess, error) {
			t.Error("the embedded server is not wanted")
			return nil, context.Canceled
		}
	}
	if cfg.Subscriptions == nil {
		cfg.Subscriptions = []Subscription{{Subject: "hpc-nats", Cluster: "dc"}}
	}
	if cfg.timings == (timings{}) {
		cfg.timings = quick
	}
	in, err := New(cfg, s)
	if err != nil {
		t.Fatal(err)
	}
	n.Ingest = in
	endRun, endIntake := runBoth(in, from)
	once := func(end func() error) func() {
		return sync.OnceFunc(func() {
			if err := end(); err != nil {
				t.Error(err)
			}
		})
	}
	n.stopReading = once(endRun)
	stopIntake := once(endIntake)
	n.stop = func() {
		n.stopReading()
		stopIntake()
	}
	t.Cleanup(func() {
		n.stop()
		if t.Failed() {
			t.Logf("log:\n%s", n.log)
		}
	})
	return n
}

// runBoth starts Run and RunIntake. What it returns ends them, and returns their
// errors.
func runBoth(in *Ingest, from store.Restored) (endRun, endIntake func() error) {
	begin := func(run func(context.Context) error) (end func() error) {
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- run(ctx) }()
		return func() error {
			cancel()
			select {
			case err := <-done:
				return err
			case <-time.After(patience):
				return errors.New("it does not return")
			}
		}
	}
	return begin(func(ctx context.Context) error { return in.Run(ctx, from) }), begin(in.RunIntake)
}

// inProcess is a server with the given bound on disk.
type inProcess struct {
	*server.Server
	maxStore int64
}

func (p inProcess) MaxStore() int64    { return p.maxStore }
func (p inProcess) MaxBuffered() int64 { return 1 << 30 }
func (p inProcess) Listen() error      { return nil }
func (p inProcess) Disconnect()        {}

func embed(ns *server.Server) func(context.Context) (InProcess, error) {
	return func(context.Context) (InProcess, error) { return inProcess{ns, 0}, nil }
}

// quick are timings for tests.
var quick = timings{refusals: 10 * time.Millisecond, ask: 10 * time.Millisecond, proof: 10 * time.Millisecond, recount: 10 * time.Millisecond, outbox: time.Second, answer: time.Hour, stuck: 10 * time.Millisecond, confirm: 10 * time.Millisecond}

// cannotEmbed is an embedded server that does not start.
func cannotEmbed(context.Context) (InProcess, error) { return nil, errors.New("no room on the disk") }

// eventually waits until the condition holds.
func eventually(t *testing.T, what string, condition func() bool) {
	t.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(time.Millisecond) {
		if time.Now().After(end) {
			t.Fatalf("in vain waited for: %s", what)
		}
	}
}

func connectTo(t *testing.T, ns *server.Server) jetstream.JetStream {
	t.Helper()
	return connectInProcess(t, ns)
}

func connectInProcess(t *testing.T, p nats.InProcessConnProvider) jetstream.JetStream {
	t.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(p))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	return js
}

// publish appends to the log and returns when it is acknowledged.
func publish(t *testing.T, js jetstream.JetStream, subject, data string) uint64 {
	t.Helper()
	ctx, cancel := context.WithTimeout(context.Background(), patience)
	defer cancel()
	ack, err := js.Publish(ctx, subject, []byte(data))
	if err != nil {
		t.Fatal(err)
	}
	return ack.Sequence
}

// value returns the newest value of a node metric in the hour after from, NaN
// without one.
func value(t *testing.T, s *store.Store, cluster, host, metric string, from int64) float64 {
	t.Helper()
	rows, err := s.Query(&store.Query{Cluster: cluster, Host: host, Metric: metric, From: from, To: from + 3600, Unpadded: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 || len(rows[0].Values) == 0 {
		return math.NaN()
	}
	return rows[0].Values[len(rows[0].Values)-1]
}

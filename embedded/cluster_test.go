package embedded

import (
	"bytes"
	"context"
	"fmt"
	"log/slog"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/test/testkit"
)

// clusterConfigs returns the configurations of three servers in a cluster.
func clusterConfigs(t *testing.T) (out []Config) {
	t.Helper()
	var routes []string
	for range 3 {
		routes = append(routes, fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)))
	}
	for i, route := range routes {
		log := &testkit.LogBuffer{}
		t.Cleanup(func() {
			if t.Failed() {
				t.Logf("log of server %d:\n%s", i, log.String())
			}
		})
		out = append(out, Config{
			Directory: t.TempDir(), Addr: "127.0.0.1:0", Username: "u", Password: "p/@:", Streams: streamS,
			Logger:  slog.New(slog.NewTextHandler(log, nil)),
			Cluster: &Cluster{Name: "c", Node: fmt.Sprint("n", i), Addr: route, Routes: routes, Own: []string{"own.>"}},
		})
	}
	return out
}

func startAll(t *testing.T, configs []Config) (servers []*Server) {
	t.Helper()
	for _, cfg := range configs {
		servers = append(servers, start(t, cfg))
	}
	return servers
}

// inside connects to a server as its own process does.
func inside(t *testing.T, s *Server) jetstream.JetStream {
	t.Helper()
	return connect(t, "", nats.InProcessServer(s), nats.UserInfo("u", "p/@:"))
}

// replicated creates the stream S with three replicas.
func replicated(t *testing.T, js jetstream.JetStream) {
	t.Helper()
	testkit.Eventually(t, "a stream with three replicas", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := js.CreateStream(ctx, jetstream.StreamConfig{Name: "S", Subjects: []string{"s"}, Replicas: 3})
		return err == nil
	})
}

// publishTo publishes until it is acknowledged.
func publishTo(t *testing.T, js jetstream.JetStream, data []byte) {
	t.Helper()
	testkit.Eventually(t, "an acknowledgement", func() bool {
		ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
		defer cancel()
		_, err := js.Publish(ctx, "s", data)
		return err == nil
	})
}

// awaitReplica returns when the files of a server hold as many messages.
func awaitReplica(t *testing.T, s *Server, last uint64) {
	t.Helper()
	testkit.Eventually(t, "the replica to be whole", func() bool {
		ns := s.current()
		return ns != nil && states(ns)["S"].last == last && states(ns)["S"].first == 1
	})
}

// TestClusterKeepsTheLog: what is published anywhere is everywhere; the messages of own subjects
// stay where they were sent to; with one server down, all goes on.
func TestClusterKeepsTheLog(t *testing.T) {
	configs := clusterConfigs(t)
	servers := startAll(t, configs)
	replicated(t, inside(t, servers[0]))
	var sent uint64
	got := make([]chan *nats.Msg, 3)
	for i, s := range servers {
		js := inside(t, s)
		publishTo(t, js, []byte("x"))
		sent++
		got[i] = make(chan *nats.Msg, 100)
		if _, err := js.Conn().ChanSubscribe("own.>", got[i]); err != nil {
			t.Fatal(err)
		}
		// A subscription that takes in more is no way around.
		if _, err := js.Conn().ChanSubscribe(">", make(chan *nats.Msg, 10_000)); err != nil {
			t.Fatal(err)
		}
		if err := js.Conn().Flush(); err != nil {
			t.Fatal(err)
		}
	}
	for i, s := range servers {
		outside := connect(t, s.URL(), nats.UserInfo("u", "p/@:"))
		if err := outside.Conn().Publish("own.a", []byte{byte(i)}); err != nil {
			t.Fatal(err)
		}
		publishTo(t, outside, []byte("y")) // after it, from the same client
		sent++
	}
	leaders := 0
	for i, s := range servers {
		awaitReplica(t, s, sent)
		if len(got[i]) != 1 || (<-got[i]).Data[0] != byte(i) {
			t.Errorf("server %d has another message than the one that was sent to it", i)
		}
		if s.Leads("S") {
			leaders++
		}
	}
	if leaders != 1 {
		t.Errorf("%d leaders", leaders)
	}
	// Each of them goes, once, and comes back. If it leads, another one does before it has gone.
	for i := range servers {
		servers[i].handOver(servers[i].current())
		if leader := leadersOf(servers[i].current())["S"]; leader == "" || leader == configs[i].Cluster.Node {
			t.Errorf("server %d would leave the stream with the leader %q", i, leader)
		}
		servers[i].Stop()
		publishTo(t, inside(t, servers[(i+1)%3]), []byte("z"))
		sent++
		servers[i] = start(t, configs[i])
		awaitReplica(t, servers[i], sent)
	}
}

// TestReplicaComesBack: a server that has lost its files, or has damaged ones, gets them from the
// others, and does not say that entries are lost.
func TestReplicaComesBack(t *testing.T) {
	configs := clusterConfigs(t)
	servers := startAll(t, configs)
	js := inside(t, servers[0])
	replicated(t, js)
	for i := range messages {
		publishTo(t, js, message(i))
	}
	for _, s := range servers {
		awaitReplica(t, s, messages)
	}
	for _, harm := range []struct {
		name        string
		do          func(dir string) error
		quarantined int // in all, afterwards
	}{
		{"everything gone", func(dir string) error { return os.RemoveAll(filepath.Join(dir, server.JetStreamStoreDir)) }, 0},
		{"a damaged block", func(dir string) error {
			for block := range blocksOf(t, dir) {
				data, err := os.ReadFile(block)
				if err == nil {
					data[len(data)/2]++
					err = os.WriteFile(block, data, 0o600)
				}
				return err // one is enough
			}
			return nil
		}, 1},
		{"the blocks gone", func(dir string) error { return os.RemoveAll(streamPath(dir, messagesName)) }, 2},
		{"the stream gone", func(dir string) error { return os.RemoveAll(streamPath(dir)) }, 3},
	} {
		dir := filepath.Join(configs[1].Directory, ClusterName)
		servers[1].Stop()
		if err := harm.do(dir); err != nil {
			t.Fatal(err)
		}
		servers[1] = start(t, configs[1])
		awaitReplica(t, servers[1], messages)
		if err := servers[1].Damage(); err != nil {
			t.Errorf("%s: %v", harm.name, err)
		}
		if kept, _ := os.ReadDir(filepath.Join(dir, quarantineName)); len(kept) != harm.quarantined {
			t.Errorf("%s: %d files in the quarantine, want %d", harm.name, len(kept), harm.quarantined)
		}
		servers[1].Stop()
		for path := range blocksOf(t, dir) {
			if data, err := os.ReadFile(path); err != nil || !bytes.Contains(data, []byte("message ")) {
				t.Errorf("%s: %s: %v", harm.name, path, err)
			}
		}
		servers[1] = start(t, configs[1])
	}
}

func blocksOf(t *testing.T, dir string) map[string]bool {
	t.Helper()
	paths, err := filepath.Glob(streamPath(dir, messagesName, "*"+blockSuffix))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no blocks in %s: %v", dir, err)
	}
	out := map[string]bool{}
	for _, p := range paths {
		out[p] = true
	}
	return out
}

// TestAloneInACluster: a server whose others are not there starts, is not found at fault, and is
// not restarted.
func TestAloneInACluster(t *testing.T) {
	cfg := clusterConfigs(t)[0]
	cfg.checkInterval = 10 * time.Millisecond
	s := start(t, cfg)
	before := s.current()
	ctx, cancel := context.WithCancel(t.Context())
	watched := make(chan struct{})
	go func() { defer close(watched); s.Watch(ctx) }()
	defer func() { cancel(); <-watched }()
	if h := before.Healthz(&server.HealthzOptions{Account: server.DEFAULT_GLOBAL_ACCOUNT, Stream: "S"}); h.Status == "ok" {
		t.Fatal("nats-server finds nothing at fault: this test proves nothing")
	}
	time.Sleep(50 * cfg.checkInterval) // in which nothing is to happen
	if err := s.Health(); err != nil {
		t.Error(err)
	}
	if s.current() != before {
		t.Error("it was started anew")
	}
}

func TestDisconnect(t *testing.T) {
	s := start(t, Config{Directory: t.TempDir(), Addr: "127.0.0.1:0"})
	inner := connect(t, "", nats.InProcessServer(s))
	gone := make(chan struct{})
	connect(t, s.URL(), nats.NoReconnect(), nats.ClosedHandler(func(*nats.Conn) { close(gone) }))
	s.Disconnect()
	<-gone
	if err := inner.Conn().Flush(); err != nil {
		t.Errorf("the connection of this process: %v", err)
	}
}

func TestClusterFaults(t *testing.T) {
	_, err := New(Config{Directory: "x", Cluster: &Cluster{Addr: "a", Routes: []string{"b"}}})
	for _, want := range []string{"without a name", `cluster address "a"`, `route "b"`, "a cluster of 1 servers"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v, want %q", err, want)
		}
	}
	// Somebody else has the port.
	configs := clusterConfigs(t)
	start(t, configs[0])
	configs[1].Cluster.Addr = configs[0].Cluster.Addr
	s, err := New(configs[1])
	if err == nil {
		err = s.Start(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "nats.embedded.cluster.addr") {
		t.Errorf("error %v", err)
	}
}

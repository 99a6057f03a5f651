package ingest

import (
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/embedded"
	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// startServers starts three embedded servers in a cluster, of which each may have so many bytes on
// disk.
func startServers(t *testing.T, maxStore ...int64) (servers []*embedded.Server) {
	t.Helper()
	var routes []string
	for range maxStore {
		routes = append(routes, fmt.Sprintf("127.0.0.1:%d", testkit.FreePort(t)))
	}
	for i, most := range maxStore {
		s, err := embedded.New(embedded.Config{
			Directory: t.TempDir(), Addr: "127.0.0.1:0", MaxPayload: 1 << 20, MaxStore: most,
			Cluster: &embedded.Cluster{Name: "c", Node: fmt.Sprint("n", i), Addr: routes[i], Routes: routes, Own: []string{"hpc-nats"}},
		})
		if err == nil {
			err = s.Start(t.Context())
		}
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(s.Stop)
		servers = append(servers, s)
	}
	return servers
}

func clusterNode(t *testing.T, s *embedded.Server) *node {
	t.Helper()
	return run(t, newTestStore(t), Config{
		Embedded:  func(context.Context) (InProcess, error) { return s, nil },
		Clustered: true, Stream: Stream{Replicas: 3, MaxAge: time.Hour},
	})
}

func logInfo(t *testing.T, js jetstream.JetStream) *jetstream.StreamInfo {
	t.Helper()
	ctx, cancel := context.WithTimeout(t.Context(), patience)
	defer cancel()
	stream, err := js.Stream(ctx, "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	return stream.CachedInfo()
}

// TestNodesOfACluster: they agree on the settings of the log; each takes what its own clients send,
// and all of them, and a reader beside, store it once.
func TestNodesOfACluster(t *testing.T) {
	t.Parallel()
	const roomy, narrow = 512 << 20, 256 << 20 // far from the tolerance
	servers := startServers(t, roomy, narrow, roomy)
	var nodes []*node
	for _, s := range servers {
		nodes = append(nodes, clusterNode(t, s))
	}
	for _, n := range nodes {
		eventually(t, "ready", func() bool { return n.Ready() == nil })
	}
	js := connectInProcess(t, servers[0])
	want := (&logStream{embedded: true, maxStore: narrow}).room()
	info := logInfo(t, js)
	if c := info.Config; c.Replicas != 3 || c.MaxBytes != want || c.MaxAge != time.Hour || c.Metadata[filledKey] != filledByIntakes {
		t.Errorf("the log is %+v, want 3 replicas of at most %d bytes", c, want)
	}
	// None of them changes it again.
	for _, n := range nodes {
		l, _, _ := n.state.current()
		if err := n.restoreSettings(t.Context(), l); err != nil {
			t.Error(err)
		}
		if before := strings.Count(n.log.String(), "changed the stream"); before > 1 {
			t.Errorf("changed %d times:\n%s", before, n.log)
		}
	}
	if after := logInfo(t, js).Config; after.MaxBytes != want {
		t.Errorf("max bytes %d, want %d", after.MaxBytes, want)
	}

	reader := run(t, newTestStore(t), Config{Broker: Broker{URL: servers[1].URL()}, Embedded: cannotEmbed})
	eventually(t, "the reader to be ready", func() bool { return reader.Ready() == nil })
	if subjects := logInfo(t, js).Config.Subjects; slices.Contains(subjects, "hpc-nats") || len(subjects) != 3 {
		t.Errorf("the log captures %q", subjects)
	}
	for i, s := range servers {
		nc, err := nats.Connect(s.URL())
		if err != nil {
			t.Fatal(err)
		}
		defer nc.Close()
		if err := nc.Publish("hpc-nats", fmt.Appendf(nil, "cpu_load,hostname=h%d value=%d %d\n", i, i, base)); err != nil {
			t.Fatal(err)
		}
	}
	all := append(nodes, reader)
	for _, n := range all {
		for i := range servers {
			eventually(t, "a sample", func() bool { return value(t, n.store, "dc", fmt.Sprint("h", i), "cpu_load", base) == float64(i) })
		}
		// A sample is seen before its entry is counted.
		eventually(t, "all entries to be counted", func() bool { s := n.Stats(); return s.LagEntries == 0 && s.Lines >= 3 })
		if s := n.Stats(); s.Lines != 3 {
			t.Errorf("%d lines were read, want 3: each once", s.Lines)
		}
	}
	for i, n := range nodes {
		eventually(t, "all replicas to have the log", func() bool { return n.Stats().Replicas == 3 })
		if s := n.Stats(); s.IntakeMessages != 1 || s.Confirmed < 0 || s.Confirmed > patience {
			t.Errorf("node %d: %+v, want one message of its own", i, s)
		}
	}
}

// TestReadyThoughTheLogIsEmpty: what was dropped, or removed, will never come.
func TestReadyThoughTheLogIsEmpty(t *testing.T) {
	t.Parallel()
	servers := startServers(t, 0, 0, 0)
	first := clusterNode(t, servers[0])
	eventually(t, "ready", func() bool { return first.Ready() == nil })
	js := connectInProcess(t, servers[0])
	var last uint64
	for i := range 3 {
		last = publish(t, js, "CC_METRICS.write", fmt.Sprintf("cpu_load,hostname=h,cluster=c value=%d %d\n", i, base))
	}
	stream, err := js.Stream(t.Context(), "CC_METRICS")
	if err == nil {
		err = stream.DeleteMsg(t.Context(), last)
	}
	if err != nil {
		t.Fatal(err)
	}
	second := clusterNode(t, servers[1])
	eventually(t, "ready without the last entry", func() bool { return second.Ready() == nil })
	if v := value(t, second.store, "c", "h", "cpu_load", base); v != 1 {
		t.Errorf("value %v, want 1", v)
	}
	if err := stream.Purge(t.Context()); err != nil {
		t.Fatal(err)
	}
	third := clusterNode(t, servers[2])
	eventually(t, "ready without any entry", func() bool { return third.Ready() == nil })
}

// TestStopInAClusterTurnsPublishersAway: what they have sent before is in the log.
func TestStopInAClusterTurnsPublishersAway(t *testing.T) {
	t.Parallel()
	servers := startServers(t, 0, 0, 0)
	n, other := clusterNode(t, servers[0]), clusterNode(t, servers[1])
	clusterNode(t, servers[2])
	eventually(t, "ready", func() bool {
		return n.Ready() == nil && other.Ready() == nil && servers[0].URL() != "" && servers[1].URL() != ""
	})
	nc, err := nats.Connect(servers[0].URL()+","+servers[1].URL(), nats.DontRandomize(), nats.ReconnectWait(time.Millisecond))
	if err != nil {
		t.Fatal(err)
	}
	defer nc.Close()
	first := nc.ConnectedUrl()
	const lines = 1000
	for i := range lines {
		if err := nc.Publish("hpc-nats", fmt.Appendf(nil, "cpu_load,hostname=h%d value=1 %d\n", i, base)); err != nil {
			t.Fatal(err)
		}
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	n.stop()
	eventually(t, "the publisher to be at another node", func() bool { return nc.IsConnected() && nc.ConnectedUrl() != first })
	eventually(t, "all that was sent", func() bool { return other.Stats().Lines == lines })
}

func TestConfirmingReplicas(t *testing.T) {
	peer := func(current, offline bool, active time.Duration) *jetstream.PeerInfo {
		return &jetstream.PeerInfo{Current: current, Offline: offline, Active: active}
	}
	fresh, stale, away := peer(true, false, time.Second), peer(true, false, time.Minute), peer(false, true, time.Minute)
	behind := peer(false, false, time.Second)
	for _, test := range []struct {
		name     string
		leader   string
		replicas []*jetstream.PeerInfo
		want     int
		err      error
	}{
		{"all are there", "a", []*jetstream.PeerInfo{fresh, fresh}, 3, nil},
		{"one is down", "a", []*jetstream.PeerInfo{fresh, away}, 2, nil},
		{"one is behind", "a", []*jetstream.PeerInfo{behind, away}, 1, nil},
		{"two are down", "a", []*jetstream.PeerInfo{away, away}, 1, errNoLeader},
		{"the leader is alone and does not know it yet", "a", []*jetstream.PeerInfo{stale, stale}, 3, errNoLeader},
		{"no leader", "", []*jetstream.PeerInfo{fresh, fresh}, 0, errNoLeader},
		{"two of five are down", "a", []*jetstream.PeerInfo{fresh, fresh, away, away}, 3, nil},
		{"three of five are down", "a", []*jetstream.PeerInfo{fresh, away, away, away}, 2, errNoLeader},
	} {
		got, err := countReplicas(&jetstream.StreamInfo{Cluster: &jetstream.ClusterInfo{Leader: test.leader, Replicas: test.replicas}})
		if got != test.want || !errors.Is(err, test.err) {
			t.Errorf("%s: %d, %v, want %d, %v", test.name, got, err, test.want, test.err)
		}
	}
	if _, err := countReplicas(&jetstream.StreamInfo{}); !errors.Is(err, errNoLeader) {
		t.Error(err)
	}
}

// TestALeaderThatHasNotComeToTheNewestEntry is not taken for a log that has lost entries, but one
// that stays so is.
func TestALeaderThatHasNotComeToTheNewestEntry(t *testing.T) {
	in, err := New(Config{Embedded: cannotEmbed, Clustered: true}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	created := time.Now()
	info := &jetstream.StreamInfo{Created: created, State: jetstream.StreamState{FirstSeq: 1, LastSeq: 9}}
	cur := cursor{epoch: 1, created: created, seq: 10}
	l := in.newLog()
	for attempt := 0; ; attempt++ {
		err := in.checkCursor(t.Context(), l, info, &cur)
		if err == nil {
			if attempt != maxBehind {
				t.Errorf("it is read from the start at attempt %d", attempt)
			}
			break
		}
		if !errors.Is(err, errCompare) || cur.seq != 10 {
			t.Fatal(err)
		}
		cur.failed(err)
	}
	if cur.seq != 0 || cur.epoch != 2 {
		t.Errorf("cursor at entry %d in epoch %d", cur.seq, cur.epoch)
	}
}

// TestReadyInAClusterIsConfirmed: that a consumer knows of nothing more proves nothing, as its
// server may be behind.
func TestReadyInAClusterIsConfirmed(t *testing.T) {
	in, err := New(Config{Embedded: cannotEmbed, Clustered: true}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	in.state.setStream(in.newLog())
	in.replay.begin(store.Restored{}, false)
	in.replay.created(0, 0)
	if err := in.Ready(); !errors.Is(err, errUnconfirmed) {
		t.Errorf("ready: %v", err)
	}
	in.confirmed.record(time.Now(), 3, 3, nil)
	if err := in.Ready(); err != nil {
		t.Error(err)
	}
}

// TestServingInACluster: what passes by itself is no reason to send requests elsewhere.
func TestServingInACluster(t *testing.T) {
	in, err := New(Config{Embedded: cannotEmbed, Clustered: true}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	in.state.setStream(in.newLog())
	in.replay.begin(store.Restored{}, false)
	in.replay.created(0, 0)
	want := func(what string, serving, settled string) {
		t.Helper()
		for name, pair := range map[string][2]string{"serving": {serving, text(in.Serving())}, "settled": {settled, text(in.Settled())}} {
			if pair[0] == "" && pair[1] != "" || !strings.Contains(pair[1], pair[0]) {
				t.Errorf("%s: %s: %q, want %q", what, name, pair[1], pair[0])
			}
		}
	}
	now := time.Now()
	want("never confirmed", errUnconfirmed.Error(), errUnconfirmed.Error())
	in.confirmed.record(now, 3, 3, nil)
	want("confirmed", "", "")
	in.confirmed.record(now, 2, 3, nil)
	want("a node is down", "", "2 of 3 nodes")
	in.confirmed.record(now, 0, 3, errNoLeader)
	want("no leader for a moment", "", errNoLeader.Error())
	in.confirmed.record(now.Add(-logPatience), 3, 3, nil)
	in.confirmed.record(now, 0, 3, errNoLeader)
	want("no leader for long", errNoLeader.Error(), "the answers may be old")
	in.confirmed.record(now, 3, 3, nil)
	in.writable.record(errors.New("no room"))
	want("a failure", "", "no room")
	in.writable.since = now.Add(-logPatience)
	in.writable.record(errors.New("no room"))
	want("failures for long", "takes no entries", "no room")
	in.writable.record(nil)
	in.writable.record(errors.New("no room"))
	want("another failure", "", "no room")
}

func text(err error) string {
	if err == nil {
		return ""
	}
	return err.Error()
}

// TestPositions: a node waits for what another one has read, whenever the logs were created.
func TestPositions(t *testing.T) {
	js := broker(t, t.TempDir(), true, -1)
	a := run(t, newTestStore(t), Config{Embedded: embed(js)})
	eventually(t, "ready", func() bool { return a.Ready() == nil })
	if _, ok := a.Position(); ok {
		t.Error("an empty log has a position")
	}
	for i := range 3 {
		if err := a.Write(t.Context(), "c", strings.NewReader(fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base))); err != nil {
			t.Fatal(err)
		}
		if p, ok := a.Position(); !ok || p.Entry.Seq < uint64(i+1) || a.AwaitPosition(t.Context(), p) != nil {
			t.Errorf("after write %d: %+v, %v", i, p, ok)
		}
	}
	at, _ := a.Position()
	for _, test := range []struct {
		name  string
		older time.Duration
		seq   uint64
		there bool
	}{
		{"here", 0, at.Entry.Seq, true},
		{"before", 0, 1, true},
		{"to come", 0, at.Entry.Seq + 1, false},
		{"of a log before this one", time.Second, at.Entry.Seq + 1000, true},
		{"of a log after this one", -time.Second, 1, false},
	} {
		ctx, cancel := context.WithTimeout(t.Context(), 20*time.Millisecond)
		err := a.AwaitPosition(ctx, store.LogPosition{Created: at.Created.Add(-test.older), Entry: store.Entry{Seq: test.seq}})
		cancel()
		if (err == nil) != test.there {
			t.Errorf("%s: %v", test.name, err)
		}
	}
}

// TestTimesOfTheLogStepBack: another leader, whose clock is five minutes behind, writes the times of
// entries from then on. No sample of a sender with the right time is refused.
func TestTimesOfTheLogStepBack(t *testing.T) {
	in, err := New(Config{Embedded: cannotEmbed, Clustered: true}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(in, in.newLog())
	d := lineproto.NewDecoder(in.store, in.series, in.cfg.FutureTolerance)
	for seq := range uint64(4) {
		now := time.Unix(base+60*int64(seq), 0)
		at := now
		if seq >= 2 {
			at = at.Add(-5 * time.Minute)
		}
		e := &entry{incoming: incoming{seq: seq + 1, cluster: "c", at: at, written: at, data: fmt.Appendf(nil, "cpu_load,hostname=h value=1 %d\n", now.Unix())}}
		p.decodeGuarded(d, e)
		if o := e.out.outcome(); o.refused > 0 || e.out.Samples != 1 {
			t.Errorf("entry %d: %d samples, %d lines are refused: %s", e.seq, e.out.Samples, o.refused, o.detail)
		}
	}
}

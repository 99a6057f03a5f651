package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// joinTestStore has a limit of few series.
func joinTestStore(t testing.TB) *store.Store {
	t.Helper()
	s, err := store.New(store.Config{Metrics: testMetricConfigs(), MaxSeries: 4})
	if err != nil {
		t.Fatal(err)
	}
	return s
}

// inMemory is a body that need not be read.
type inMemory struct {
	io.Reader
	lines []byte
}

func (m inMemory) Whole() []byte { return m.lines }

// testWriter writes bodies of hosts of its own, and knows what they get when they are written
// alone: by its own store.
type testWriter struct {
	t     *testing.T
	node  *node
	name  string
	rnd   *rand.Rand
	alone *applier
}

func newTestWriter(t *testing.T, n *node, name string, seed uint64) *testWriter {
	return &testWriter{t: t, node: n, name: name, rnd: rand.New(rand.NewPCG(seed, 1)), alone: newApplier(t, joinTestStore(t))}
}

// body makes lines of all kinds. The clusters are those of others, too.
func (w *testWriter) body() (cluster string, lines []byte) {
	var b bytes.Buffer
	count := w.rnd.IntN(8)
	switch w.rnd.IntN(100) {
	case 0: // alone in its entry
		count = writeChunk / 2 / 50
	case 1: // several entries
		count = 2 * writeChunk / 50
	}
	for i := range count {
		host := fmt.Sprintf("%s-%d", w.name, w.rnd.IntN(3))
		switch w.rnd.IntN(12) {
		case 0:
			fmt.Fprintf(&b, "cpu_load,hostname=%s value=oops%d 1\n", host, i)
		case 1:
			fmt.Fprintf(&b, "cpu_load,cluster=own,hostname=%s value=%d %d\n", host, w.rnd.IntN(1000), base+60*w.rnd.IntN(5))
		case 2: // beyond the limit of a host's series
			fmt.Fprintf(&b, "cpu_user,hostname=%s,type=core,type-id=%d value=%d %d\n", host, w.rnd.IntN(5), w.rnd.IntN(1000), base)
		case 3:
			b.WriteString([]string{"\n", "# a comment\n", "x\n", "\ufeff\n", "other,hostname=h value=1\n", "a\\\n", "\r\n", "cpu_load,hostname=../x value=1\n"}[w.rnd.IntN(8)])
		case 4:
			if w.rnd.IntN(4) == 0 {
				b.WriteString([]string{"job event=\"{}\" 1\n", "cpu_load,hostname=h value=\"\n"}[w.rnd.IntN(2)])
			}
		default:
			fmt.Fprintf(&b, "cpu_load,hostname=%s value=%d %d\n", host, w.rnd.IntN(1000), base+60*w.rnd.IntN(5))
		}
	}
	lines = b.Bytes()
	if w.rnd.IntN(3) == 0 {
		lines = bytes.TrimSuffix(lines, []byte("\n"))
	}
	return fmt.Sprint("c", w.rnd.IntN(3)), lines
}

func (w *testWriter) reader(lines []byte) io.Reader {
	switch w.rnd.IntN(3) {
	case 0:
		return inMemory{bytes.NewReader(lines), lines}
	case 1:
		return oneShort{strings.NewReader(string(lines))}
	}
	return bytes.NewReader(lines)
}

// write writes some bodies, each when the one before is answered, and checks the answers.
func (w *testWriter) write(bodies int) {
	for range bodies {
		cluster, lines := w.body()
		wrote, told := newWrite(w.node.Ingest, cluster), newWrite(w.node.Ingest, cluster)
		wrote.budget = budget{left: patience} // on a busy machine
		err := wrote.run(context.Background(), w.reader(lines))
		w.alone.apply(lines, cluster)
		told.addOutcome(w.alone.out.outcome(), 1)
		if want := told.result(); fmt.Sprint(err) != fmt.Sprint(want) {
			w.t.Errorf("%s: %.200q (%d bytes): %v, alone: %v", w.name, lines, len(lines), err, want)
		}
		if w.rnd.IntN(8) == 0 {
			ctx, cancel := context.WithCancel(context.Background())
			stop := time.AfterFunc(time.Duration(w.rnd.IntN(3000))*time.Microsecond, cancel)
			leaving := newWrite(w.node.Ingest, cluster)
			leaving.budget = budget{left: patience}
			err := leaving.run(ctx, strings.NewReader(fmt.Sprintf("cpu_load,hostname=gone value=1 %d\n", base)))
			if err != nil && !errors.Is(err, context.Canceled) {
				w.t.Errorf("%s: a client that leaves: %v", w.name, err)
			}
			stop.Stop()
			cancel()
		}
	}
}

// compare holds the store of a node against what the writer has written.
func (w *testWriter) compare(n *node) {
	w.t.Helper()
	ask := func(s *store.Store, cluster, host, metric string) string {
		rows, err := s.Query(&store.Query{Cluster: cluster, Host: host, Metric: metric, From: base - 60, To: base + 600, NoStats: true})
		if err != nil || len(rows) == 0 {
			return fmt.Sprint(err)
		}
		return fmt.Sprint(rows[0].Values)
	}
	for _, cluster := range []string{"c0", "c1", "c2", "own"} {
		for i := range 3 {
			host := fmt.Sprintf("%s-%d", w.name, i)
			if got, want := ask(n.store, cluster, host, "cpu_load"), ask(w.alone.in.store, cluster, host, "cpu_load"); got != want {
				w.t.Errorf("%s/%s: %s, want %s", cluster, host, got, want)
			}
		}
	}
}

// writeTogether has many writers write at once.
func writeTogether(t *testing.T, n *node, writers, bodies int) []*testWriter {
	t.Helper()
	rnd := testkit.Rand(t)
	var all []*testWriter
	var g sync.WaitGroup
	for i := range writers {
		w := newTestWriter(t, n, fmt.Sprint("w", i), rnd.Uint64())
		all = append(all, w)
		g.Go(func() { w.write(bodies) })
	}
	g.Wait()
	for _, w := range all {
		w.compare(n)
	}
	return all
}

// checkNothingIsLeft of what writers waited for.
func checkNothingIsLeft(t *testing.T, n *node) {
	t.Helper()
	j := n.joiner
	eventually(t, "nothing on its way", func() bool {
		if !j.room.TryAcquire(joinedBacklog) {
			return false
		}
		j.room.Release(joinedBacklog)
		return true
	})
	j.mu.Lock()
	defer j.mu.Unlock()
	n.waiters.mu.Lock()
	defer n.waiters.mu.Unlock()
	if len(j.open)+len(j.queue)+len(n.waiters.by) > 0 {
		t.Errorf("%d open entries, %d in the queue, %d awaited", len(j.open), len(j.queue), len(n.waiters.by))
	}
}

// faulty is a log that sometimes loses a message, or an acknowledgement.
type faulty struct {
	jetstream.JetStream

	mu  sync.Mutex
	rnd *rand.Rand
}

func (f *faulty) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	f.mu.Lock()
	fate := f.rnd.IntN(12)
	f.mu.Unlock()
	if fate == 0 {
		return nil, errors.New("a lost message")
	}
	ack, err := f.JetStream.PublishMsg(ctx, m, opts...)
	if fate == 1 {
		return nil, errors.New("a lost acknowledgement")
	}
	return ack, err
}

// publishBy has the node publish by another JetStream.
func publishBy(n *node, with func(jetstream.JetStream) jetstream.JetStream) {
	n.state.mu.Lock()
	defer n.state.mu.Unlock()
	other := *n.state.stream
	other.js = with(other.js)
	n.state.stream = &other
}

// TestWritersAreAnsweredAsIfAlone: whatever others write at the same time.
func TestWritersAreAnsweredAsIfAlone(t *testing.T) {
	t.Parallel()
	t.Run("embedded log", func(t *testing.T) {
		ns := broker(t, t.TempDir(), true, -1)
		n := run(t, joinTestStore(t), Config{Embedded: embed(ns), FutureTolerance: testFuture})
		eventually(t, "ready", func() bool { return n.Ready() == nil })
		const writers, bodies = 16, 60
		writeTogether(t, n, writers, bodies)
		if s := n.Stats(); s.Entries >= writers*bodies {
			t.Errorf("%d bodies are %d entries", writers*bodies, s.Entries)
		}
		checkNothingIsLeft(t, n)
	})
	t.Run("lost messages", func(t *testing.T) {
		ns := broker(t, t.TempDir(), true, -1)
		n := run(t, joinTestStore(t), Config{Embedded: embed(ns), FutureTolerance: testFuture})
		eventually(t, "ready", func() bool { return n.Ready() == nil })
		rnd := testkit.Rand(t)
		publishBy(n, func(js jetstream.JetStream) jetstream.JetStream { return &faulty{JetStream: js, rnd: rnd} })
		writeTogether(t, n, 16, 5)
		checkNothingIsLeft(t, n)
	})
	t.Run("broker", func(t *testing.T) {
		ns := broker(t, t.TempDir(), true, -1)
		n := run(t, joinTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}, Embedded: cannotEmbed, FutureTolerance: testFuture})
		eventually(t, "ready", func() bool { return n.Ready() == nil })
		writeTogether(t, n, 16, 30)
		checkNothingIsLeft(t, n)
	})
	t.Run("broker away", func(t *testing.T) {
		a := newAwayWith(t, joinTestStore, Config{FutureTolerance: testFuture})
		writers := writeTogether(t, a.node, 16, 30)
		checkNothingIsLeft(t, a.node)
		ns := a.brokerBack()
		eventually(t, "forwarding", func() bool { return a.Degraded() == nil })
		other := run(t, joinTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}, FutureTolerance: testFuture})
		eventually(t, "ready", func() bool { return other.Ready() == nil })
		for _, w := range writers {
			w.compare(other)
		}
	})
}

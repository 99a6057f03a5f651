package test

import (
	"context"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	collectors   = 20 // of which half ask for acknowledgements
	collectEvery = 200 * time.Millisecond
	probeEvery   = 50 * time.Millisecond
	// resendUnacked is for acknowledgements that went with a node.
	resendUnacked = 5 * time.Second
)

// collector sends one sample after the other, each for a slot of its own: one that is sent again,
// and so comes later than newer ones, changes nothing.
type collector struct {
	host string
	nc   *nats.Conn
	js   jetstream.JetStream // nil: it asks for no acknowledgements
	next int                 // slot

	mu   sync.Mutex
	sent map[int]bool // guarded by mu; slots of core messages
}

// collecting is a load on a cluster, and what is seen of the cluster meanwhile.
type collecting struct {
	c          *cluster
	oracle     *oracle
	collectors []*collector

	cancel context.CancelFunc
	done   sync.WaitGroup
	ended  atomic.Bool

	acked atomic.Int64
	mu    sync.Mutex
	// Guarded by mu.
	lastAck  time.Time
	gap      time.Duration // the longest time without an acknowledgement
	ready    [3]bool       // at the newest probes
	noneFrom time.Time     // since when no node is ready, zero: one is
	noReady  time.Duration // the longest such time
	failed   int           // queries that no node answered
}

// collect connects the collectors. They are spread over the nodes, and know all of them.
func (c *cluster) collect() *collecting {
	c.t.Helper()
	l := &collecting{c: c, oracle: newOracle()}
	for i := range collectors {
		k := &collector{host: fmt.Sprint("h", i), sent: map[int]bool{}}
		var err error
		k.nc, err = nats.Connect(c.urls(i), nats.DontRandomize(), nats.MaxReconnects(-1), nats.ReconnectWait(200*time.Millisecond),
			nats.PingInterval(2*time.Second), nats.MaxPingsOutstanding(2), nats.IgnoreAuthErrorAbort(),
			nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
		if err == nil && i%2 == 0 {
			k.js, err = jetstream.New(k.nc)
		}
		if err != nil {
			c.t.Fatal(err)
		}
		c.t.Cleanup(k.nc.Close)
		l.collectors = append(l.collectors, k)
	}
	return l
}

// begin lets the collectors send until end is called.
func (l *collecting) begin() {
	var ctx context.Context
	ctx, l.cancel = context.WithCancel(l.c.t.Context())
	l.gap, l.noReady, l.noneFrom, l.failed, l.lastAck = 0, 0, time.Time{}, 0, time.Now()
	l.ended.Store(false)
	for i, k := range l.collectors {
		l.done.Go(func() { l.run(ctx, k, time.Duration(i)*collectEvery/collectors) })
	}
	for i := range l.c.nodes {
		url := l.c.nodes[i].URL // which stays, when it is started anew
		l.done.Go(func() { l.probe(ctx, i, url) })
	}
}

// run sends until ctx ends, and then sees to it that what waits for an acknowledgement gets one.
func (l *collecting) run(ctx context.Context, k *collector, offset time.Duration) {
	tick := time.NewTicker(collectEvery)
	defer tick.Stop()
	time.Sleep(offset) // so that not all send at once
	for ctx.Err() == nil {
		samples := []sample{{k.next, float64(k.next)}}
		k.next++
		text := line(k.host, "cpu_load", samples[0].value, origin+60*int64(samples[0].slot))
		if k.js == nil {
			if k.nc.Publish(subject, []byte(text)) == nil {
				k.mu.Lock()
				k.sent[samples[0].slot] = true
				k.mu.Unlock()
			}
		} else {
			l.oracle.sent(k.host, samples)
			if l.publish(k, text) {
				l.oracle.acknowledged(k.host, samples)
			}
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
		}
	}
}

// publish sends until there is an acknowledgement.
func (l *collecting) publish(k *collector, text string) bool {
	for end := time.Now().Add(patience); time.Now().Before(end); {
		ctx, cancel := context.WithTimeout(context.Background(), resendUnacked)
		_, err := k.js.Publish(ctx, subject, []byte(text), jetstream.WithRetryAttempts(0))
		cancel()
		if err != nil {
			time.Sleep(probeEvery) // so that a closed connection is no busy loop
			continue
		}
		l.acked.Add(1)
		l.mu.Lock()
		defer l.mu.Unlock()
		if now := time.Now(); !l.ended.Load() {
			l.gap, l.lastAck = max(l.gap, now.Sub(l.lastAck)), now
		}
		return true
	}
	return false
}

// awaitAcked returns when so many more messages are acknowledged.
func (l *collecting) awaitAcked(more int64) {
	l.c.t.Helper()
	want := l.acked.Load() + more
	waitFor(l.c.t, "messages to be acknowledged", func() error {
		if got := l.acked.Load(); got < want {
			return fmt.Errorf("%d of %d are", got, want)
		}
		return nil
	})
}

// event is what a load saw while something happened to the cluster.
type event struct {
	name                     string
	acked                    int64 // messages; none of them is lost, or the test fails
	core, coreLost           int   // messages without acknowledgements
	gap, noReady, untilAlike time.Duration
	failed                   int
}

func (e event) String() string {
	return fmt.Sprintf("%-28s acknowledged %d; core %d, lost %d; no node ready %v; log stood still %v; alike after %v; queries failed at ready nodes %d",
		e.name, e.acked, e.core, e.coreLost, e.noReady.Round(10*time.Millisecond), e.gap.Round(10*time.Millisecond), e.untilAlike.Round(10*time.Millisecond), e.failed)
}

// connectTo connects to one node.
func connectTo(t *testing.T, n *node) *nats.Conn {
	t.Helper()
	nc, err := nats.Connect(strings.Replace(n.NATSURL, "://", "://store:secret@", 1), nats.MaxReconnects(-1))
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(nc.Close)
	return nc
}

// awaitSent returns when what was sent on a connection is in the log, or lost: what comes behind it
// is acknowledged.
func awaitSent(t *testing.T, nc *nats.Conn) {
	t.Helper()
	js, err := jetstream.New(nc)
	if err != nil {
		t.Fatal(err)
	}
	waitFor(t, "what was sent to be in the log", func() error {
		ctx, cancel := context.WithTimeout(t.Context(), resendUnacked)
		defer cancel()
		_, err := js.Publish(ctx, subject, []byte("# the end\n"), jetstream.WithRetryAttempts(0))
		return err
	})
}

// during lets the collectors send while do happens, and then compares the answers of all nodes
// with each other and with what was acknowledged. do returns when nothing more is wrong with the
// nodes.
func (l *collecting) during(t *testing.T, name string, do func()) event {
	t.Helper()
	l.begin()
	l.awaitAcked(2 * collectors)
	do()
	l.awaitAcked(2 * collectors)
	l.ended.Store(true)
	l.cancel()
	l.done.Wait()
	for _, k := range l.collectors {
		awaitSent(t, k.nc)
	}
	for _, n := range l.c.nodes { // some may hold what collectors sent that have left them
		awaitSent(t, connectTo(t, n))
	}
	begun := time.Now()
	l.awaitAlike(t)
	e := event{name: name, acked: l.acked.Swap(0), gap: l.gap, noReady: l.noReady, untilAlike: time.Since(begun), failed: l.failed}
	for _, n := range l.c.nodes {
		l.oracle.check(n)
	}
	e.core, e.coreLost = l.countCore(t)
	t.Log(e)
	return e
}

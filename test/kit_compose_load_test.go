package test

import (
	"context"
	"fmt"
	"math/rand/v2"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"cc-metric-store/test/testkit"
)

const (
	someWrites = 100 // messages that are acknowledged between two events
	// writePause is between two messages of a collector, so that it leaves the machine to the nodes.
	writePause = 20 * time.Millisecond
)

// composeLoad is collectors that write to the nodes of a project.
type composeLoad struct {
	*writing
	p       *composeProject
	options []nats.Option
}

// collect lets collectors write over NATS and over REST, to each node first, and to another
// one if that fails. Only new slots are written: a message that was taken by two nodes
// changes nothing.
func (p *composeProject) collect(options ...nats.Option) *composeLoad {
	p.t.Helper()
	options = append(options, nats.Timeout(2*time.Second), nats.PingInterval(2*time.Second), nats.DontRandomize(), nats.IgnoreAuthErrorAbort(),
		nats.ErrorHandler(func(*nats.Conn, *nats.Subscription, error) {}))
	r := testkit.Rand(p.t)
	var writers []*writer
	for i := range p.nodes {
		urls, nodes := "", []*node{}
		for j := range p.nodes {
			n := p.nodes[(i+j)%len(p.nodes)].node
			urls, nodes = urls+","+n.NATSURL, append(nodes, n)
		}
		natsSend, _ := overNATS(p.t, urls[1:], options...)
		for way, send := range []func(context.Context, string) error{overRESTToOneOf(nodes), natsSend} {
			host := fmt.Sprintf("w%d-%d", i, way)
			writers = append(writers, &writer{host: host, rnd: rand.New(rand.NewPCG(r.Uint64(), 0)), send: paused(send), fresh: true, firm: true})
		}
	}
	l := &composeLoad{newOracle().load(writers, -1, nil), p, options}
	l.begin(context.Background())
	p.t.Cleanup(l.cancel) // in spite of a failure
	return l
}

// paused is send with writePause behind it.
func paused(send func(context.Context, string) error) func(context.Context, string) error {
	return func(ctx context.Context, lines string) error {
		err := send(ctx, lines)
		select {
		case <-time.After(writePause):
		case <-ctx.Done():
		}
		return err
	}
}

// overRESTToOneOf returns a way to write over REST to the first node, and to the next one
// after each failure.
func overRESTToOneOf(nodes []*node) func(context.Context, string) error {
	at := 0
	return func(ctx context.Context, lines string) error {
		a, err := nodes[at].tryUntil(ctx, "POST", "/api/write?cluster=alex", lines)
		if err == nil && a.status != 200 {
			err = fmt.Errorf("%d %s", a.status, a.body)
		}
		if err != nil {
			at = (at + 1) % len(nodes)
		}
		return err
	}
}

// during tells what happens to the nodes, and how long it takes until they are whole again
// and writes are acknowledged.
func (l *composeLoad) during(t *testing.T, what string, do func()) {
	t.Helper()
	start, before := time.Now(), l.acked.Load()
	do()
	l.p.awaitWhole()
	l.awaitAcked(t, someWrites)
	t.Logf("%s: %d messages acknowledged, whole after %.1f s", what, l.acked.Load()-before, time.Since(start).Seconds())
}

// judge checks, when nobody writes, that all nodes have what was acknowledged and answer alike.
func (l *composeLoad) judge(t *testing.T) {
	t.Helper()
	for _, n := range l.p.nodes { // what is still on its way is before this
		awaitSent(t, connect(t, n.NATSURL, l.options...).nc)
		n.write(line("end", "cpu_load", 0, origin))
	}
	first := l.p.nodes[0]
	waitFor(t, "the nodes to be at the same entry of the log", func() error {
		for _, n := range l.p.nodes[1:] {
			if one, other := first.metric("log_watermark"), n.metric("log_watermark"); one != other {
				return fmt.Errorf("%s is at %v, %s at %v", first.service, one, n.service, other)
			}
		}
		return nil
	})
	for _, n := range l.p.nodes {
		l.oracle.check(n.node)
		l.oracle.wantSame(t, first.node, n.node)
	}
	if l.oracle.samples() < someWrites {
		t.Errorf("only %d samples were acknowledged", l.oracle.samples())
	}
	t.Logf("%d samples of %d messages are as they were acknowledged, at each node", l.oracle.samples(), l.acked.Load())
}

// sentHour is cells of a host that cc-metric-generator has sent.
type sentHour struct {
	series   hostMetric
	from, to int64
	cells    []*float64
}

// awaitSentHour waits for the last hour of a host and returns it.
func awaitSentHour(n *node) sentHour {
	n.t.Helper()
	to := time.Now().Unix() / 60 * 60
	g := sentHour{series: hostMetric{"alex", "a0603", "cpu_load"}, from: to - 3600, to: to}
	n.waitFor("what the generator sends of the last hour", func() error {
		g.cells = n.cells(g.series, g.from, g.to)
		if there := held(g.cells); there < 59 {
			return fmt.Errorf("%d minutes of it are there", there)
		}
		return nil
	})
	return g
}

// check tells whether the cells are as they were.
func (g sentHour) check(n *node) {
	n.t.Helper()
	now := n.cells(g.series, g.from, g.to)
	for i, want := range g.cells {
		if want != nil && (i >= len(now) || now[i] == nil || *now[i] != *want) {
			n.t.Errorf("minute %d of what the generator has sent is another one, or missing", i)
		}
	}
}

// held returns how many cells have a value.
func held(cells []*float64) (n int) {
	for _, cell := range cells {
		if cell != nil {
			n++
		}
	}
	return n
}

package ingest

import (
	"context"
	"sync"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// bridgeBacklog bounds the bytes that wait at each subscription while the
// embedded log is slow or takes nothing. What exceeds it is lost and counted.
const bridgeBacklog = 512 << 20

// bridge copies the messages of a broker without JetStream into the embedded
// log:
//
//	subscriptions -> arrived -> copier (one goroutine, in order) -> embedded log
type bridge struct {
	in       *Ingest
	log      *logStream
	source   *nats.Conn
	sourceJS jetstream.JetStream // to ask again whether there is one

	subscribed chan struct{} // closed when the broker has the subscriptions
	arrived    chan *nats.Msg

	delivering sync.WaitGroup // the client library's goroutine of each subscription

	mu   sync.Mutex
	subs []subscription // guarded by mu
}

type subscription struct {
	*nats.Subscription
	dropped int // how many messages were counted as dropped
}

func newBridge(in *Ingest, l *logStream, source *nats.Conn, sourceJS jetstream.JetStream) *bridge {
	return &bridge{
		in: in, log: l, source: source, sourceJS: sourceJS,
		subscribed: make(chan struct{}), arrived: make(chan *nats.Msg, 16),
	}
}

// run copies until ctx ends, and then what has arrived, for at most
// flushTimeout.
func (b *bridge) run(ctx context.Context) error {
	copying, stop := context.WithCancel(context.WithoutCancel(ctx))
	defer stop()
	c, err := newCopier(b)
	if err != nil {
		return err
	}
	var g sync.WaitGroup
	g.Go(func() { c.run(copying) })
	g.Go(func() { b.awaitJetStream(ctx) })
	for r := (retry{in: b.in, what: "subscribe at the broker"}); ; {
		err := b.subscribe(ctx, copying)
		if err == nil {
			close(b.subscribed)
			<-ctx.Done()
			break
		}
		b.unsubscribe()
		if r.wait(ctx, err) != nil {
			break
		}
	}
	late := time.AfterFunc(flushTimeout, stop)
	defer late.Stop()
	b.drain(copying)
	close(b.arrived)
	g.Wait()
	return nil
}

// subscribe hands over messages until copying ends.
func (b *bridge) subscribe(ctx, copying context.Context) error {
	for _, subject := range subjects(b.in.cfg.Subscriptions) {
		sub, err := b.source.Subscribe(subject, func(m *nats.Msg) {
			select {
			case b.arrived <- m:
			case <-copying.Done():
				b.in.counters.notBridged.Add(1)
			}
		})
		if err != nil {
			return err
		}
		b.delivering.Add(1)
		sub.SetClosedHandler(func(string) { b.delivering.Done() })
		b.mu.Lock()
		b.subs = append(b.subs, subscription{Subscription: sub})
		b.mu.Unlock()
		if err := sub.SetPendingLimits(-1, bridgeBacklog); err != nil {
			return err
		}
	}
	return withTimeout(ctx, b.source.FlushWithContext)
}

// drain ends the subscriptions when they have delivered what is there. It waits
// for the broker to end them until copying ends.
func (b *bridge) drain(copying context.Context) {
	b.countDropped()
	b.mu.Lock()
	for _, s := range b.subs {
		_ = s.Drain() // fails if the connection is closed, and with it all is done
	}
	b.mu.Unlock()
	abandon := context.AfterFunc(copying, func() {
		// Nobody waits for the copier any more: what is there is counted at once.
		if err := b.source.Barrier(b.unsubscribe); err != nil {
			b.unsubscribe()
		}
	})
	b.delivering.Wait()
	abandon()
}

// unsubscribe ends the subscriptions at once.
func (b *bridge) unsubscribe() {
	b.countDropped()
	b.mu.Lock()
	defer b.mu.Unlock()
	for _, s := range b.subs {
		_ = s.Unsubscribe()
	}
	b.subs = nil
}

// countDropped counts what did not fit into the backlog.
func (b *bridge) countDropped() {
	b.mu.Lock()
	defer b.mu.Unlock()
	for i, s := range b.subs {
		if n, err := s.Dropped(); err == nil {
			b.in.counters.notBridged.Add(int64(n - s.dropped))
			b.subs[i].dropped = n
		}
	}
}

// awaitJetStream warns once if the broker has JetStream after all.
func (b *bridge) awaitJetStream(ctx context.Context) {
	tick := time.NewTicker(b.in.cfg.pace.ask)
	defer tick.Stop()
	for {
		select {
		case <-ctx.Done():
			return
		case <-tick.C:
		}
		if b.source.IsConnected() && askForJetStream(ctx, b.sourceJS) == nil {
			b.in.log.Warn("the broker has JetStream now: a restart of this program puts the log there; "+
				"what the embedded log holds stays behind in its directory and is not in the answers then",
				"address", b.in.cfg.Broker.URL)
			return
		}
	}
}

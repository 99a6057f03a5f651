package ingest

import (
	"context"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

const (
	// Messages that arrived and are not in the embedded log yet, by bytes.
	bridgeBacklog = 512 << 20
	bridgePending = 1024
	bridgeWait    = 30 * time.Second
)

// bridge copies the messages of a broker without JetStream into the embedded
// log.
type bridge struct {
	in     *Ingest
	log    *logStream
	source *nats.Conn

	subscribed chan struct{} // closed when the broker has the subscriptions
}

func newBridge(in *Ingest, l *logStream, source *nats.Conn) *bridge {
	return &bridge{in: in, log: l, source: source, subscribed: make(chan struct{})}
}

// run copies until ctx ends.
func (b *bridge) run(ctx context.Context) {
	for r := (retry{in: b.in, what: "subscribe at the broker"}); ; {
		err := b.subscribe(ctx)
		if err == nil || r.wait(ctx, err) != nil {
			return
		}
	}
}

func (b *bridge) subscribe(ctx context.Context) error {
	js, err := jetstream.New(b.log.nc,
		jetstream.WithPublishAsyncMaxPending(bridgePending),
		jetstream.WithPublishAsyncErrHandler(func(_ jetstream.JetStream, m *nats.Msg, err error) {
			b.failed(m.Subject, len(m.Data), err)
		}))
	if err != nil {
		return err
	}
	var subs []*nats.Subscription
	defer func() {
		for _, s := range subs {
			_ = s.Unsubscribe()
		}
		wait, cancel := context.WithTimeout(context.WithoutCancel(ctx), flushTimeout)
		defer cancel()
		select {
		case <-js.PublishAsyncComplete():
		case <-wait.Done():
		}
		js.CleanupPublisher()
	}()
	for _, subject := range subjects(b.in.cfg.Subscriptions) {
		sub, err := b.source.Subscribe(subject, func(m *nats.Msg) { b.copy(js, m) })
		if err != nil {
			return err
		}
		subs = append(subs, sub)
		if err := sub.SetPendingLimits(-1, bridgeBacklog); err != nil {
			return err
		}
	}
	if err := withTimeout(ctx, b.source.FlushWithContext); err != nil {
		return err
	}
	close(b.subscribed)
	<-ctx.Done()
	return nil
}

// copy appends a message to the log. It waits while too many are on the way;
// the backlog at the subscription then grows.
func (b *bridge) copy(js jetstream.JetStream, m *nats.Msg) {
	for _, part := range split(m.Data, int(b.log.nc.MaxPayload())) {
		if _, err := js.PublishAsync(m.Subject, part, jetstream.WithStallWait(bridgeWait)); err != nil {
			b.failed(m.Subject, len(m.Data), err)
			return
		}
	}
	b.in.counters.bridged.Add(1)
}

func (b *bridge) failed(subject string, size int, err error) {
	if b.in.counters.notBridged.Add(1) == 1 {
		b.in.log.Error("the embedded log did not take a message of the broker (further ones are counted)",
			"subject", subject, "bytes", size, "error", err)
	}
}

// split cuts a message that is larger than the log takes at the ends of lines.
func split(data []byte, limit int) [][]byte {
	var parts [][]byte
	for len(data) > limit {
		cut := lastLine(data[:limit])
		if cut == 0 { // one line longer than any that is read
			cut = limit
		}
		parts = append(parts, data[:cut])
		data = data[cut:]
	}
	return append(parts, data)
}

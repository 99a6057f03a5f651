package ingest

import (
	"context"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// BenchmarkReplay reads a log of 200 hosts and 100 ticks into an empty store: what
// a start without a checkpoint takes, without the recovery of the server.
func BenchmarkReplay(b *testing.B) {
	ns, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: b.TempDir(), MaxPayload: 16 << 20, MaxPending: 256 << 20,
	})
	if err != nil {
		b.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(patience) {
		b.Fatal("nats-server does not start")
	}
	b.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		b.Fatal(err)
	}
	const ticks = 100
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{
		Name: "CC_METRICS", Subjects: []string{"hpc-nats"}, Compression: jetstream.S2Compression,
	}); err != nil {
		b.Fatal(err)
	}
	for _, m := range benchMessages(ticks) {
		if _, err := js.PublishAsync("hpc-nats", m, jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	<-js.PublishAsyncComplete()
	m := startMeter(b)
	for range b.N {
		s, err := store.New(store.Config{Metrics: benchMetrics()})
		if err != nil {
			b.Fatal(err)
		}
		in, err := New(Config{Embedded: embed(ns), Subscriptions: []Subscription{{Subject: "hpc-nats"}}, Stream: Stream{Compression: true}}, s)
		if err != nil {
			b.Fatal(err)
		}
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- in.Run(ctx, store.Restored{}) }()
		await(b, func() bool { return in.Ready() == nil })
		cancel()
		if err := <-done; err != nil {
			b.Fatal(err)
		}
	}
	m.samples = b.N * ticks * benchHosts * seriesPerHost
	m.report()
}

package ingest

import (
	"bytes"
	"context"
	"errors"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// benchServer starts an embedded server that syncs each entry.
func benchServer(b *testing.B) *server.Server {
	b.Helper()
	return serve(b, server.Options{
		DontListen: true, JetStream: true, StoreDir: b.TempDir(), MaxPayload: 16 << 20,
		SyncAlways: true, StreamMaxBufferedSize: 2 << 30, MaxPending: 256 << 20,
	})
}

// benchNode runs an Ingest over a server, with an empty store, and returns when it
// is ready.
func benchNode(b *testing.B, ns *server.Server) (in *Ingest, stop func()) {
	b.Helper()
	s, err := store.New(store.Config{Metrics: benchMetrics()})
	if err != nil {
		b.Fatal(err)
	}
	in, err = New(Config{Embedded: embed(ns), Subscriptions: []Subscription{{Subject: "hpc-nats"}}, Stream: Stream{Compression: true}}, s)
	if err != nil {
		b.Fatal(err)
	}
	endRun, endIntake := runBoth(in, store.Restored{})
	stop = sync.OnceFunc(func() {
		if err := errors.Join(endRun(), endIntake()); err != nil {
			b.Error(err)
		}
	})
	b.Cleanup(stop)
	await(b, func() bool { return in.Ready() == nil })
	return in, stop
}

// benchPublisher returns a connection for acknowledged messages.
func benchPublisher(b *testing.B, ns *server.Server) jetstream.JetStream {
	b.Helper()
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		b.Fatal(err)
	}
	return js
}

func await(b *testing.B, condition func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			b.Fatal("waited in vain")
		}
	}
}

const benchHosts = 200

// benchMessages renders ticks of 200 hosts.
func benchMessages(ticks int) [][]byte {
	messages := make([][]byte, ticks*benchHosts)
	for i := range messages {
		messages[i] = testkit.AppendMessage(nil, i%benchHosts, i/benchHosts)
	}
	return messages
}

// BenchmarkNATSToVisible publishes acknowledged messages and waits until the
// last one is in the store: publisher, embedded server with every entry synced
// before it is acknowledged, and ingest in one process. The hosts are known; their 16 ticks come
// again and again.
func BenchmarkNATSToVisible(b *testing.B) {
	ns := benchServer(b)
	in, _ := benchNode(b, ns)
	js := benchPublisher(b, ns)
	messages := benchMessages(16)
	sent := int64(0)
	publish := func(n int) {
		for range n {
			if _, err := js.PublishAsync("hpc-nats", messages[sent%int64(len(messages))], jetstream.WithStallWait(time.Minute)); err != nil {
				b.Fatal(err)
			}
			sent++
		}
		await(b, func() bool { return in.Stats().Samples == sent*testkit.SeriesPerHost })
	}
	publish(benchHosts)
	m := testkit.StartMeter(b)
	publish(b.N)
	m.Samples = b.N * testkit.SeriesPerHost
	m.Report()
}

// BenchmarkWriteToVisible writes bodies of eight hosts as REST does, one after
// the other.
func BenchmarkWriteToVisible(b *testing.B) {
	in, _ := benchNode(b, benchServer(b))
	const perBody = 8
	messages := benchMessages(16)
	bodies := make([][]byte, len(messages)/perBody)
	for i := range bodies {
		bodies[i] = bytes.Join(messages[i*perBody:(i+1)*perBody], nil)
	}
	m := testkit.StartMeter(b)
	for i := range b.N {
		body := bodies[i%len(bodies)]
		if err := in.Write(context.Background(), "", bytes.NewReader(body)); err != nil {
			b.Fatal(err)
		}
	}
	m.Samples = b.N * perBody * testkit.SeriesPerHost
	m.Report()
}

package ingest

import (
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/test/testkit"
)

// BenchmarkReplay reads a log of 200 hosts and 100 ticks into an empty store: what
// a start without a checkpoint takes, without the recovery of the server. The log
// is that of an embedded server, or as plain publishers make one on a broker.
func BenchmarkReplay(b *testing.B) {
	const ticks = 100
	publish := func(b *testing.B, js jetstream.JetStream) {
		for _, m := range benchMessages(ticks) {
			if _, err := js.PublishAsync("hpc-nats", m, jetstream.WithStallWait(time.Minute)); err != nil {
				b.Fatal(err)
			}
		}
		<-js.PublishAsyncComplete()
	}
	for _, log := range []string{"embedded", "captured"} {
		b.Run(log, func(b *testing.B) {
			ns := benchServer(b)
			js := benchPublisher(b, ns)
			if log == "captured" {
				if _, err := js.CreateStream(b.Context(), jetstream.StreamConfig{
					Name: "CC_METRICS", Subjects: []string{"hpc-nats"}, Compression: jetstream.S2Compression,
				}); err != nil {
					b.Fatal(err)
				}
				publish(b, js)
			} else {
				_, stop := benchNode(b, ns)
				publish(b, js)
				stop()
			}
			m := testkit.StartMeter(b)
			for range b.N {
				_, stop := benchNode(b, ns)
				stop()
			}
			m.Samples = b.N * ticks * benchHosts * testkit.SeriesPerHost
			m.Report()
		})
	}
}

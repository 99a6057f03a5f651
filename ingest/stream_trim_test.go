package ingest

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// TestRelease: the embedded log drops what it may, if the configuration says so
// and the entry is one of the log that is being read.
func TestRelease(t *testing.T) {
	fill := func(js jetstream.JetStream) {
		for i := range 9 {
			publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base))
		}
	}
	first := func(js jetstream.JetStream) uint64 {
		stream, err := js.Stream(t.Context(), "CC_METRICS")
		if err != nil {
			t.Fatal(err)
		}
		return stream.CachedInfo().State.FirstSeq
	}
	for _, test := range []struct {
		name           string
		external, keep bool
		change         func(*store.LogPosition)
		want           uint64
	}{
		{name: "embedded", want: 6},
		{name: "external", external: true, want: 1},
		{name: "not to be trimmed", keep: true, want: 1},
		{name: "another stream", change: func(p *store.LogPosition) { p.Created = p.Created.Add(1) }, want: 1},
		{name: "numbers that started over", change: func(p *store.LogPosition) { p.Entry.Epoch-- }, want: 1},
		{name: "the first entry", change: func(p *store.LogPosition) { p.Entry.Seq = 0 }, want: 1},
	} {
		t.Run(test.name, func(t *testing.T) {
			ns := broker(t, t.TempDir(), true, -1)
			cfg := Config{Embedded: embed(ns), Stream: Stream{Trim: !test.keep}}
			if test.external {
				cfg.Embedded, cfg.Broker.URL = cannotEmbed, ns.ClientURL()
			}
			n := run(t, newTestStore(t), cfg)
			js := connectTo(t, ns)
			eventually(t, "ready", func() bool { return n.Ready() == nil })
			fill(js)
			eventually(t, "all entries", func() bool { return n.Stats().Watermark == 9 })
			p, _ := n.Applied()
			p.Entry.Seq = 6
			if test.change != nil {
				test.change(&p)
			}
			n.Release(t.Context(), p)
			if got := first(js); got != test.want {
				t.Errorf("the log begins with entry %d, want %d", got, test.want)
			}
		})
	}
}

package ingest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// TestLostTailAtTheStart loads a checkpoint of entries that the stream does not
// hold any more. The next checkpoint must not wait for them: nothing else may ever
// come.
func TestLostTailAtTheStart(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	js := connectTo(t, ns)
	created := createLog(t, js, "hpc-nats").CachedInfo().Created
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=1 %d\n", base))
	at := func(n uint64) store.LogPosition {
		stream, err := js.Stream(t.Context(), "CC_METRICS")
		if err != nil {
			t.Fatal(err)
		}
		m, err := stream.GetMsg(t.Context(), 1)
		if err != nil {
			t.Fatal(err)
		}
		return store.LogPosition{Entry: store.Entry{Epoch: 1, Seq: n}, Stream: "CC_METRICS", Created: created, At: m.Time}
	}
	for _, tt := range []struct {
		name    string
		from    store.Restored
		entry   uint64
		samples int64
	}{
		{"head", store.Restored{From: at(1), HighWater: at(5)}, 1, 0},
		{"position", store.Restored{From: at(4), HighWater: at(5)}, 1, 1}, // read anew
	} {
		t.Run(tt.name, func(t *testing.T) {
			n := runFrom(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}}, tt.from)
			eventually(t, "ready", func() bool { return n.Ready() == nil })
			ctx, cancel := context.WithTimeout(t.Context(), 5*time.Second)
			defer cancel()
			if err := n.Await(ctx, tt.from.HighWater.Entry); err != nil {
				t.Error(err)
			}
			p, _ := n.Applied()
			if p.Entry != (store.Entry{Epoch: 2, Seq: tt.entry}) || !p.Created.Equal(created) || !p.At.Equal(tt.from.From.At) {
				t.Errorf("applied %+v", p)
			}
			if s := n.Stats(); int64(s.Samples) != tt.samples {
				t.Errorf("%d samples", s.Samples)
			}
		})
	}
}

// TestHoleAfterACheckpoint loads one whose next entries the stream has dropped:
// it is said how many, and of when they were.
func TestHoleAfterACheckpoint(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	js := connectTo(t, ns)
	stream := createLog(t, js, "hpc-nats")
	var times []time.Time
	for i := range 5 {
		seq := publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=1 %d\n", base+60*i))
		m, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		times = append(times, m.Time)
	}
	if err := stream.Purge(t.Context(), jetstream.WithPurgeSequence(4)); err != nil {
		t.Fatal(err)
	}
	at := store.LogPosition{Entry: store.Entry{Epoch: 1, Seq: 1}, Stream: "CC_METRICS", Created: stream.CachedInfo().Created, At: times[0]}
	n := runFrom(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}}, store.Restored{From: at, HighWater: at})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	const form = "2006-01-02T15:04:05.000Z"
	if want := "missing=2 from=" + times[0].UTC().Format(form) + " to=" + times[3].UTC().Format(form); !strings.Contains(n.log.String(), want) {
		t.Errorf("not said: %s", want)
	}
	if s := n.Stats(); s.Samples != 2 {
		t.Errorf("%d samples, want those of the entries that are there", s.Samples)
	}
}

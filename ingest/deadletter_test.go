package ingest

import (
	"cc-metric-store/ingest/lineproto"
	"context"
	"strings"
	"testing"
)

func TestDeadLettersBeyondTheFirstAreCounted(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	seq := publish(t, js, "hpc-nats", strings.Repeat("bad\n", lineproto.MaxFaults+4)+"no_such,hostname=h value=1\n")
	eventually(t, "watermark", func() bool { return n.Stats().Watermark == seq })
	if lost := n.Stats().LostDeadLetters; lost != 4 {
		t.Errorf("%d lost, want 4", lost)
	}
}

// TestDeadLettersOfANewStream makes the stream anew: the position of an earlier
// run is not read again, as letters are being put meanwhile.
func TestDeadLettersOfANewStream(t *testing.T) {
	ctx := context.Background()
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	letters := func(want uint64) func() bool {
		return func() bool {
			s, err := js.Stream(ctx, "CC_METRICS_BAD")
			return err == nil && s.CachedInfo().State.Msgs == want
		}
	}
	publish(t, js, "hpc-nats", "bad\n")
	eventually(t, "a letter", letters(1))
	if err := js.DeleteStream(ctx, "CC_METRICS"); err != nil {
		t.Fatal(err)
	}
	eventually(t, "a new stream", func() bool {
		_, err := js.Stream(ctx, "CC_METRICS")
		return err == nil
	})
	publish(t, js, "hpc-nats", "bad\n")
	eventually(t, "its letter", letters(2))
	l, _, _ := n.state.current()
	n.stop()
	if l.dead.created != "" || l.dead.until != 0 {
		t.Errorf("the position became %s.%d", l.dead.created, l.dead.until)
	}
}

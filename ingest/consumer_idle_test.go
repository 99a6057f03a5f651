package ingest

import (
	"fmt"
	"testing"
	"time"
)

// TestPausedConsumer: somebody who may use the server pauses the consumer. The server still
// says that it is alive, and sends nothing; the consumer is reset.
func TestPausedConsumer(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"embedded", "broker"} {
		t.Run(where, func(t *testing.T) {
			t.Parallel()
			ns := broker(t, t.TempDir(), true, -1)
			cfg := Config{Embedded: embed(ns)}
			if where == "broker" {
				cfg = Config{Broker: Broker{URL: ns.ClientURL()}}
			}
			n := run(t, newTestStore(t), cfg)
			eventually(t, "ready", func() bool { return n.Ready() == nil })
			js := connectTo(t, ns)
			stream, err := js.Stream(t.Context(), "CC_METRICS")
			if err != nil {
				t.Fatal(err)
			}
			var consumer string
			eventually(t, "a consumer", func() bool {
				for name := range stream.ConsumerNames(t.Context()).Name() {
					consumer = name
				}
				return consumer != ""
			})
			if _, err := stream.PauseConsumer(t.Context(), consumer, time.Now().Add(time.Hour)); err != nil {
				t.Fatal(err)
			}
			for i := range 3 {
				publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%d %d", i, base))
			}
			eventually(t, "what was sent meanwhile", func() bool { return value(t, n.store, "dc", "h", "cpu_load", base) == 2 })
			if s := n.Stats(); s.SteppedOver != 0 || s.Skipped != 0 {
				t.Errorf("%d entries were stepped over, %d skipped", s.SteppedOver, s.Skipped)
			}
		})
	}
}

package ingest

import (
	"testing"
	"time"

	"cc-metric-store/store"
)

// TestLinesWithoutANumberAreSaidOnce: collectors send them for ever.
func TestLinesWithoutANumberAreSaidOnce(t *testing.T) {
	r := newReporter(t, store.Config{AnyMetric: &store.MetricConfig{Frequency: 60}})
	const lines = "topproc1,hostname=h7 value=\"x\" 17\nfailed,hostname=h7 value=true 17\n"
	r.entry(lines, "fritz")
	r.want("level=WARN", "hold no number", "lines=2", `first="topproc1,hostname=h7`, "from=hpc-nats", "cluster=fritz", "host=h7", "line=1")
	for range 3 {
		r.now = r.now.Add(2 * time.Minute)
		r.entry(lines, "fritz")
		r.want()
	}
	if n := r.in.Stats().NotStored["no-number"]; n != 8 {
		t.Errorf("%d lines are counted", n)
	}
}

package ingest

import (
	"context"
	"fmt"
	"math"
	"strings"
	"testing"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

func TestAppliesTheLogAndReplaysIt(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,cluster=c,hostname=h value=1 %d\ncpu_load,hostname=h value=2 %d\n", base, base))
	seq := publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,cluster=c,hostname=h value=3 %d\nbad\n", base+1))
	eventually(t, "watermark", func() bool { return n.Stats().Watermark == seq })
	check := func(s *store.Store) {
		t.Helper()
		if v := value(t, s, "c", "h", "cpu_load", base); v != 3 {
			t.Errorf("tagged line: %v", v)
		}
		if v := value(t, s, "dc", "h", "cpu_load", base); v != 2 {
			t.Errorf("line with the subscription's cluster: %v", v)
		}
	}
	check(n.store)
	st := n.Stats()
	if st.Entries != 2 || st.Lines != 4 || st.Samples != 3 || st.NotStored["syntax"] != 1 || st.LagEntries != 0 || !st.Connected {
		t.Errorf("stats %+v", st)
	}
	n.stop()

	again := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return again.Ready() == nil })
	check(again.store)
}

func TestMissingTimeIsTheEntrysTime(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	seq := publish(t, js, "hpc-nats", "cpu_load,hostname=h value=1\n")
	eventually(t, "watermark", func() bool { return n.Stats().Watermark == seq })
	stream, err := js.Stream(context.Background(), "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	m, err := stream.GetMsg(context.Background(), seq)
	if err != nil {
		t.Fatal(err)
	}
	if v := value(t, n.store, "dc", "h", "cpu_load", m.Time.Unix()); v != 1 {
		t.Errorf("value at the entry's time: %v", v)
	}
}

// TestParallelPipelineKeepsTheOrder sends entries of many hosts in random
// mixtures through many workers; the result has to be that of one worker.
func TestParallelPipelineKeepsTheOrder(t *testing.T) {
	rnd := testkit.Rand(t)
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns), Workers: 7})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)

	const hosts = 20
	last := map[int]int{}
	var seq uint64
	for i := range 2000 {
		if rnd.IntN(100) == 0 { // a free request between, which all hosts see in its place
			<-js.PublishAsyncComplete() // it does not go by way of the intake, and could come before these
			seq = publish(t, js, "CC_METRICS.free", fmt.Sprintf(`{"selectors":[[]],"before":%d}`, base+1000))
			clear(last)
			continue
		}
		var b strings.Builder
		for range 1 + rnd.IntN(30) {
			h, v := rnd.IntN(hosts), rnd.IntN(1e9)
			fmt.Fprintf(&b, "cpu_load,cluster=c,hostname=h%d value=%d %d\n", h, v, base)
			last[h] = v
		}
		if _, err := js.PublishAsync("hpc-nats", []byte(b.String())); err != nil {
			t.Fatalf("entry %d: %v", i, err)
		}
	}
	<-js.PublishAsyncComplete()
	seq = publish(t, js, "hpc-nats", "")
	eventually(t, "watermark", func() bool { return n.Stats().Watermark == seq })
	for h := range hosts {
		want, ok := last[h]
		got := value(t, n.store, "c", fmt.Sprintf("h%d", h), "cpu_load", base)
		if ok && got != float64(want) || !ok && !math.IsNaN(got) {
			t.Errorf("host %d: %v, want %v (%v)", h, got, want, ok)
		}
	}
}

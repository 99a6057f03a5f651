package ingest

import (
	"strings"
	"testing"

	"github.com/nats-io/nats.go/jetstream"
)

// TestFormerStreams: what the embedded server took with another configuration is named,
// and what is somebody else's is not.
func TestFormerStreams(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	js := connectTo(t, ns)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns), Stream: Stream{Name: "FORMER"}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	publish(t, js, "hpc-nats", "cpu_load,hostname=h value=1 1700000000")
	n.stop()
	for _, c := range []jetstream.StreamConfig{
		{Name: "EMPTY", Subjects: []string{"empty"}, Description: logDescription},
		{Name: "THEIRS", Subjects: []string{"theirs"}},
		{Name: "CC_METRICS_OUTBOX", Subjects: []string{"outbox"}, Description: outboxDescription},
	} {
		if _, err := js.CreateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
	}
	publish(t, js, "theirs", "x")
	publish(t, js, "outbox", "cpu_load,hostname=h value=2 1700000000")
	n = run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	log := n.log.String()
	for _, said := range []string{"stream=FORMER entries=1", "stream=CC_METRICS_OUTBOX log=CC_METRICS entries=1"} {
		if strings.Count(log, said) != 1 {
			t.Errorf("it is not said once: %s", said)
		}
	}
	for _, name := range []string{"EMPTY", "THEIRS"} {
		if strings.Contains(log, name) {
			t.Errorf("stream %s is named", name)
		}
	}
	n.stop()
	n = run(t, newTestStore(t), Config{Embedded: embed(ns), Stream: Stream{Name: "FORMER"}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	if strings.Contains(n.log.String(), "stream=FORMER entries") {
		t.Error("the log itself is said not to be read")
	}
}

// TestNoCheckpointOfATrimmedLog: the directory of the checkpoints is empty, as its disk
// is not mounted, say; the log has dropped what they held.
func TestNoCheckpointOfATrimmedLog(t *testing.T) {
	const said = "no checkpoint was loaded"
	ns := broker(t, t.TempDir(), true, -1)
	js := connectTo(t, ns)
	cfg := Config{Embedded: embed(ns), Stream: Stream{Trim: true}}
	n := run(t, newTestStore(t), cfg)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	for range 3 {
		publish(t, js, "hpc-nats", "cpu_load,hostname=h value=1 1700000000")
	}
	eventually(t, "three entries", func() bool { return n.Stats().Watermark == 3 })
	from, _ := n.Applied()
	n.Release(t.Context(), from)
	n.stop()
	if strings.Contains(n.log.String(), said) {
		t.Error("it is said of a new log")
	}
	n = run(t, newTestStore(t), cfg)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	if log := n.log.String(); strings.Count(log, said) != 1 || n.Stats().Skipped != 2 {
		t.Errorf("%d entries are said to be missing, of 2", n.Stats().Skipped)
	}
}

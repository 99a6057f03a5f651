package ingest

import (
	"context"
	"errors"
	"slices"
	"strings"
	"testing"

	"cc-metric-store/ingest/lineproto"
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
	if l.dead.lastCreated != "" || l.dead.lastSeq != 0 {
		t.Errorf("the position became %s.%d", l.dead.lastCreated, l.dead.lastSeq)
	}
}

func TestDeadLetters(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	js := connectTo(t, ns)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	letters := func() uint64 {
		stream, err := js.Stream(context.Background(), "CC_METRICS_BAD")
		if err != nil {
			return 0
		}
		return stream.CachedInfo().State.Msgs
	}
	publish(t, js, "hpc-nats", "no line protocol\ncpu_load,hostname=h value=true 1\nno_such value=1\ncpu_load,hostname=../h value=1\n")
	eventually(t, "three dead letters", func() bool { return letters() == 3 })
	stream, _ := js.Stream(context.Background(), "CC_METRICS_BAD")
	m, err := stream.GetLastMsgForSubject(context.Background(), "CC_METRICS.bad.value")
	if err != nil {
		t.Fatal(err)
	}
	if string(m.Data) != "cpu_load,hostname=h value=true 1" || !strings.Contains(m.Header.Get(headerReason), "bool") ||
		m.Header.Get(headerSubject) != "hpc-nats" || !strings.HasSuffix(m.Header.Get(headerEntry), ".1.2") {
		t.Errorf("dead letter %q with %v", m.Data, m.Header)
	}
	n.stop()

	// A replay does not repeat them; what is new comes after.
	again := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return again.Ready() == nil })
	publish(t, js, "hpc-nats", "another fault\n")
	eventually(t, "the fourth", func() bool { return letters() >= 4 })
	if got := letters(); got != 4 {
		t.Errorf("%d dead letters", got)
	}
}

// TestRecentRefused reads the newest letters, those that came since, and those of an earlier run.
func TestRecentRefused(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	js := connectTo(t, ns)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	recent := func(n *node, want int) []RefusedLine {
		t.Helper()
		var lines []RefusedLine
		eventually(t, "the lines", func() bool {
			var err error
			lines, err = n.RecentRefused(t.Context())
			return err == nil && len(lines) == want
		})
		return lines
	}
	recent(n, 0)
	publish(t, js, "hpc-nats", "cpu_load,hostname=h1,cluster=fritz value=true 1\n")
	one := recent(n, 1)[0]
	if one.Reason != "value" || one.From != "hpc-nats" || one.Host != "h1" || one.Cluster != "fritz" ||
		one.Text != "cpu_load,hostname=h1,cluster=fritz value=true 1" || !strings.Contains(one.Detail, "bool") || one.At.IsZero() {
		t.Errorf("%+v", one)
	}
	publish(t, js, "hpc-nats", "no line protocol\n"+strings.Repeat("x", 3000)+"\n")
	lines := recent(n, 3)
	if len(lines[0].Text) != recentText || lines[1].Text != "no line protocol" || lines[2] != one {
		t.Errorf("%+v", lines)
	}
	if err := n.Write(t.Context(), "", strings.NewReader("bad \xff\n")); err == nil {
		t.Error("a bad line is written")
	}
	if got := recent(n, 4)[0]; got.From != "/api/write" || got.Text != "bad \uFFFD" {
		t.Errorf("%+v", got)
	}
	for range 10 {
		publish(t, js, "hpc-nats", strings.Repeat("bad\n", 10))
	}
	eventually(t, "those of the last entries alone", func() bool {
		lines, err := n.RecentRefused(t.Context())
		return err == nil && len(lines) == recentLetters && !slices.ContainsFunc(lines, func(l RefusedLine) bool { return l.Text != "bad" })
	})
	n.stop()
	if _, err := n.RecentRefused(t.Context()); err == nil {
		t.Error("lines without a log")
	}
	again := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return again.Ready() == nil })
	recent(again, recentLetters)
	// What was deleted is passed over, and a stream that begins anew is read anew.
	stream, err := js.Stream(t.Context(), "CC_METRICS_BAD")
	if err == nil {
		err = errors.Join(stream.DeleteMsg(t.Context(), 100), stream.Purge(t.Context()))
	}
	if err != nil {
		t.Fatal(err)
	}
	recent(again, 0)
	publish(t, js, "hpc-nats", "bad\n")
	recent(again, 1)
}

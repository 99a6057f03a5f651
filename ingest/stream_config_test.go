package ingest

import (
	"context"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/embedded"
)

func streamConfigOf(t *testing.T, js jetstream.JetStream) jetstream.StreamConfig {
	t.Helper()
	s, err := js.Stream(context.Background(), "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().Config
}

func TestMaxAgeBelowTheDuplicatesWindow(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	for _, age := range []time.Duration{time.Hour, time.Minute, time.Hour} {
		n := run(t, newTestStore(t), Config{Embedded: embed(ns), Stream: Stream{MaxAge: age}})
		eventually(t, "ready with "+age.String(), func() bool { return n.Ready() == nil })
		if c := streamConfigOf(t, connectTo(t, ns)); c.MaxAge != age || c.Duplicates != min(age, 2*time.Minute) {
			t.Errorf("max age %v, duplicates %v", c.MaxAge, c.Duplicates)
		}
		n.stop()
	}
}

// lossy returns a stream that loses entries in each way that a setting can.
func lossy() jetstream.StreamConfig {
	return jetstream.StreamConfig{
		Name: "CC_METRICS", Subjects: []string{"hpc-nats"}, Storage: jetstream.FileStorage,
		MaxMsgs: 10, MaxMsgsPerSubject: 5, MaxMsgSize: 1000, Discard: jetstream.DiscardNew, NoAck: true,
	}
}

func TestSettingsThatLoseData(t *testing.T) {
	ctx := context.Background()
	ns := broker(t, t.TempDir(), true, -1)
	if _, err := connectTo(t, ns).CreateStream(ctx, lossy()); err != nil {
		t.Fatal(err)
	}
	external := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
	eventually(t, "ready", func() bool { return external.Ready() == nil })
	for _, want := range []string{"max messages 10", "per subject 5", "message size 1000", "discard policy new", "no acknowledgements"} {
		if !strings.Contains(external.log.String(), want) {
			t.Errorf("no word about: %s", want)
		}
	}
	external.stop()

	ours := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return ours.Ready() == nil })
	if d := losses(streamConfigOf(t, connectTo(t, ns))); len(d) > 0 {
		t.Errorf("the embedded log keeps %v", d)
	}
}

// TestALogThatCapturedTheMetrics is one of a time when the embedded server had no
// intake: its entries stay, and what is sent now is in it once.
func TestALogThatCapturedTheMetrics(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	js := connectTo(t, ns)
	if _, err := js.CreateStream(t.Context(), jetstream.StreamConfig{Name: "CC_METRICS", Subjects: []string{"hpc-nats", "old.>", "CC_METRICS.*"}}); err != nil {
		t.Fatal(err)
	}
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=old value=1 %d\n", base))
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	if v := value(t, n.store, "dc", "old", "cpu_load", base); v != 1 {
		t.Errorf("value %v", v)
	}
	if got := strings.Join(streamConfigOf(t, js).Subjects, " "); got != "CC_METRICS.write CC_METRICS.free CC_METRICS.outbox.*" {
		t.Errorf("subjects %s", got)
	}
	if seq := publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=new value=2 %d\n", base)); seq != 2 {
		t.Errorf("the next message has the number %d", seq)
	}
	eventually(t, "the next message", func() bool { return n.Stats().Watermark == 2 })
	if v := value(t, n.store, "dc", "new", "cpu_load", base); v != 2 || n.Stats().Entries != 2 {
		t.Errorf("value %v of %d entries", v, n.Stats().Entries)
	}
}

// TestAFullEmbeddedStoreDropsTheOldest: and a later, smaller bound is kept, too.
func TestAFullEmbeddedStoreDropsTheOldest(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for i, test := range []struct{ maxStore, maxBytes int64 }{{72 << 20, 0}, {64 << 20, 0}, {64 << 20, 96 << 20}} {
		server, err := embedded.New(embedded.Config{Directory: dir, MaxStore: test.maxStore, SyncInterval: time.Minute})
		if err != nil {
			t.Fatal(err)
		}
		if err := server.Start(context.Background()); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(server.Stop)
		n := run(t, newTestStore(t), Config{
			Embedded: func(context.Context) (InProcess, error) { return server, nil },
			Stream:   Stream{MaxBytes: test.maxBytes},
		})
		eventually(t, "ready", func() bool { return n.Ready() == nil })
		body := fmt.Sprintf("cpu_load,hostname=h value=%d %d\n%s", i, base, strings.Repeat("#"+strings.Repeat(" ", 1000)+"\n", 60<<10))
		w := newWrite(n.Ingest, "c")
		w.budget = budget{left: patience, whole: patience}
		if err := w.run(context.Background(), strings.NewReader(body)); err != nil {
			t.Errorf("a write of more than the store holds: %v", err)
		}
		if v := value(t, n.store, "c", "h", "cpu_load", base); v != float64(i) {
			t.Errorf("value %v, want %d", v, i)
		}
		js := connectInProcess(t, server)
		stream, err := js.Stream(context.Background(), "CC_METRICS")
		if err != nil {
			t.Fatal(err)
		}
		if state := stream.CachedInfo().State; int64(state.Bytes) > test.maxStore-deadLetterMaxSize {
			t.Errorf("%d bytes are in the log, with a store of %d", state.Bytes, test.maxStore)
		}
		n.stop()
		js.Conn().Close()
		server.Stop()
	}
}

func TestAutomaticBoundIsLeftAloneWhileItFits(t *testing.T) {
	l := &logStream{embedded: true, maxStore: 1 << 30}
	want := l.room()
	if want+deadLetterMaxSize >= l.maxStore {
		t.Errorf("%d bytes of %d", want, l.maxStore)
	}
	for have, keep := range map[int64]bool{-1: false, want: true, want - 1<<20: true, want + 1: false, want / 2: false} {
		if l.keepsAutomatic(have, want) != keep {
			t.Errorf("%d bytes: %v", have, !keep)
		}
	}
}

func TestAdoptsAnExistingStream(t *testing.T) {
	ctx := context.Background()
	stream := func(js jetstream.JetStream, c jetstream.StreamConfig) {
		t.Helper()
		c.Name, c.Storage = "CC_METRICS", jetstream.FileStorage
		if _, err := js.CreateStream(ctx, c); err != nil {
			t.Fatal(err)
		}
	}
	config := func(js jetstream.JetStream) jetstream.StreamConfig {
		s, err := js.Stream(ctx, "CC_METRICS")
		if err != nil {
			t.Fatal(err)
		}
		return s.CachedInfo().Config
	}
	t.Run("external", func(t *testing.T) {
		ns := broker(t, t.TempDir(), true, -1)
		js := connectTo(t, ns)
		stream(js, jetstream.StreamConfig{Subjects: []string{"other", "metrics.rack1"}, MaxAge: time.Hour})
		n := run(t, newTestStore(t), Config{
			Broker:        Broker{URL: ns.ClientURL()},
			Subscriptions: []Subscription{{Subject: "metrics.*"}, {Subject: "hpc-nats"}},
			Stream:        Stream{MaxAge: 2 * time.Hour},
		})
		eventually(t, "ready", func() bool { return n.Ready() == nil })
		c := config(js)
		if got := strings.Join(c.Subjects, " "); got != "other metrics.* hpc-nats CC_METRICS.write CC_METRICS.free CC_METRICS.outbox.*" {
			t.Errorf("subjects %s", got)
		}
		if c.MaxAge != time.Hour || !strings.Contains(n.log.String(), "max age 1h0m0s, not 2h0m0s") {
			t.Errorf("max age %v", c.MaxAge)
		}
	})
	t.Run("embedded", func(t *testing.T) {
		ns := broker(t, t.TempDir(), true, -1)
		js := connectTo(t, ns)
		stream(js, jetstream.StreamConfig{Subjects: []string{"hpc-nats"}, MaxAge: time.Hour})
		n := run(t, newTestStore(t), Config{Embedded: embed(ns), Stream: Stream{MaxAge: 2 * time.Hour}})
		eventually(t, "ready", func() bool { return n.Ready() == nil })
		if c := config(js); c.MaxAge != 2*time.Hour {
			t.Errorf("max age %v", c.MaxAge)
		}
	})
	t.Run("wrong kind", func(t *testing.T) {
		ns := broker(t, t.TempDir(), true, -1)
		stream(connectTo(t, ns), jetstream.StreamConfig{Subjects: []string{"hpc-nats"}, Retention: jetstream.WorkQueuePolicy})
		n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
		eventually(t, "the reason", func() bool {
			err := n.Ready()
			return err != nil && strings.Contains(err.Error(), "the log needs limits retention") && strings.Contains(err.Error(), "nats.stream.name")
		})
	})
	t.Run("subject of another stream", func(t *testing.T) {
		ns := broker(t, t.TempDir(), true, -1)
		if _, err := connectTo(t, ns).CreateStream(ctx, jetstream.StreamConfig{Name: "OTHER", Subjects: []string{"hpc-nats"}}); err != nil {
			t.Fatal(err)
		}
		n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
		eventually(t, "the reason", func() bool {
			err := n.Ready()
			return err != nil && strings.Contains(err.Error(), "belongs to stream OTHER")
		})
	})
}

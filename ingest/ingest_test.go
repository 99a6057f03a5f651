package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

const base = 1_700_000_000 // of the samples' times

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

func TestWriteIsVisibleWhenItReturns(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	ctx := context.Background()
	for i := range 50 {
		body := fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base+60*i)
		if err := n.Write(ctx, "c", strings.NewReader(body)); err != nil {
			t.Fatal(err)
		}
		if v := value(t, n.store, "c", "h", "cpu_load", base); v != float64(i) {
			t.Fatalf("after write %d the newest value is %v", i, v)
		}
	}
	freed, err := n.Free(ctx, [][]string{{"c", "h"}, {"nobody"}}, base+1e6)
	if err != nil || freed != 1 {
		t.Errorf("freed %d, %v", freed, err)
	}
	if v := value(t, n.store, "c", "h", "cpu_load", base); !math.IsNaN(v) {
		t.Errorf("value %v after the free", v)
	}
}

func TestWriteOfALargeBody(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	var body strings.Builder
	lines, bad := 0, 0
	add := func(format string, args ...any) {
		fmt.Fprintf(&body, format, args...)
		lines++
	}
	for i := range 40_000 {
		switch i {
		case 30_000:
			add("cpu_load,hostname=h value=oops %d\n", base)
			bad = lines
		case 30_001: // longer than a whole entry
			add("cpu_load,hostname=%s value=1 %d\n", strings.Repeat("x", writeChunk+lineproto.MaxLine), base)
		case 30_002:
			add("ccb log=\"%s\"\n", strings.Repeat("newline\n", 100))
			lines += 100
		}
		add("cpu_load,hostname=h%d value=%d %d\n", i%100, i, base+60*(i/100))
	}
	add("cpu_load,hostname=last value=1 %d", base) // without a newline
	err := n.Write(context.Background(), "c", strings.NewReader(body.String()))
	var refused *store.RefusedError
	if !errors.As(err, &refused) || refused.Lines != 2 || refused.First != bad {
		t.Fatalf("error %v, want 2 refused lines, the first %d", err, bad)
	}
	if st := n.store.Stats(); st.Samples != 40_001 || st.Hosts != 101 {
		t.Errorf("stored %d samples of %d hosts", st.Samples, st.Hosts)
	}
}

func TestWriteWithAFaultyBody(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	broken := errors.New("broken")
	body := strings.NewReader(fmt.Sprintf("cpu_load,hostname=h value=1 %d\ncpu_load,hostname=h val", base))
	err := n.Write(context.Background(), "c", &failingReader{body, broken})
	if !errors.Is(err, broken) {
		t.Errorf("error %v", err)
	}
	if v := value(t, n.store, "c", "h", "cpu_load", base); v != 1 {
		t.Errorf("the good line before the fault: %v", v)
	}
}

type failingReader struct {
	r   *strings.Reader
	err error
}

func (f *failingReader) Read(p []byte) (int, error) {
	if f.r.Len() == 0 {
		return 0, f.err
	}
	return f.r.Read(p)
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
		if rnd.IntN(100) == 0 { // a free between, which all hosts see in its place
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

func TestStreamIsDeletedWhileItIsRead(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	for i := range 10 {
		publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=old value=%d %d\n", i, base))
	}
	eventually(t, "old", func() bool { return value(t, n.store, "dc", "old", "cpu_load", base) == 9 })
	if err := js.DeleteStream(context.Background(), "CC_METRICS"); err != nil {
		t.Fatal(err)
	}
	// The node creates it anew; its numbers start over.
	eventually(t, "a new stream", func() bool {
		_, err := js.Stream(context.Background(), "CC_METRICS")
		return err == nil
	})
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=new value=1 %d\n", base))
	eventually(t, "new", func() bool { return value(t, n.store, "dc", "new", "cpu_load", base) == 1 })
	if v := value(t, n.store, "dc", "old", "cpu_load", base); v != 9 {
		t.Errorf("what was read from the old stream: %v", v)
	}
	if !strings.Contains(n.log.String(), "the stream is gone") {
		t.Error("the log does not tell")
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

func TestBrokerComesLaterAndGoesAway(t *testing.T) {
	dir := t.TempDir()
	first := broker(t, dir, true, -1)
	url, port := first.ClientURL(), first.Addr().(*net.TCPAddr).Port
	first.Shutdown()
	first.WaitForShutdown()

	n := run(t, newTestStore(t), Config{Broker: Broker{URL: url}})
	eventually(t, "the reason", func() bool {
		err := n.Ready()
		return err != nil && strings.Contains(err.Error(), "connection refused")
	})
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	err := n.Write(short, "c", strings.NewReader("cpu_load value=1\n"))
	if !errors.Is(err, context.DeadlineExceeded) && (err == nil || !strings.Contains(err.Error(), "nothing was written")) {
		t.Errorf("write without a log: %v", err)
	}
	ns := broker(t, dir, true, port)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	publish(t, connectTo(t, ns), "hpc-nats", fmt.Sprintf("cpu_load,hostname=a value=1 %d\n", base))
	eventually(t, "a", func() bool { return value(t, n.store, "dc", "a", "cpu_load", base) == 1 })

	ns.Shutdown()
	ns.WaitForShutdown()
	eventually(t, "the loss is noticed", func() bool { return !n.Stats().Connected })
	if n.Ready() != nil || value(t, n.store, "dc", "a", "cpu_load", base) != 1 {
		t.Error("queries are not answered from memory")
	}
	ns = broker(t, dir, true, port)
	publish(t, connectTo(t, ns), "hpc-nats", fmt.Sprintf("cpu_load,hostname=b value=2 %d\n", base))
	eventually(t, "b", func() bool { return value(t, n.store, "dc", "b", "cpu_load", base) == 2 })
}

func TestNewReportsAllFaults(t *testing.T) {
	_, err := New(Config{Workers: -1, FutureTolerance: -1, Stream: Stream{Replicas: 9, MaxAge: -1}, Subscriptions: []Subscription{{}}}, nil)
	for _, want := range []string{"no embedded server", "-1 workers", "tolerance", "9 replicas", "limits of the stream", "without a subject"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
}

func TestCovers(t *testing.T) {
	for _, test := range []struct {
		a, b string
		want bool
	}{
		{"a", "a", true}, {"a", "b", false}, {"a.*", "a.b", true}, {"a.*", "a.*", true}, {"a.b", "a.*", false},
		{"a.>", "a", false}, {"a.>", "a.b.c", true}, {"a.>", "a.>", true}, {"a.*", "a.>", false}, {"*.b", "a.b", true}, {"a.*", "a.b.c", false},
	} {
		if got := covers(test.a, test.b); got != test.want {
			t.Errorf("covers(%q, %q) = %v", test.a, test.b, got)
		}
	}
}

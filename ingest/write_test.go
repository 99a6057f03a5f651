package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"io"
	"math"
	"strings"
	"testing"
	"testing/iotest"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// TestBrokenBodyStoresCompleteLines cuts bodies in the middle of a value: what
// is left of it must not pass for the value, at the time of now.
func TestBrokenBodyStoresCompleteLines(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	for i, fault := range []error{errors.New("broken"), io.ErrUnexpectedEOF, fmt.Errorf("gzip: %w", io.ErrUnexpectedEOF), fmt.Errorf("gzip: %w", io.EOF)} {
		host := fmt.Sprintf("h%d", i)
		body := fmt.Sprintf("cpu_load,hostname=%s value=1 %d\ncpu_load,hostname=%s value=12", host, base, host)
		for _, r := range []io.Reader{
			io.MultiReader(strings.NewReader(body), iotest.ErrReader(fault)),
			iotest.DataErrReader(io.MultiReader(strings.NewReader(body), iotest.ErrReader(fault))),
		} {
			if err := n.Write(context.Background(), "c", r); err != fault {
				t.Errorf("error %v, want that of the body, %v", err, fault)
			}
		}
		if v := value(t, n.store, "c", host, "cpu_load", base); v != 1 {
			t.Errorf("%v: the complete line: %v", fault, v)
		}
	}
	if s := n.Stats(); s.Samples != 8 {
		t.Errorf("%d samples of 8 complete lines", s.Samples)
	}
}

func TestWholeBodyStoresItsLastLine(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	body := fmt.Sprintf("cpu_load,hostname=h value=1 %d\ncpu_load,hostname=h value=2 %d", base, base+60)
	for _, r := range []io.Reader{strings.NewReader(body), iotest.OneByteReader(strings.NewReader(body)), iotest.DataErrReader(strings.NewReader(body))} {
		if err := n.Write(context.Background(), "c", r); err != nil {
			t.Error(err)
		}
	}
	if s := n.Stats(); s.Samples != 6 {
		t.Errorf("%d samples of 6", s.Samples)
	}
}

func TestTextSurvivesTheBorderOfAChunk(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	good := fmt.Sprintf("cpu_load,hostname=h value=1 %d\n", base)
	body := strings.Repeat(good, (writeChunk-500)/len(good)) + "ccb,loglevel=err log=\"" + strings.Repeat("a line of a stack trace\n", 100) + "\" 1\n" + good
	if err := n.Write(context.Background(), "c", strings.NewReader(body)); err != nil {
		t.Error(err)
	}
	if s := n.Stats(); s.NotStored["foreign"] != 1 {
		t.Errorf("not stored: %v", s.NotStored)
	}
}

func TestWriteNamesAPayloadLimitBelowALine(t *testing.T) {
	for _, limit := range []int32{4 << 10, 32 << 10, lineproto.MaxLine + headerRoom} {
		ns := serve(t, server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), MaxPayload: limit})
		n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
		line := "cpu_load,hostname=" + strings.Repeat("h", 40<<10) + " value=1 1\n"
		err := n.Write(context.Background(), "c", strings.NewReader(line))
		if err == nil || !strings.Contains(err.Error(), "raise max_payload") || !strings.Contains(err.Error(), "CC_METRICS") {
			t.Errorf("limit %d: %v", limit, err)
		}
	}
}

func TestWriteEndsWithItsContext(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	ctx, cancel := context.WithCancel(context.Background())
	endless := readerFunc(func(p []byte) (int, error) {
		cancel()
		return copy(p, bytes.Repeat([]byte{'x'}, len(p))), nil
	})
	if err := n.Write(ctx, "c", endless); !errors.Is(err, context.Canceled) {
		t.Errorf("error %v", err)
	}
}

type readerFunc func(p []byte) (int, error)

func (f readerFunc) Read(p []byte) (int, error) { return f(p) }

// TestWriteRepeatsALostAcknowledgement has a stream that takes entries without
// an answer, until it answers.
func TestWriteRepeatsALostAcknowledgement(t *testing.T) {
	ctx := context.Background()
	ns := broker(t, t.TempDir(), true, -1)
	js := connectTo(t, ns)
	silent := jetstream.StreamConfig{Name: "CC_METRICS", Subjects: []string{"hpc-nats", "CC_METRICS.write", "CC_METRICS.free"}, NoAck: true}
	if _, err := js.CreateStream(ctx, silent); err != nil {
		t.Fatal(err)
	}
	slow := quick
	slow.outbox = patience
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: "nats://me:secret@" + strings.TrimPrefix(ns.ClientURL(), "nats://")}, Embedded: cannotEmbed, timings: slow})
	eventually(t, "ready", func() bool { return n.Ready() == nil })

	hasty := newWrite(n.Ingest, "c")
	hasty.budget = budget{left: time.Millisecond, whole: writeTimeout}
	err := hasty.run(ctx, strings.NewReader(fmt.Sprintf("cpu_load,hostname=h value=1 %d\n", base)))
	for _, want := range []string{"stream CC_METRICS on 127.0.0.1", "(connected)", "may be in the log", "to send it again is harmless"} {
		if err == nil || !strings.Contains(err.Error(), want) || strings.Contains(err.Error(), "secret") {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
	eventually(t, "the entry that was not acknowledged", func() bool { return n.Stats().Lines == 1 })

	patient := newWrite(n.Ingest, "c")
	patient.budget = budget{left: patience, whole: patience}
	done := make(chan error, 1)
	go func() {
		done <- patient.run(ctx, strings.NewReader(fmt.Sprintf("cpu_load,hostname=h value=2 %d\n", base)))
	}()
	eventually(t, "the second entry", func() bool { return n.Stats().Lines == 2 })
	silent.NoAck = false
	if _, err := js.UpdateStream(ctx, silent); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Error(err)
	}
	// Besides these two there are only entries without lines, which ask whether
	// the log can be written to.
	if s := n.Stats(); s.Lines != 2 {
		t.Errorf("%d lines, want 2", s.Lines)
	}
}

// TestWriteHasOneBudgetUntilSomethingIsDone uses it up before the first entry,
// and, in another body, after it.
func TestWriteHasOneBudgetUntilSomethingIsDone(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	line := fmt.Sprintf("cpu_load,hostname=h value=1 %d\n", base)
	for _, test := range []struct {
		usedUpAt, written int
	}{{1, 0}, {2, 3}} {
		body := strings.NewReader(strings.Repeat(line, 3*writeChunk/len(line)))
		w := newWrite(n.Ingest, "c")
		w.budget = budget{left: patience, whole: patience}
		reads := 0
		err := w.run(context.Background(), readerFunc(func(p []byte) (int, error) {
			if reads++; reads == test.usedUpAt {
				w.budget.left = 0
			}
			return body.Read(p)
		}))
		if len(w.pending) != test.written || (err == nil) != (test.written > 0) {
			t.Errorf("used up at read %d: %d entries written, %v", test.usedUpAt, len(w.pending), err)
		}
	}
}

// TestRefusedLinesAndSamplesBeyondALimit are told together.
func TestRefusedLinesAndSamplesBeyondALimit(t *testing.T) {
	w := newWrite(&Ingest{}, "c")
	w.addOutcome(outcome{refused: 2, first: 3, detail: "later", over: 4}, 10)
	w.addOutcome(outcome{refused: 1, first: 2, detail: "first"}, 1)
	w.addOutcome(outcome{over: 1}, 20)
	got, ok := errors.AsType[*store.RefusedError](w.result())
	if !ok || got.Lines != 8 || got.First != 2 || got.Reason != "first" {
		t.Errorf("told %+v", got)
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

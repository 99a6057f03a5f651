package ingest

import (
	"context"
	"errors"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// stalled is a log that takes nothing until it is told to.
type stalled struct {
	jetstream.JetStream
	begun   chan struct{} // a token for each message that waits
	release chan struct{} // closed when it takes them
}

func (s *stalled) PublishMsg(ctx context.Context, m *nats.Msg, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
	select {
	case s.begun <- struct{}{}:
	default:
	}
	select {
	case <-s.release:
		return s.JetStream.PublishMsg(ctx, m, opts...)
	case <-ctx.Done():
		return nil, ctx.Err()
	}
}

// newStalled starts a node whose log takes nothing, with as many entries on their way as may be.
// What is written now is joined. answers are those to the entries on their way.
func newStalled(t *testing.T) (n *node, log *stalled, answers chan error) {
	t.Helper()
	ns := broker(t, t.TempDir(), true, -1)
	n = run(t, joinTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	log = &stalled{begun: make(chan struct{}, maxJoined), release: make(chan struct{})}
	publishBy(n, func(js jetstream.JetStream) jetstream.JetStream { log.JetStream = js; return log })
	answers = make(chan error, maxJoined)
	for i := range maxJoined {
		go func() {
			answers <- n.Write(context.Background(), fmt.Sprint("first", i), strings.NewReader("cpu_load,hostname=first value=1 1\n"))
		}()
		<-log.begun
	}
	return n, log, answers
}

// waiting returns how many bodies wait for their entry to be published.
func (n *node) waiting() (bodies int) {
	n.joiner.mu.Lock()
	defer n.joiner.mu.Unlock()
	for _, e := range n.joiner.queue {
		bodies += len(e.writers.done)
	}
	return bodies
}

// writeBehind writes a body, and returns when it waits behind so many others.
func (n *node) writeBehind(t *testing.T, ctx context.Context, others int, cluster, lines string) (answer chan error) {
	t.Helper()
	answer = make(chan error, 1)
	go func() { answer <- n.Write(ctx, cluster, strings.NewReader(lines)) }()
	eventually(t, "a body to wait", func() bool { return n.waiting() == others+1 })
	return answer
}

// TestOneEntryOfManyBodies: each writer is told of its own lines, in its own numbers, and of the
// samples beyond a limit that are its own, also of a host that others write, too.
func TestOneEntryOfManyBodies(t *testing.T) {
	n, log, answers := newStalled(t)
	before := n.Stats().Entries
	ctx, leave := context.WithCancel(t.Context())
	core := func(from, to int) (lines string) {
		for i := from; i < to; i++ {
			lines += fmt.Sprintf("cpu_load,hostname=h,type=core,type-id=%d value=%d %d\n", i, i, base)
		}
		return lines
	}
	bodies := []struct {
		lines string
		want  string
	}{
		{core(0, 3), ""},
		{"cpu_load,hostname=h value=oops\n" + core(0, 1), "line 1"},
		{core(2, 6), "2 samples are of more series"},
		{"\n\n" + core(0, 2) + "cpu_load,hostname=h value=1x 1\nbad\n" + core(7, 8), "line 5"},
		{core(1, 4), ""},
		{core(8, 9), "1 samples are of more series"},
		{fmt.Sprintf("cpu_load,hostname=other value=7 %d", base), ""},
	}
	left := n.writeBehind(t, ctx, 0, "c", "cpu_load,hostname=gone value=1 1\nbad\n")
	var told []chan error
	for i, b := range bodies {
		told = append(told, n.writeBehind(t, t.Context(), i+1, "c", b.lines))
	}
	another := n.writeBehind(t, t.Context(), len(bodies)+1, "another", fmt.Sprintf("cpu_load,hostname=h value=3 %d\n", base))
	leave()
	if err := <-left; !errors.Is(err, context.Canceled) {
		t.Errorf("who leaves: %v", err)
	}
	close(log.release)
	for i, b := range bodies {
		err := <-told[i]
		if (err == nil) != (b.want == "") || err != nil && !strings.Contains(err.Error(), b.want) {
			t.Errorf("%q: %v, want %q", b.lines, err, b.want)
		}
		if r, ok := errors.AsType[*store.RefusedError](err); ok && i == 3 && r.Lines != 3 {
			t.Errorf("%d of them are refused, want 3", r.Lines)
		}
	}
	if err := <-another; err != nil {
		t.Errorf("another cluster: %v", err)
	}
	for range maxJoined {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	if entries := n.Stats().Entries - before; entries != maxJoined+2 {
		t.Errorf("%d entries, want %d", entries, maxJoined+2)
	}
	for host, want := range map[string]float64{"c/other": 7, "another/h": 3} {
		cluster, name, _ := strings.Cut(host, "/")
		if v := value(t, n.store, cluster, name, "cpu_load", base); v != want {
			t.Errorf("%s: %v, want %v", host, v, want)
		}
	}
	checkNothingIsLeft(t, n)
}

// TestWritersOfALogThatTakesNothing wait as long as they have time, and are told why.
func TestWritersOfALogThatTakesNothing(t *testing.T) {
	n, log, answers := newStalled(t)
	n.writable.record(errors.New("the disk is full"))
	w := newWrite(n.Ingest, "c")
	w.budget = budget{left: time.Millisecond}
	err := w.run(t.Context(), strings.NewReader("cpu_load,hostname=h value=1 1\n"))
	for _, want := range []string{"embedded nats-server", "no acknowledgement", "to send it again is harmless", "the disk is full"} {
		if err == nil || !strings.Contains(err.Error(), want) {
			t.Errorf("error %v lacks %q", err, want)
		}
	}
	if bodies := n.waiting(); bodies != 1 {
		t.Errorf("%d bodies wait", bodies)
	}
	close(log.release)
	for range maxJoined {
		if err := <-answers; err != nil {
			t.Error(err)
		}
	}
	eventually(t, "nothing to wait", func() bool { return n.waiting() == 0 })
	if hosts := n.store.Hosts("c"); len(hosts) > 0 {
		t.Errorf("hosts %v of a writer that did not wait", hosts)
	}
	checkNothingIsLeft(t, n)
}

// TestBodiesThatWaitAreBounded: what comes when there is no more room waits for it, and is refused
// after a while.
func TestBodiesThatWaitAreBounded(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	if !n.joiner.room.TryAcquire(joinedBacklog) {
		t.Fatal("something waits")
	}
	line := fmt.Sprintf("cpu_load,hostname=h value=1 %d\n", base)
	w := newWrite(n.Ingest, "c")
	w.budget = budget{left: time.Millisecond}
	if err := w.run(t.Context(), strings.NewReader(line)); err == nil || !strings.Contains(err.Error(), "16 MiB of other writes wait") {
		t.Errorf("no room: %v", err)
	}
	done := make(chan error, 1)
	go func() { done <- n.Write(t.Context(), "c", strings.NewReader(line)) }()
	n.joiner.room.Release(joinedBacklog)
	if err := <-done; err != nil {
		t.Error(err)
	}
	checkNothingIsLeft(t, n)
}

// TestAnEntryThatCannotBeReadIsToldToAll: none of its lines are stored.
func TestAnEntryThatCannotBeReadIsToldToAll(t *testing.T) {
	var d decodedEntry
	d.Refuse(lineproto.Fault{Line: 1, Reason: lineproto.BadSyntax, Detail: "broken"})
	w := &writers{ends: []int{1, 2}, done: []chan outcome{make(chan outcome, 1), make(chan outcome, 1)}}
	d.tell(w)
	for _, c := range w.done {
		if o := <-c; o.refused != 1 || o.detail != "broken" {
			t.Errorf("told %+v", o)
		}
	}
}

// TestAnotherEntryUnderOurID is no entry of several writers: each is told all that was refused.
func TestAnotherEntryUnderOurID(t *testing.T) {
	a := newApplier(t, newTestStore(t))
	for _, lines := range []string{"", "bad\n", "bad\nbad\n", "cpu_load,hostname=h value=1 1\nbad\nbad\n"} {
		a.out.reset()
		a.out.decode(a.decoder, []byte(lines), []int{4, 12}, "c", entryTime)
		if bad := strings.Count(lines, "bad"); len(a.out.Shares) > 0 || a.out.outcome().refused != bad {
			t.Errorf("%q: %d shares, %+v", lines, len(a.out.Shares), a.out.outcome())
		}
	}
}

// TestJoinedEntriesEndWithTheProgram: who writes when Run has ended is told so.
func TestJoinedEntriesEndWithTheProgram(t *testing.T) {
	t.Parallel()
	n, _, answers := newStalled(t)
	waits := n.writeBehind(t, t.Context(), 0, "c", "cpu_load,hostname=h value=1 1\n")
	n.stop()
	for range maxJoined {
		if err := <-answers; err == nil {
			t.Error("a write that the log did not take")
		}
	}
	if err := <-waits; err == nil {
		t.Error("a write that nobody took")
	}
}

// TestFailureAtTheEndOfTheWait: the attempt to publish ends in the moment in which its writer's wait
// does. The writer learns that the log did not take the entry, and is not told that it is there.
func TestFailureAtTheEndOfTheWait(t *testing.T) {
	t.Parallel()
	n := run(t, joinTestStore(t), Config{Embedded: embed(broker(t, t.TempDir(), true, -1))})
	failed := errors.New("disk full")
	published := make(chan struct{})
	close(published)
	for _, c := range []struct{ told, want error }{{failed, failed}, {nil, nil}} {
		for range 200 { // which of what is due comes first is a matter of chance
			w, done := oneWriter()
			w.tellAll(outcome{err: c.told, refused: 1})
			b := budget{}
			if o, err := n.await(context.Background(), &b, done, published); !errors.Is(err, c.want) || o.refused != 1 {
				t.Fatalf("%+v, %v, not %v", o, err, c.want)
			}
		}
	}
}

package ingest

import (
	"bytes"
	"context"
	"errors"
	"fmt"
	"slices"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// forgetful gives all to the log but, for a while, what is to be lost. That is known
// when maxSent messages were sent.
type forgetful struct {
	jetstream.JetStream
	lost func(attempt int) (before, acknowledgement bool)
	ids  []string
	fate chan error
}

// lostFuture never has an acknowledgement.
type lostFuture struct {
	jetstream.PubAckFuture
	fate chan error
}

func (lostFuture) Ok() <-chan *jetstream.PubAck { return nil }
func (f lostFuture) Err() <-chan error          { return f.fate }

func (f *forgetful) PublishMsgAsync(m *nats.Msg, opts ...jetstream.PublishOpt) (future jetstream.PubAckFuture, err error) {
	attempt := len(f.ids)
	f.ids = append(f.ids, m.Header.Get(nats.MsgIdHdr))
	before, acknowledgement := f.lost(attempt)
	if !before {
		if future, err = f.JetStream.PublishMsgAsync(m, opts...); err != nil {
			return nil, err
		}
	}
	if attempt == maxSent-1 {
		f.fate <- errors.New("a lost message")
	}
	if before || acknowledgement {
		return lostFuture{fate: f.fate}, nil
	}
	return future, nil
}

// TestRepeatKeepsTheOrder: the log lacks the first of several entries, or its
// acknowledgement is lost; those behind it are there.
func TestRepeatKeepsTheOrder(t *testing.T) {
	for name, lost := range map[string]func(int) (bool, bool){
		"message":         func(attempt int) (bool, bool) { return attempt == 0, false },
		"acknowledgement": func(attempt int) (bool, bool) { return false, attempt == 0 },
	} {
		t.Run(name, func(t *testing.T) {
			ns := broker(t, t.TempDir(), true, -1)
			n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
			eventually(t, "ready", func() bool { return n.Ready() == nil })
			k := takeIn(t, n)
			f := &forgetful{JetStream: k.js, lost: lost, fate: make(chan error, 1)}
			k.js = f
			var messages []*nats.Msg
			for i := range maxSent {
				messages = append(messages, &nats.Msg{Subject: "hpc-nats", // alone in its entry, as there is a quote
					Data: fmt.Appendf(nil, "cpu_load,hostname=h value=%d %d\ncpu_load,hostname=h%[1]d value=1 %[2]d\n#\"\n", i, base)})
			}
			p := packerOf(t, k, messages)
			p.run(t.Context())
			eventually(t, "all entries", func() bool { return n.Stats().Lines == 2*(2*maxSent-1) }) // one was lost, or is known
			if v := value(t, n.store, "dc", "h", "cpu_load", base); v != maxSent-1 || n.Stats().IntakeMessages != maxSent {
				t.Errorf("value %v, taken %d", v, n.Stats().IntakeMessages)
			}
			for i := range maxSent {
				if v := value(t, n.store, "dc", fmt.Sprint("h", i), "cpu_load", base); v != 1 {
					t.Errorf("host %d: value %v", i, v)
				}
			}
			unique := slices.Compact(slices.Sorted(slices.Values(f.ids)))
			if len(f.ids) != 2*maxSent || f.ids[0] == "" || f.ids[maxSent] != f.ids[0] || len(unique) != 2*maxSent-1 {
				t.Errorf("the log may know some of the ids: %q", f.ids)
			}
			for _, e := range p.unused {
				if e.messages != 0 || len(e.lines)+len(e.replies)+len(e.ids) > 0 {
					t.Errorf("what was settled has %d messages, %q, %d replies, %d ids", e.messages, e.lines, len(e.replies), len(e.ids))
				}
			}
		})
	}
}

// takeIn opens an intake of the node's log.
func takeIn(t *testing.T, n *node) *intake {
	t.Helper()
	l, _, _ := n.state.current()
	k, err := n.newIntake(t.Context(), &intakeTask{stream: l})
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(k.close)
	return k
}

// packerOf makes a packer of the messages, all of which are there from the start.
func packerOf(t *testing.T, k *intake, messages []*nats.Msg) *packer {
	t.Helper()
	k.arrived = make(chan publishedMsg, len(messages))
	for _, m := range messages {
		k.arrived <- publishedMsg{m, true}
	}
	close(k.arrived)
	return newPacker(k)
}

// TestForwardedMessagesKeepTheirPlace: the log is asked itself after what came before
// it was sent, and before what comes after it.
func TestForwardedMessagesKeepTheirPlace(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns), Subscriptions: []Subscription{{Subject: "hpc-nats"}}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	nc := connectTo(t, ns).Conn()
	replies, err := nc.SubscribeSync("replies.*")
	if err != nil {
		t.Fatal(err)
	}
	if err := nc.Flush(); err != nil {
		t.Fatal(err)
	}
	message := func(host string, value int, id, reply string) *nats.Msg {
		m := nats.NewMsg("hpc-nats")
		m.Data = fmt.Appendf(nil, "cpu_load,hostname=%s value=%d %d\n", host, value, base)
		m.Reply = reply
		if id != "" {
			m.Header.Set(nats.MsgIdHdr, id)
		}
		return m
	}
	asks := message("a", 2, "", "replies.asks")
	asks.Header.Set("Nats-Expected-Stream", "CC_METRICS")
	asks.Header.Set(headerCluster, "theirs")
	k := takeIn(t, n)
	p := packerOf(t, k, []*nats.Msg{
		message("a", 1, "x", "replies.first"), message("a", 1, "x", "replies.again"), message("a", 1, "x", ""),
		asks, message("b", 3, "y", "replies.last"),
	})
	p.run(t.Context())
	if err := k.local.nc.Flush(); err != nil {
		t.Fatal(err)
	}
	got := map[string]int{}
	for range 4 {
		m, err := replies.NextMsg(patience)
		if err != nil {
			t.Fatal(err)
		}
		got[m.Subject]++
	}
	if len(got) != 4 {
		t.Errorf("replies %v", got)
	}
	eventually(t, "three lines", func() bool { return n.Stats().Lines == 3 })
	if v := value(t, n.store, "", "a", "cpu_load", base); v != 2 {
		t.Errorf("value %v", v)
	}
}

// TestMessagesLargerThanTheLogTakes come from a broker that takes larger ones.
func TestMessagesLargerThanTheLogTakes(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	rest := "#\"\n"
	var data []byte
	for i := range 100 {
		data = fmt.Appendf(data, "cpu_load,hostname=h%d value=1 %d\n%s", i, base, rest)
	}
	compressed := &nats.Msg{Subject: "hpc-nats", Data: s2.Encode(nil, data), Header: nats.Header{headerEncoding: []string{encodingS2}}}
	p := packerOf(t, takeIn(t, n), []*nats.Msg{{Subject: "hpc-nats", Data: data}, compressed})
	p.limit = 300
	p.run(t.Context())
	parts := int64(len(split(data, p.limit)))
	eventually(t, "all lines, twice", func() bool { return n.Stats().Lines == 200 })
	if s := n.Stats(); len(compressed.Data) <= p.limit || s.Samples != 200 || s.Entries != 2*parts || s.IntakeMessages != 2 {
		t.Errorf("%d samples in %d entries, want %d; taken %d; compressed %d bytes", s.Samples, s.Entries, 2*parts, s.IntakeMessages, len(compressed.Data))
	}
}

// TestPackerKeepsLittle of the memory that a large message took.
func TestPackerKeepsLittle(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	p := packerOf(t, takeIn(t, n), []*nats.Msg{{Subject: "hpc-nats", Data: bytes.Repeat([]byte("# a comment\n"), joinedSize)}})
	p.run(t.Context())
	if cap(p.compressed) > 4*joinedSize {
		t.Errorf("%d bytes are kept", cap(p.compressed))
	}
}

// newBarePacker makes one without a log.
func newBarePacker(arrived <-chan publishedMsg) *packer {
	return &packer{k: &intake{in: &Ingest{}}, arrived: arrived, timer: time.NewTimer(time.Hour)}
}

// TestPackerWaitsForTheLog: it takes nothing more while something is complete.
func TestPackerWaitsForTheLog(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	arrived := make(chan publishedMsg, 1)
	arrived <- publishedMsg{Msg: &nats.Msg{}}
	p := newBarePacker(arrived)
	p.ready = []*packerEntry{{messages: 1}}
	for range 100 { // either case could be chosen
		p.wait(ctx)
	}
	if len(arrived) != 1 {
		t.Error("it takes what it has no place for")
	}
}

// TestPackerCountsWhatItAbandons at every stage.
func TestPackerCountsWhatItAbandons(t *testing.T) {
	p := newBarePacker(nil)
	p.open = []*packerEntry{nil, {messages: 1}}
	p.ready = []*packerEntry{{messages: 10}}
	p.sent = []*packerEntry{{messages: 100}, {messages: 1000}}
	p.abandon()
	if n := p.k.in.counters.intakeFailures.Load(); n != 1111 {
		t.Errorf("%d messages, want 1111", n)
	}
}

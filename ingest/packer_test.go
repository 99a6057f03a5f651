package ingest

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// TestPublishersAreAnsweredAsByAStream: although none takes the subject.
func TestPublishersAreAnsweredAsByAStream(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	send := func(text string, opts ...jetstream.PublishOpt) (*jetstream.PubAck, error) {
		ctx, cancel := context.WithTimeout(context.Background(), patience)
		defer cancel()
		return js.Publish(ctx, "hpc-nats", []byte(text), opts...)
	}
	line := func(v int) string { return fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", v, base) }
	first, err := send(line(1), jetstream.WithMsgID("one"))
	if err != nil || first.Stream != "CC_METRICS" || first.Sequence == 0 || first.Duplicate {
		t.Fatalf("acknowledgement %+v, error %v", first, err)
	}
	if _, err := send(line(2)); err != nil {
		t.Fatal(err)
	}
	again, err := send(line(1), jetstream.WithMsgID("one"))
	if err != nil || !again.Duplicate || again.Sequence != first.Sequence {
		t.Errorf("the same message again: acknowledgement %+v, error %v", again, err)
	}
	if _, err := send(line(3), jetstream.WithExpectLastSequence(999)); err == nil || !strings.Contains(err.Error(), "wrong last sequence") {
		t.Errorf("what the stream refuses: error %v", err)
	}
	if a, err := send(""); err != nil || a.Sequence == 0 {
		t.Errorf("an empty message: acknowledgement %+v, error %v", a, err)
	}
	last, err := send(line(4), jetstream.WithExpectStream("CC_METRICS"))
	if err != nil {
		t.Fatal(err)
	}
	eventually(t, "the last message", func() bool { return n.Stats().Watermark == last.Sequence })
	if v := value(t, n.store, "dc", "h", "cpu_load", base); v != 4 || n.Stats().Lines != 3 {
		t.Errorf("value %v of %d lines", v, n.Stats().Lines)
	}
}

// TestMessagesDoNotMeddle: what one of them lacks is not taken from the next one.
func TestMessagesDoNotMeddle(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns), Subscriptions: []Subscription{{"a", "first"}, {"b.*", "second"}}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	nc := connectTo(t, ns).Conn()
	good := func(host string) string { return fmt.Sprintf("cpu_load,hostname=%s value=1 %d", host, base) } // without a newline
	for _, m := range []*nats.Msg{
		{Subject: "a", Data: []byte(good("h1"))},
		{Subject: "a", Data: []byte(`cpu_load,hostname=bad value="`)},
		{Subject: "b.x", Data: []byte(good("h2"))},
		{Subject: "a", Data: []byte(`slurm,hostname=h event="{\"a\":1}"`)},
		{Subject: "a", Data: []byte("# a comment")},
		{Subject: "a", Data: []byte(good("h3") + "\r")},
		{Subject: "a", Data: []byte(`cpu_load,hostname=worse\`)},
		{Subject: "a", Data: s2.Encode(nil, []byte(good("h4"))), Header: nats.Header{headerEncoding: []string{encodingS2}}},
		{Subject: "b.y", Data: []byte(good("h5")), Header: nats.Header{headerCluster: []string{"theirs"}, "Trace": []string{"7"}}},
		{Subject: "b.y"},
		{Subject: "a", Data: []byte(good("h6"))},
	} {
		if err := nc.PublishMsg(m); err != nil {
			t.Fatal(err)
		}
	}
	eventually(t, "all messages", func() bool { return n.Stats().IntakeMessages == 11 && n.Stats().LagEntries == 0 })
	eventually(t, "all lines", func() bool { return n.Stats().Samples == 6 && n.Stats().NotStored["syntax"] == 2 })
	for host, cluster := range map[string]string{"h1": "first", "h2": "second", "h3": "first", "h4": "first", "h5": "second", "h6": "first"} {
		if v := value(t, n.store, cluster, host, "cpu_load", base); v != 1 {
			t.Errorf("%s of %s: value %v", host, cluster, v)
		}
	}
}

// packAll has a packer make entries of the messages, all of which are there from the
// start.
func packAll(t *testing.T, n *node, messages []*nats.Msg) {
	t.Helper()
	packerOf(t, takeIn(t, n), messages).run(t.Context())
}

func TestManyMessagesMakeFewEntries(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns), Subscriptions: []Subscription{{"a", "first"}, {"b", "second"}}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	var messages []*nats.Msg
	bytes := 0
	for i := range 3000 {
		m := nats.NewMsg([]string{"a", "b"}[i%2])
		m.Data = fmt.Appendf(nil, "cpu_load,hostname=h value=%d %d\n#%s\n", i, base, strings.Repeat("x", i%1000))
		bytes += len(m.Data)
		messages = append(messages, m)
	}
	packAll(t, n, messages)
	eventually(t, "all lines", func() bool { return n.Stats().Lines == 3000 })
	if s := n.Stats(); s.Entries > int64(bytes/joinedSize)*2+2 || s.IntakeMessages != 3000 {
		t.Errorf("%d messages of %d bytes make %d entries", s.IntakeMessages, bytes, s.Entries)
	}
	for cluster, want := range map[string]float64{"first": 2998, "second": 2999} {
		if v := value(t, n.store, cluster, "h", "cpu_load", base); v != want {
			t.Errorf("%s: value %v, want %v", cluster, v, want)
		}
	}
}

// TestIntakeGoesOnWhileReadingHasStopped: what is acknowledged while the last
// checkpoint is written is there after the next start.
func TestIntakeGoesOnWhileReadingHasStopped(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	n.stopReading()
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=a value=1 %d\n", base))
	if err := js.Conn().Publish("hpc-nats", fmt.Appendf(nil, "cpu_load,hostname=b value=2 %d\n", base)); err != nil {
		t.Fatal(err)
	}
	if err := js.Conn().Flush(); err != nil {
		t.Fatal(err)
	}
	n.stop()
	if _, err := js.Publish(t.Context(), "hpc-nats", nil, jetstream.WithRetryAttempts(0)); !errors.Is(err, jetstream.ErrNoStreamResponse) {
		t.Errorf("after the stop: %v", err)
	}
	again := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return again.Ready() == nil })
	if a, b := value(t, again.store, "dc", "a", "cpu_load", base), value(t, again.store, "dc", "b", "cpu_load", base); a != 1 || b != 2 {
		t.Errorf("values %v and %v", a, b)
	}
}

// TestIntakeEquivalence: publishers send what comes to their mind, now and then
// the log refuses some of it, and in the end each slot has its last value. A map is the
// judge.
func TestIntakeEquivalence(t *testing.T) {
	t.Parallel()
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns), Subscriptions: []Subscription{{"a.*", "c"}, {"b", "c"}}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	seed := testkit.Seed(t)
	const publishers, slots = 4, 40
	want := make([][slots]float64, publishers)
	var g sync.WaitGroup
	for p := range publishers {
		s := &publisher{t: t, js: connectTo(t, ns), rnd: rand.New(rand.NewPCG(seed, uint64(p))), host: fmt.Sprint("h", p)}
		g.Go(func() {
			for i := range 2 * slots {
				slot := i / 2
				want[p][slot] = float64(i + 1)
				s.send(slot, i+1)
			}
			if err := s.js.Conn().Flush(); err != nil {
				t.Error(err)
			}
		})
	}
	finished := make(chan struct{})
	go func() { g.Wait(); close(finished) }()
	js := connectTo(t, ns)
	for largest, done := int32(300), false; !done; largest = -1 - largest {
		c := streamConfigOf(t, js)
		c.MaxMsgSize = max(largest, -1)
		if _, err := js.UpdateStream(t.Context(), c); err != nil {
			t.Fatal(err)
		}
		select {
		case <-finished:
			done = largest < 0
		case <-time.After(50 * time.Millisecond): // so long it refuses some
		}
	}
	for p := range want {
		for slot, v := range want[p] {
			if v == 0 {
				continue
			}
			eventually(t, fmt.Sprintf("host %d, slot %d: %v", p, slot, v), func() bool {
				rows, err := n.store.Query(&store.Query{Cluster: "c", Host: fmt.Sprint("h", p), Metric: "cpu_load",
					From: base + 60*int64(slot), To: base + 60*int64(slot+1)})
				return err == nil && len(rows) == 1 && len(rows[0].Values) == 1 && rows[0].Values[0] == v
			})
		}
	}
	if s := n.Stats(); s.IntakeFailures != 0 {
		t.Errorf("%d messages are lost", s.IntakeFailures)
	}
}

// publisher sends messages of one host, in any way.
type publisher struct {
	t    *testing.T
	js   jetstream.JetStream
	rnd  *rand.Rand
	host string
	sent []*nats.Msg // with ids
}

func (p *publisher) send(slot, v int) {
	m := nats.NewMsg([]string{"a.x", "a.y"}[p.rnd.IntN(2)])
	m.Data = fmt.Appendf(nil, "cpu_load,hostname=%s value=%d %d\n", p.host, v, base+60*int64(slot))
	switch p.rnd.IntN(6) {
	case 0: // alone
		m.Data = append(m.Data, "#"+strings.Repeat("x", joinedSize)+"\n"...)
	case 1:
		m.Data = append(m.Data, `log,hostname=h log="words"`...)
	case 2:
		m.Data = s2.Encode(nil, m.Data)
		m.Header.Set(headerEncoding, encodingS2)
	case 3, 4: // what no packing makes small enough for the log while it refuses
		m.Data = append(m.Data, '#')
		for range 600 {
			m.Data = append(m.Data, byte('a'+p.rnd.IntN(26)))
		}
	}
	if p.rnd.IntN(3) == 0 {
		if err := p.js.Conn().PublishMsg(m); err != nil {
			p.t.Error(err)
		}
		return
	}
	switch p.rnd.IntN(4) {
	case 0:
		m.Header.Set("Nats-Expected-Stream", "CC_METRICS") // asks the stream
	case 1, 2:
		m.Header.Set(nats.MsgIdHdr, fmt.Sprint(p.host, "-", v))
	}
	p.acknowledged(m)
	if m.Header.Get(nats.MsgIdHdr) != "" {
		p.sent = append(p.sent, m)
	}
	if len(p.sent) > 0 && p.rnd.IntN(4) == 0 { // as if its acknowledgement had been lost
		p.acknowledged(p.sent[p.rnd.IntN(len(p.sent))])
	}
}

// acknowledged sends a message until the log has it.
func (p *publisher) acknowledged(m *nats.Msg) {
	for end := time.Now().Add(patience); ; {
		ctx, cancel := context.WithTimeout(context.Background(), 5*time.Second)
		_, err := p.js.PublishMsg(ctx, m)
		cancel()
		if err == nil {
			return
		}
		if time.Now().After(end) {
			p.t.Errorf("in vain waited for an acknowledgement: %v", err)
			return
		}
	}
}

// TestEntriesFitIntoTheLog: also where they are shorter than joinedSize and do not
// shrink when they are compressed.
func TestEntriesFitIntoTheLog(t *testing.T) {
	ns := serve(t, server.Options{DontListen: true, JetStream: true, StoreDir: t.TempDir(), MaxPayload: 64 << 10})
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	rnd := testkit.Rand(t)
	var messages []*nats.Msg
	for i := range 100 {
		noise := make([]byte, rnd.IntN(32<<10))
		for j := range noise {
			noise[j] = byte('#' + rnd.IntN(90))
		}
		m := nats.NewMsg("hpc-nats")
		m.Data = fmt.Appendf(nil, "cpu_load,hostname=h value=%d %d\n#%s", i+1, base, noise)
		messages = append(messages, m)
	}
	done := make(chan struct{})
	go func() { defer close(done); packAll(t, n, messages) }()
	select {
	case <-done:
	case <-time.After(patience):
		t.Fatal("they are on their way for ever")
	}
	eventually(t, "all lines", func() bool { return n.Stats().Lines == 100 })
	if v := value(t, n.store, "dc", "h", "cpu_load", base); v != 100 {
		t.Errorf("value %v", v)
	}
}

// TestOrderOfWhatTheLogItselfAnswers: it comes behind what arrived before, also if
// the log refuses that at first.
func TestOrderOfWhatTheLogItselfAnswers(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	c := streamConfigOf(t, js)
	c.MaxMsgSize = 300
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	first, second := nats.NewMsg("hpc-nats"), nats.NewMsg("hpc-nats")
	first.Data = fmt.Appendf(nil, "cpu_load,hostname=h value=1 %d\n#%s\n", base, strings.Repeat("x", 500))
	second.Data = fmt.Appendf(nil, "cpu_load,hostname=h value=2 %d\n", base)
	second.Header.Set("Nats-Expected-Stream", "CC_METRICS")
	second.Reply = "somewhere"
	done := make(chan struct{})
	go func() { defer close(done); packAll(t, n, []*nats.Msg{first, second}) }()
	eventually(t, "a word about it", func() bool { return strings.Contains(n.log.String(), "does not take what was sent") })
	c.MaxMsgSize = -1
	if _, err := js.UpdateStream(t.Context(), c); err != nil {
		t.Fatal(err)
	}
	<-done
	eventually(t, "both messages", func() bool { return n.Stats().Lines == 2 })
	if v := value(t, n.store, "dc", "h", "cpu_load", base); v != 2 {
		t.Errorf("value %v", v)
	}
}

// TestSubscriptionsShareTheBacklog: they do not take all memory while the log takes
// nothing.
func TestSubscriptionsShareTheBacklog(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns), Subscriptions: []Subscription{{"a", "first"}, {"b.*", "second"}, {"b.x", "third"}}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	k := n.intake.Load()
	k.mu.Lock()
	defer k.mu.Unlock()
	total := int64(0)
	for _, s := range k.subs {
		_, bytes, err := s.PendingLimits()
		if err != nil || bytes < int(s.server.nc.MaxPayload()) {
			t.Errorf("%s: %d bytes, error %v", s.Subject, bytes, err)
		}
		total += int64(bytes)
	}
	if limit := (inProcess{}).MaxBuffered(); total > limit || total < limit/2 {
		t.Errorf("%d bytes in all, not %d", total, limit)
	}
}

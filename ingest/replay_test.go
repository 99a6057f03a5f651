package ingest

import (
	"errors"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
)

// TestReplay tells of the way from the log, and asks after each event what is missing.
func TestReplay(t *testing.T) {
	none := store.LogPosition{}
	cause := errors.New("no answer")
	type step struct {
		event                         string
		do                            func(*Ingest)
		ready, consistent, answerable string // what is missing; empty: nothing
		completed                     bool   // the event says so
	}
	completed := false
	open := step{event: "the log is open", do: func(in *Ingest) { in.state.setStream(&logStream{}) },
		ready: "reading the state of the log", consistent: "reading the state of the log", answerable: "reading the state of the log"}
	begin := func(clean, outbox bool) step {
		s := step{event: "the checkpoint is loaded", ready: "the log is not reached: starting", consistent: "the log is not reached: starting", answerable: "the log is not reached: starting",
			do: func(in *Ingest) { in.replay.begin(store.Restored{Clean: clean}, outbox) }}
		if clean {
			s.consistent, s.answerable = "", ""
		}
		return s
	}
	same := func(event, missing string, do func(*Ingest)) step {
		return step{event: event, do: do, ready: missing, consistent: missing, answerable: missing}
	}
	done := func(event string, do func(*Ingest)) step { return step{event: event, do: do, completed: true} }
	applied := func(in *Ingest) { completed = in.replay.addApplied(none) }
	for name, steps := range map[string][]step{
		"nothing in the log": {
			begin(false, false), open,
			done("a consumer is created", func(in *Ingest) { completed = in.replay.created(0, 0) }),
			same("an entry is fetched", "", func(in *Ingest) { in.replay.fetched(1, 5) }),
			same("reading stands still", "", func(in *Ingest) { in.replay.reads(cause) }),
		},
		"the log cannot be reached": {
			begin(false, false),
			same("the broker says no", "the log is not reached: no answer", func(in *Ingest) { in.state.setProblem(cause) }),
			open,
			same("the consumer is denied", "reading the state of the log: no answer", func(in *Ingest) { in.replay.reads(cause) }),
			same("reading goes on", "reading the state of the log", func(in *Ingest) { in.replay.reads(nil) }),
		},
		"two entries": {
			begin(false, false), open,
			same("a consumer is created", "replaying the log: entry 0 of 2", func(in *Ingest) { in.replay.created(0, 2) }),
			same("one is fetched", "replaying the log: entry 0 of 2", func(in *Ingest) { in.replay.fetched(1, 1) }),
			same("it is in the store", "replaying the log: entry 1 of 2", applied),
			same("reading stands still", "replaying the log: entry 1 of 2: no answer", func(in *Ingest) { in.replay.reads(cause) }),
			same("an interruption says less", "replaying the log: entry 1 of 2: no answer", func(in *Ingest) { in.replay.reads(errInterrupted) }),
			same("reading goes on", "replaying the log: entry 1 of 2", func(in *Ingest) { in.replay.reads(nil) }),
			same("the next one is fetched", "replaying the log: entry 1 of 2", func(in *Ingest) { in.replay.fetched(2, 0) }),
			done("it is in the store", applied),
		},
		"the stream drops what waits": {
			begin(false, false), open,
			same("a consumer is created", "replaying the log: entry 0 of 9", func(in *Ingest) { in.replay.created(0, 9) }),
			same("one is fetched", "replaying the log: entry 0 of 9", func(in *Ingest) { in.replay.fetched(1, 8) }),
			same("it is in the store", "replaying the log: entry 1 of 9", applied),
			same("some wait", "replaying the log: entry 1 of 9", func(in *Ingest) { in.replay.recounted(1, 3) }),
			done("none waits", func(in *Ingest) { completed = in.replay.recounted(1, 0) }),
		},
		"the stop was orderly": {
			begin(true, false),
			{event: "the log is open", do: open.do, ready: open.ready},
			{event: "a consumer is created", ready: "replaying the log: entry 0 of 2", do: func(in *Ingest) { in.replay.created(0, 2) }},
		},
		"an outbox was left": {
			begin(false, true), open,
			same("a consumer is created", "forwarding writes over REST from the outbox", func(in *Ingest) { in.replay.created(0, 0) }),
			same("an entry is fetched", "replaying the log: entry 0 of 1", func(in *Ingest) { in.replay.fetched(1, 0) }),
			done("the outbox is empty", func(in *Ingest) { in.replay.addApplied(none); completed = in.replay.outboxEmpty() }),
		},
		"the outbox is empty first": {
			begin(false, true), open,
			same("a consumer is created", "replaying the log: entry 0 of 1", func(in *Ingest) { in.replay.created(0, 1) }),
			same("the outbox is empty", "replaying the log: entry 0 of 1", func(in *Ingest) { completed = in.replay.outboxEmpty() }),
			done("the entry is in the store", applied),
		},
		"nothing comes for long": {
			begin(false, false),
			{event: "the time is up", do: func(in *Ingest) { in.replay.progress = time.Now().Add(-time.Hour) },
				ready: "the log is not reached: starting", consistent: "the log is not reached: starting"},
			{event: "the log is open", do: open.do,
				ready: "reading the state of the log; queries are answered with what is here", consistent: "reading the state of the log; queries are answered"},
			{event: "a consumer is created", do: func(in *Ingest) { in.replay.created(0, 1) },
				ready: "replaying the log: entry 0 of 1; queries are answered", consistent: "replaying the log: entry 0 of 1; queries are answered"},
			done("the entry is in the store", applied),
		},
	} {
		t.Run(name, func(t *testing.T) {
			in, err := New(Config{Embedded: cannotEmbed, Broker: Broker{URL: "broker"}, timings: quick}, newTestStore(t))
			if err != nil {
				t.Fatal(err)
			}
			close(in.outbox.shown)
			for _, s := range steps {
				completed = false
				s.do(in)
				if completed != s.completed {
					t.Errorf("%s: completed is %v", s.event, completed)
				}
				// What Answerable decides is seen in the words of the others.
				for _, asked := range []struct {
					name, want string
					err        error
				}{
					{"Answerable", s.answerable, in.Answerable()}, {"Ready", s.ready, in.Ready()}, {"Consistent", s.consistent, in.Consistent()},
				} {
					if (asked.want == "") != (asked.err == nil) || asked.err != nil && !strings.Contains(asked.err.Error(), asked.want) {
						t.Errorf("%s: %s is %v, want %q", s.event, asked.name, asked.err, asked.want)
					}
				}
			}
		})
	}
}

// TestReadyAfterTheStreamStartedOver has the stream created anew, with fewer
// entries, in the middle of the first replay.
func TestReadyAfterTheStreamStartedOver(t *testing.T) {
	var r replay
	r.init()
	r.created(0, 100)
	for range 10 {
		if r.addApplied(store.LogPosition{}) {
			t.Fatal("ready within the replay")
		}
	}
	if r.created(10, 2) || r.addApplied(store.LogPosition{}) || r.err(nil) == nil {
		t.Error("ready before the new entries are applied")
	}
	if !r.addApplied(store.LogPosition{}) || r.err(nil) != nil {
		t.Errorf("not ready: %v", r.err(nil))
	}
	if r.created(12, 38); r.err(nil) != nil {
		t.Errorf("no longer ready: %v", r.err(nil))
	}
}

// TestNoAnswersBeforeTime: only a broker is done without, and not while entries come.
func TestNoAnswersBeforeTime(t *testing.T) {
	in, err := New(Config{Embedded: cannotEmbed, timings: patient}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	in.replay.begin(store.Restored{}, false)
	in.replay.progress = time.Now().Add(-time.Hour)
	if in.Answerable() == nil {
		t.Error("answers without a broker")
	}
	in, err = New(Config{Embedded: cannotEmbed, Broker: Broker{URL: "nats://x"}, timings: patient}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	if in.Answerable() == nil {
		t.Error("answers before the checkpoint is there")
	}
	close(in.outbox.shown)
	in.replay.begin(store.Restored{}, false)
	in.replay.progress = time.Now().Add(time.Hour)
	if in.Answerable() == nil {
		t.Error("answers before time")
	}
	in.replay.progress = time.Now().Add(-time.Hour)
	for range 2 {
		if err := in.Answerable(); err != nil {
			t.Errorf("no answers in time: %v", err)
		}
	}
	in.replay.addApplied(store.LogPosition{})
	if in.Answerable() != nil {
		t.Error("no answers any more")
	}
}

// TestIsCaughtUp: the store has all of the log only while the log is read and nothing is left
// of it.
func TestIsCaughtUp(t *testing.T) {
	var r replay
	r.init()
	for _, step := range []struct {
		event string
		do    func()
		want  bool
	}{
		{"the checkpoint is loaded", func() { r.begin(store.Restored{}, true) }, false},
		{"the outbox is empty", func() { r.outboxEmpty() }, false},
		{"a consumer is created", func() { r.created(0, 2) }, false},
		{"an entry is fetched", func() { r.fetched(1, 1) }, false},
		{"it is in the store", func() { r.addApplied(store.LogPosition{}) }, false},
		{"the last one is fetched", func() { r.fetched(2, 0) }, false},
		{"it is in the store", func() { r.addApplied(store.LogPosition{}) }, true},
		{"some wait", func() { r.recounted(2, 3) }, false},
		{"the stream has dropped them", func() { r.recounted(2, 0) }, true},
		{"reading stands still", func() { r.reads(errInterrupted) }, false},
		{"a consumer is created", func() { r.created(2, 0) }, false},
		{"reading goes on", func() { r.reads(nil) }, true},
	} {
		if step.do(); r.isCaughtUp() != step.want {
			t.Fatalf("%s: %v, want %v", step.event, !step.want, step.want)
		}
	}
}

package ingest

import (
	"fmt"
	"log/slog"
	"strings"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// TestDecoderThatPanics: the entry is refused, and the next one is decoded.
func TestDecoderThatPanics(t *testing.T) {
	var log testkit.LogBuffer
	in, err := New(Config{Embedded: cannotEmbed, Logger: slog.New(slog.NewTextHandler(&log, nil))}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	p := newPipeline(in, in.newLog())
	e := &entry{incoming: incoming{seq: 7, cluster: "c", written: time.Unix(base, 0), data: fmt.Appendf(nil, "cpu_load,hostname=h value=1 %d\n", base)}}
	d := p.decodeGuarded(nil, e) // there is no decoder
	if o := e.out.outcome(); o.refused != 1 || !strings.Contains(o.detail, "fault of this program") {
		t.Errorf("outcome %+v", o)
	}
	if n := in.Stats().Faults; n != 1 {
		t.Errorf("%d faults are counted", n)
	}
	if !strings.Contains(log.String(), "entry=7") || !strings.Contains(log.String(), "decodeEntry") {
		t.Errorf("the log: %s", log.String())
	}
	if d == nil {
		t.Fatal("no decoder for the next entry")
	}
	e = &entry{incoming: e.incoming}
	if p.decodeGuarded(d, e) != d || e.out.outcome().refused != 0 || e.out.Samples != 1 {
		t.Errorf("the next entry: %+v", e.out.outcome())
	}
	e = &entry{incoming: incoming{free: true, data: []byte(`{"selectors":[["c"]],"before":1}`)}}
	if p.decodeGuarded(d, e); e.requestFault != nil || len(e.request.Selectors) != 1 {
		t.Errorf("a free request: %+v, %v", e.request, e.requestFault)
	}
}

// TestDecoderOfTheOutboxThatPanics: the writer is told, and the next write is decoded.
func TestDecoderOfTheOutboxThatPanics(t *testing.T) {
	in, err := New(Config{Embedded: cannotEmbed}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	o := newOutbox(in)
	o.decoder = nil
	for _, refused := range []int{1, 0} {
		w, done := oneWriter()
		e := outgoing{writers: w, cluster: "c", data: fmt.Appendf(nil, "cpu_load,hostname=h value=1 %d\n", base)}
		if err := o.applyLocked(&e, time.Unix(base, 0)); err != nil {
			t.Fatal(err)
		}
		if got := <-done; got.refused != refused {
			t.Errorf("%d lines are refused, want %d: %s", got.refused, refused, got.detail)
		}
	}
	if n := in.Stats().Faults; n != 1 {
		t.Errorf("%d faults are counted", n)
	}
}

// TestCompleteUntilInACluster: while the cluster does not confirm that this node has the whole log, an
// answer is complete until the last time that it did.
func TestCompleteUntilInACluster(t *testing.T) {
	in, err := New(Config{Embedded: cannotEmbed, Clustered: true}, newTestStore(t))
	if err != nil {
		t.Fatal(err)
	}
	for _, test := range []struct {
		ago     time.Duration
		problem error
	}{{time.Second, errNoLeader}, {time.Hour, nil}} {
		asked := time.Now().Add(-test.ago)
		in.confirmed.record(asked, 3, 3, nil)
		in.confirmed.record(time.Now(), 0, 3, test.problem)
		if test.problem == nil {
			in.confirmed.record(asked, 3, 3, nil)
		}
		if got := in.CompleteUntil(); !got.Equal(asked) {
			t.Errorf("confirmed %v ago, %v since: complete until %v, want %v", test.ago, test.problem, got, asked)
		}
	}
}

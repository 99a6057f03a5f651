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

package ingest

import (
	"context"
	"errors"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
)

// TestRoute goes through what an entry finds: whether there is an outbox, whether
// something waits in it, and where the log is.
func TestRoute(t *testing.T) {
	connected := connectTo(t, broker(t, t.TempDir(), true, -1)).Conn()
	embedded := &logStream{nc: connected, embedded: true}
	here := &logStream{nc: connected}
	away := &logStream{nc: &nats.Conn{}}
	for _, test := range []struct {
		name     string
		outbox   bool
		waiting  int64
		log      *logStream
		want     destination
		fallback bool
		why      string
	}{
		{name: "no outbox, log not open", want: nowhere, why: "the log is not reached"},
		{name: "no outbox", log: embedded, want: toLog},
		{name: "log not open", outbox: true, want: toOutbox, why: "the log is not reached"},
		{name: "log not open, others wait", outbox: true, waiting: 1, want: toOutbox, why: "the log is out of reach"},
		{name: "log on the broker", outbox: true, log: here, want: toLog, fallback: true},
		{name: "log on the broker, others wait", outbox: true, waiting: 1, log: here, want: toOutbox, why: "the log is out of reach"},
		{name: "broker away", outbox: true, log: away, want: toOutbox, why: "the log is out of reach"},
		{name: "log embedded after all", outbox: true, log: embedded, want: toLog},
		{name: "log embedded after all, others wait for a broker", outbox: true, waiting: 1, log: embedded, want: toLog},
	} {
		t.Run(test.name, func(t *testing.T) {
			cfg := Config{Embedded: cannotEmbed, timings: quick}
			if test.outbox {
				cfg.Broker.URL = "broker"
			}
			in, err := New(cfg, newTestStore(t))
			if err != nil {
				t.Fatal(err)
			}
			if test.outbox {
				in.outbox.waiting.Store(test.waiting)
			}
			if test.log != nil {
				in.state.setStream(test.log)
			}
			ctx, cancel := context.WithCancel(t.Context())
			if test.log == nil && !test.outbox {
				cancel() // it waits for the log as long as that
			}
			defer cancel()
			r := in.route(ctx, &budget{left: patience, whole: patience})
			if r.to != test.want || r.fallsBack() != test.fallback || (r.why == nil) != (test.why == "") {
				t.Fatalf("it goes to %d, with fallback %v: %v", r.to, r.fallsBack(), r.why)
			}
			if test.why != "" && !strings.Contains(r.why.Error(), test.why) {
				t.Errorf("%v, want: %s", r.why, test.why)
			}
			if r.to == toLog && r.stream != test.log {
				t.Error("it goes to another log")
			}
		})
	}
}

// TestRouteAfterFailure: the outbox takes what the log did not, but not what no log takes.
func TestRouteAfterFailure(t *testing.T) {
	cause := errors.New("no answer")
	tooLong := &jetstream.APIError{ErrorCode: longHeaderCode}
	fallback := route{to: toLog, until: time.Now()}
	for _, test := range []struct {
		route route
		err   error
		want  destination
	}{
		{route{to: toLog}, cause, nowhere},
		{fallback, cause, toOutbox},
		{fallback, nats.ErrMaxPayload, nowhere},
		{fallback, tooLong, nowhere},
	} {
		if r := test.route.afterFailure(test.err); r.to != test.want || !errors.Is(r.why, test.err) {
			t.Errorf("after %v it goes to %d: %v", test.err, r.to, r.why)
		}
	}
}

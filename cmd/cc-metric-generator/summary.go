package main

import (
	"fmt"
	"io"
	"time"
)

// accepted reports whether everything that was sent is known, or for targets
// that do not acknowledge believed, to have been taken. err is what ended the
// run.
func accepted(t *tally, k kind, err error) bool {
	if err != nil || t.errors.Load() > 0 {
		return false
	}
	return !k.acknowledges() || t.acknowledged.Load() == t.messages.Load()
}

// acknowledges reports whether the target confirms each message.
func (k kind) acknowledges() bool { return k == kindJetStream || k == kindHTTP }

// writeSummary prints what a run of the given length has sent and what came of it.
func writeSummary(out io.Writer, r *run, k kind, took time.Duration, err error) {
	t := r.tally
	samples, messages := t.samples.Load(), t.messages.Load()
	row := func(name, format string, args ...any) {
		fmt.Fprintf(out, "%-13s %s\n", name, fmt.Sprintf(format, args...))
	}
	row("ticks", "%s", r.ticksDone())
	row("samples", "%d", samples)
	row("messages", "%d", messages)
	row("MB", "%.3f", float64(t.bytes.Load())/1e6)
	row("seconds", "%.3f", took.Seconds())
	row("samples/s", "%.0f", float64(samples)/max(took.Seconds(), 1e-9))
	switch k {
	case kindCore:
		row("acknowledged", "none: core NATS has no acknowledgement (-mode jetstream has)")
	case kindStdout:
		row("acknowledged", "none: printed")
	default:
		row("acknowledged", "%d of %d messages", t.acknowledged.Load(), messages)
	}
	if n := t.retries.Load(); n > 0 {
		row("retries", "%d", n)
	}
	errs, first := t.errors.Load(), t.first()
	if first != nil {
		row("errors", "%d, the first: %v", errs, first)
	} else {
		row("errors", "%d", errs)
	}
	if err != nil {
		row("ended early", "%v", err)
	}
}

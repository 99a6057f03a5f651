package ingest

import (
	"errors"
	"fmt"
	"time"
)

// degradedAfter is how long reading the log may stand still until somebody should
// see to it.
const degradedAfter = 5 * time.Second

// Degraded returns what an operator should see to although the program answers:
// writes over REST that wait for the log, a log that is not read, or that is not
// where it was to be. It is nil if there is nothing.
func (in *Ingest) Degraded() error {
	reading, refusal := in.replay.standstill(), in.state.refused()
	var reasons []error
	if in.outbox != nil {
		reasons = append(reasons, in.outbox.degraded())
	}
	if reading.err != nil && time.Since(reading.since) >= degradedAfter {
		reasons = append(reasons, fmt.Errorf("reading the log stands still since %s: %w",
			reading.since.UTC().Format(time.RFC3339), advised(reading.err)))
	}
	if refusal != nil {
		reasons = append(reasons, fmt.Errorf("the log is in the embedded nats-server and not on the broker: what is sent while this node is down is lost: %w", advised(refusal)))
	}
	return errors.Join(append(reasons, in.deaf())...)
}

// deaf returns the subjects that the broker does not let its user subscribe,
// although what is sent to them is to be taken.
func (in *Ingest) deaf() error {
	l, _, _ := in.state.current()
	if l == nil || !l.embedded || in.cfg.Broker.URL == "" {
		return nil
	}
	for _, s := range subjects(in.cfg.Subscriptions) {
		if in.rights.deniedSubject(s) {
			return advised(&deniedError{subscriptionText + `"` + s + `", so that nothing arrives that is sent to it`})
		}
	}
	return nil
}

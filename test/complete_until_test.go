package test

import (
	"fmt"
	"strconv"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// askUntil asks for the first minutes of cpu_load of a host. It returns up to when the answer is
// complete, in Unix seconds, and how many samples are in it.
func (n *node) askUntil(host string, minutes int) (until int64, samples int) {
	n.t.Helper()
	request := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"cpu_load","host":%q}]}`, origin, origin+60*minutes, host)
	a := n.send("POST", "/api/query", request)
	until, err := strconv.ParseInt(a.header.Get("X-Complete-Until"), 10, 64)
	if a.status != 200 || err != nil {
		n.t.Fatalf("%d %v %s: %v", a.status, a.header, clip(a.body), err)
	}
	for _, row := range n.decodeAnswer(a.body) {
		for _, s := range row {
			for _, v := range s.Data {
				if v != nil {
					samples++
				}
			}
		}
	}
	return until, samples
}

// TestCompleteUntil: an answer says how far it goes when the log is out of reach.
func TestCompleteUntil(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	n := start(t, brokerConfig(b.URL))
	awaitNow := func() {
		t.Helper()
		begin := time.Now().Unix()
		n.waitFor("complete answers", func() error {
			if until, _ := n.askUntil("a", 2); until < begin || until > time.Now().Unix() {
				return fmt.Errorf("complete until %d, want at least %d", until, begin)
			}
			return nil
		})
	}
	awaitNow()
	before := time.Now().Unix()
	n.write(line("a", "cpu_load", 0, origin))
	after := time.Now().Unix()
	awaitNow()
	b.stop()
	n.waitFor("an answer that is complete until the newest entry", func() error {
		until, _ := n.askUntil("a", 2)
		if now := time.Now().Unix(); until < before || until > after || now == after {
			return fmt.Errorf("complete until %d at %d, want %d to %d", until, now, before, after)
		}
		return nil
	})
	n.write(line("a", "cpu_load", 1, origin+60)) // it is shown, but who knows what else there is
	until, samples := n.askUntil("a", 2)
	if until < before || until > after || samples != 2 {
		t.Errorf("%d samples, complete until %d, want 2, and %d to %d", samples, until, before, after)
	}
	if v := n.metric("log_complete_until_timestamp_seconds"); int64(v) != until {
		t.Errorf("the metric says %v, want %d", v, until)
	}
	b.start()
	awaitNow()
	if v := n.metric("log_complete_until_timestamp_seconds"); int64(v) <= after {
		t.Errorf("the metric says %v, want more than %d", v, after)
	}
}

// TestCompleteUntilWhileBehind: an answer without samples that are in the log says that it is not
// complete until then.
func TestCompleteUntilWhileBehind(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	n := start(t, checkpointConfig(brokerConfig(b.URL)))
	n.write(line("a", "cpu_load", 0, origin))
	n.stop()
	const samples = 3000
	c := connect(t, b.URL)
	for i := 1; i < samples; i++ {
		c.publish(subject, line("a", "cpu_load", float64(i), origin+60*int64(i)))
	}
	last := time.Now().Unix()
	waitFor(t, "the next second", func() error {
		if time.Now().Unix() == last {
			return fmt.Errorf("it is %d", last)
		}
		return nil
	})
	n = begin(t, n.launch) // after a stop in order it answers at once
	partly := 0
	n.waitFor("all samples", func() error {
		a := n.send("POST", "/api/query", anyQuery)
		if a.status != 200 {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		until, found := n.askUntil("a", samples)
		if found < samples {
			if partly++; until > last {
				t.Fatalf("%d of %d samples, but complete until %d, after the last one at %d", found, samples, until, last)
			}
			return fmt.Errorf("%d of %d samples", found, samples)
		}
		if until <= last {
			return fmt.Errorf("all samples, but complete until %d", until)
		}
		return nil
	})
	t.Logf("%d answers were not complete", partly)
}

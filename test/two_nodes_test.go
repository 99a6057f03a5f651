package test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// TestTwoNodes: what two nodes answer follows from the log alone.
func TestTwoNodes(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	first, c := start(t, brokerConfig(b.URL)), connect(t, b.URL)
	c.publish(subject, ramp("a", 100))
	second := start(t, brokerConfig(b.URL))
	for i := range 50 {
		// Several values for one slot, without an order but that of the log.
		c.send(subject, line("b", "cpu_load", float64(i), origin+int64(i)%7*60)+fmt.Sprintf("beat,hostname=b value=%d\n", i))
	}
	first.write(ramp("c", 100))
	second.write(ramp("d", 100))
	c.send(subject, "cpu_load,hostname=b value=oops\n")
	c.flush()
	if a := second.change(fmt.Sprintf("/api/free?to=%d", origin+60*1000), `[["alex","a"]]`); a.status != 200 {
		t.Fatalf("free: %d %s", a.status, a.body)
	}
	seq := c.publish(subject, line("last", "cpu_load", 1, origin))
	first.awaitEntry(seq)
	second.awaitEntry(seq)
	m, err := c.stored("CC_METRICS", seq)
	if err != nil {
		t.Fatal(err)
	}
	now := m.Time.Unix()
	for _, request := range []string{
		fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"for-all-nodes":["cpu_load"]}`, origin, origin+60*100),
		fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"beat","host":"b"}]}`, now-300, now+60),
	} {
		one, other := first.send("POST", "/api/query", request), second.send("POST", "/api/query", request)
		if one.status != 200 || one.body != other.body {
			t.Errorf("%s:\n  %d %s\n  %d %s", request, one.status, clip(one.body), other.status, clip(other.body))
		}
	}
	for _, n := range []*node{first, second} {
		n.wantRamp("c", 100)
		n.wantRamp("d", 100)
		n.wantNone(hostMetric{"alex", "a", "cpu_load"}, origin, origin+60*100)
		n.want(hostMetric{"alex", "b", "cpu_load"}, origin, 49)
	}
}

package test

import (
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// TestSubjectsThatAreTaken: what -check-config lets pass works from end to end.
func TestSubjectsThatAreTaken(t *testing.T) {
	t.Parallel()
	for pattern, used := range map[string]string{
		"*": "x", "*.metrics": "alex.metrics", "*.metrics.>": "alex.metrics.rack1", "a.*.*.*": "a.b.c.d", "a.>": "a.b", "CC_METRICS.x": "CC_METRICS.x",
	} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			cfg := baseConfig()
			section(cfg, "metric-store")["nats-subscriptions"] = subscriptions(pattern, "alex")
			n := start(t, cfg)
			n.publish(n.client(), used, ramp("a", 3))
			n.wantRamp("a", 3)
			n.write(ramp("b", 3))
			n.wantRamp("b", 3)
			for line := range strings.Lines(n.send("GET", "/metrics", "").body) {
				if strings.HasPrefix(line, "cc_metric_store_lines_not_stored_total{") && !strings.HasSuffix(line, " 0\n") {
					t.Errorf("the log takes in what is none of its business: %s", line)
				}
			}
		})
	}
}

// TestSubjectsOnABroker: the same with a stream, of which JetStream demands more.
func TestSubjectsOnABroker(t *testing.T) {
	t.Parallel()
	for pattern, used := range map[string]string{"a.*": "a.b", "a.*.*.*": "a.b.c.d", "a.>": "a.b"} {
		t.Run(pattern, func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, server.Options{JetStream: true})
			cfg := brokerConfig(b.URL)
			section(cfg, "metric-store")["nats-subscriptions"] = subscriptions(pattern, "alex")
			n := start(t, cfg)
			n.publish(connect(t, b.URL), used, ramp("a", 3))
			n.wantRamp("a", 3)
		})
	}
}

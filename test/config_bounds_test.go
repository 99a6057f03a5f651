package test

import (
	"fmt"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
)

// wantWorking writes over REST and NATS, and asks.
func (n *node) wantWorking(c *client) {
	n.t.Helper()
	now := time.Now().Unix()
	n.write(fmt.Sprintf("cpu_load,hostname=h,type=node value=1 %d\n", now))
	n.publish(c, subject, fmt.Sprintf("cpu_load,hostname=h,type=node value=2 %d\n", now))
	n.await(hostMetric{"alex", "h", "cpu_load"}, now, 2)
}

// TestBounds: what the configuration allows works, at both ends of each range, and
// what is beyond is a fault that names the range.
func TestBounds(t *testing.T) {
	t.Parallel()
	const century = "876000h"
	for _, b := range []struct {
		bound
		beyond any
	}{
		{bound{"metrics.cpu_load.frequency", 1}, 0},
		{bound{"metrics.cpu_load.frequency", 365 * 24 * 3600}, 365*24*3600 + 1},
		{bound{"main.prometheus.max-queries", 1024}, 1025},
		{bound{"main.prometheus.timeout", "1s"}, "999ms"},
		{bound{"main.prometheus.max-samples", 1_000_000_000}, 999},
		{bound{"main.prometheus.max-series", 1}, 0},
		{bound{"main.prometheus.lookback", "1s"}, "721h"},
		{bound{"nats.embedded.max-payload", "128KB"}, 128<<10 - 1},
		{bound{"nats.embedded.max-payload", "1GB"}, "1025MB"},
		{bound{"nats.embedded.max-store", "64MB"}, 64<<20 - 1},
		{bound{"nats.embedded.max-store", "8191TB"}, "8000000TB"},
		{bound{"nats.embedded.sync", "1ms"}, "999us"},
		{bound{"nats.embedded.sync", "1h"}, "61m"},
		{bound{"nats.stream.replicas", 1}, 0},
		{bound{"nats.stream.max-age", "1m"}, "59s"},
		{bound{"nats.stream.max-age", century}, "876001h"},
		{bound{"nats.stream.max-bytes", "62MB"}, 62<<20 - 1},
		{bound{"nats.stream.max-bytes", "8191TB"}, "8000000TB"},
		{bound{"metric-store.retention-in-memory", "1m"}, "59s"},
		{bound{"metric-store.retention-in-memory", century}, "876001h"},
		{bound{"metric-store.memory-cap", 0.0625}, 0.0624},
		{bound{"metric-store.memory-cap", 1 << 20}, 1<<20 + 1},
		{bound{"metric-store.num-workers", 0}, -1},
		{bound{"metric-store.num-workers", 1024}, 1025},
		{bound{"metric-store.max-series-per-host", 1}, 0},
		{bound{"metric-store.max-series-per-host", 250_000}, 250_001},
		{bound{"metric-store.max-hosts", 1}, 0},
		{bound{"metric-store.max-hosts", 10_000_000}, 10_000_001},
		{bound{"metric-store.max-new-series", 1}, 0},
		{bound{"metric-store.max-new-series", 1_000_000_000}, 1_000_000_001},
		{bound{"metric-store.future-tolerance", "1s"}, "999ms"},
		{bound{"metric-store.future-tolerance", century}, "876001h"},
		{bound{"metric-store.checkpoint-interval", "1s"}, "999ms"},
		{bound{"metric-store.checkpoint-interval", century}, "876001h"},
		{bound{"metric-store.checkpoints.interval", "1s"}, "1ns"},
	} {
		t.Run(fmt.Sprint(b.key, " ", b.value), func(t *testing.T) {
			cfg := baseConfig()
			section(cfg, "metric-store")["retention-in-memory"] = "48h"
			b.put(cfg)
			n := start(t, cfg)
			n.wantWorking(n.client())
			bound{b.key, b.beyond}.put(cfg)
			run(t, launch{config: cfg, args: []string{"-check-config"}}).wantExit(1, b.key, "out of range")
		})
	}
}

// TestBoundsOnABroker: a small log is possible where an account has little room.
func TestBoundsOnABroker(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	cfg := brokerConfig(b.URL)
	bound{"nats.stream.max-bytes", "4MB"}.put(cfg)
	n := start(t, cfg)
	n.wantWorking(connect(t, b.URL))
	bound{"nats.stream.max-bytes", 4<<20 - 1}.put(cfg)
	run(t, launch{config: cfg, args: []string{"-check-config"}}).wantExit(1, "nats.stream.max-bytes", "out of range")
}

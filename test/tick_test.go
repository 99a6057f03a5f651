package test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"

	"cc-metric-store/cmd/cc-metric-generator/load"
)

// fritz returns so many hosts of the generator's larger cluster, 518 series each.
func fritz(t *testing.T, hosts int, interval int64) []*load.Host {
	t.Helper()
	clusters, err := load.Clusters()
	if err != nil {
		t.Fatal(err)
	}
	topology := clusters["fritz"]
	layout, err := load.NewLayout("fritz", topology, []string{"node", "socket", "hwthread"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []*load.Host
	for _, name := range topology.HostNames(hosts) {
		out = append(out, load.NewHost(layout, name, 1, interval))
	}
	return out
}

// loadMetrics is the configuration of all metrics of the hosts.
func loadMetrics(hosts []*load.Host, frequency int) object {
	metrics := object{}
	for _, m := range hosts[0].Layout().Metrics() {
		metrics[m] = object{"frequency": frequency, "aggregation": nil}
	}
	return metrics
}

// TestTick has the collectors of a whole machine publish in the same moment, by
// core NATS, each tenth of them over a connection of its own: nothing is lost.
// TICK_HOSTS makes it that many; make bench-tick says how long it takes.
func TestTick(t *testing.T) {
	count := 100
	if text := os.Getenv("TICK_HOSTS"); text != "" {
		var err error
		if count, err = strconv.Atoi(text); err != nil {
			t.Fatalf("read TICK_HOSTS: %v", err)
		}
	} else {
		t.Parallel()
	}
	hosts := fritz(t, count, 60)
	cfg := baseConfig()
	cfg["metrics"] = loadMetrics(hosts, 60)
	n := start(t, cfg)

	const perConnection = 10
	now := time.Now().Unix()
	begin := make(chan struct{})
	var published sync.WaitGroup
	lines := 0
	for i := 0; i < len(hosts); i += perConnection {
		nc, err := nats.Connect(n.NATSURL)
		if err != nil {
			t.Fatal(err)
		}
		t.Cleanup(nc.Close)
		var messages [][]byte
		for _, h := range hosts[i:min(i+perConnection, len(hosts))] {
			messages = append(messages, h.AppendTick(nil, now))
			lines += len(h.Layout().Metrics())
		}
		published.Go(func() {
			<-begin
			for _, m := range messages {
				if err := nc.Publish(subject, m); err != nil {
					t.Error(err)
				}
			}
			if err := nc.FlushTimeout(patience); err != nil {
				t.Error(err)
			}
		})
	}
	at := time.Now()
	close(begin)
	published.Wait()
	sent := time.Since(at)
	n.waitFor("all samples", func() error {
		if stored := n.metric("samples_total"); int(stored) != lines {
			return fmt.Errorf("%.0f of %d samples are stored", stored, lines)
		}
		return nil
	})
	visible := time.Since(at)
	t.Logf("%d hosts, %d samples: sent after %v, stored and visible after %v (%.2f million samples/s)",
		len(hosts), lines, sent.Round(time.Millisecond), visible.Round(time.Millisecond), float64(lines)/1e6/visible.Seconds())
	if got := int(n.metric("hosts")); got != len(hosts) {
		t.Errorf("%d hosts, want %d", got, len(hosts))
	}
}

package test

import (
	"fmt"
	"os"
	"strconv"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// TestTick has the collectors of a whole machine publish in the same moment, by
// core NATS, each tenth of them over a connection of its own: nothing is lost.
// TICK_HOSTS makes it that many; make bench says how long it takes.
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
	var connections []*nats.Conn
	for range (len(hosts) + perConnection - 1) / perConnection {
		connections = append(connections, connect(t, n.NATSURL).nc)
	}
	now, stored := time.Now().Unix(), 0
	for tick, name := range []string{"the first tick, of hosts that are not known", "the next tick"} {
		messages := make([][][]byte, len(connections))
		lines := 0
		for i, h := range hosts {
			messages[i/perConnection] = append(messages[i/perConnection], h.AppendTick(nil, now+60*int64(tick)))
			lines += len(h.Layout().Metrics())
		}
		stored += lines
		begin := make(chan struct{})
		var published sync.WaitGroup
		for i, nc := range connections {
			published.Go(func() {
				<-begin
				for _, m := range messages[i] {
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
			if got := n.metric("samples_total"); int(got) < stored { // what is sent again counts again
				return fmt.Errorf("%.0f of %d samples are stored", got, stored)
			}
			return nil
		})
		visible := time.Since(at)
		t.Logf("%s: %d hosts, %d samples: sent after %v, stored and visible after %v (%.2f million samples/s)",
			name, len(hosts), lines, sent.Round(time.Millisecond), visible.Round(time.Millisecond), float64(lines)/1e6/visible.Seconds())
	}
	if got := int(n.metric("hosts")); got != len(hosts) {
		t.Errorf("%d hosts, want %d", got, len(hosts))
	}
	if lost := n.metric("intake_failures_total"); lost != 0 {
		t.Errorf("%.0f messages are lost", lost)
	}
}

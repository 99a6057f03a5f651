package test

import (
	"fmt"
	"net"
	"os"
	"strings"
	"testing"
	"time"
)

// slowConsumer subscribes at the embedded server and never reads.
func (n *node) slowConsumer(subject string) {
	n.t.Helper()
	c, err := net.Dial("tcp", strings.TrimPrefix(n.NATSURL, "nats://"))
	if err != nil {
		n.t.Fatal(err)
	}
	n.t.Cleanup(func() { _ = c.Close() })
	if _, err := fmt.Fprintf(c, "CONNECT {\"verbose\":false}\r\nSUB %s 1\r\nPING\r\n", subject); err != nil {
		n.t.Fatal(err)
	}
	buf := make([]byte, 4<<10)
	for all := ""; !strings.Contains(all, "PONG"); {
		_ = c.SetReadDeadline(time.Now().Add(patience))
		m, err := c.Read(buf)
		if err != nil {
			n.t.Fatal(err)
		}
		all += string(buf[:m])
	}
}

// TestSlowConsumers: what 40 connections ask for and never read does not take the
// memory, and a sample is seen beside.
func TestSlowConsumers(t *testing.T) {
	cfg := baseConfig()
	section(cfg, "metric-store")["memory-cap"] = 1
	n := start(t, cfg)
	for range 40 {
		n.slowConsumer("hpc-nats")
	}
	c := n.client()
	body := "#" + strings.Repeat("x", 100<<10) + "\n"
	before, peak := n.resident(), int64(0)
	for i := range 4000 {
		c.send(subject, body)
		if i%10 == 0 {
			c.flush()
		}
		if i%50 == 0 {
			peak = max(peak, n.resident())
		}
	}
	n.publish(c, subject, line("seen", "cpu_load", 1, origin))
	n.want(hostMetric{"alex", "seen", "cpu_load"}, origin, 1)
	t.Logf("%d MiB resident before, at most %d", before>>20, peak>>20)
	if peak > 1300<<20 && os.Getenv("CC_RACE") != "1" { // the race detector takes several times the memory
		t.Errorf("%d MiB resident", peak>>20)
	}
	n.wantLog("closed connections to the embedded NATS server")
}

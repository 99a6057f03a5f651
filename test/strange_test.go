package test

import (
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats.go"

	"cc-metric-store/test/testkit"
)

// TestStrangeMessages: whatever is sent, the program goes on.
func TestStrangeMessages(t *testing.T) {
	t.Parallel()
	rnd := testkit.Rand(t)
	garbage := func(size int) string {
		b := make([]byte, size)
		for i := range b {
			b[i] = byte(rnd.Uint32())
		}
		return string(b)
	}
	n := start(t, baseConfig())
	c := n.client()
	for i, message := range []string{
		"", "\n", strings.Repeat("\n", 1<<16), "\x00", `"`, strings.Repeat(`"`, 1<<16), strings.Repeat(`\`, 1<<16), strings.Repeat("=", 1<<16),
		strings.Repeat(`a b="`, 1<<12) + "\n", strings.Repeat("cpu_load,", 1<<12), garbage(100), garbage(1 << 16), garbage(1 << 20), strings.Repeat("x", 5<<20),
	} {
		host := fmt.Sprint("h", i)
		n.publish(c, subject, ramp(host, 2)+message)
		n.publish(c, subject, message+"\n"+line(host, "cpu_load", 2, origin+120))
		if a := n.send("POST", "/api/write?cluster=alex", message); a.status != 200 && a.status != 400 {
			t.Errorf("%q: %d %s", clip(message), a.status, a.body)
		}
		n.wantRamp(host, 3)
	}
	n.kill()
	n = n.restart()
	for i := range 14 {
		n.wantRamp(fmt.Sprint("h", i), 3)
	}
}

// TestLargeMessages sends as much as one message may hold.
func TestLargeMessages(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	if limit := c.nc.MaxPayload(); limit != 31<<20 {
		t.Fatalf("the server takes messages of %d bytes, want 31 MiB", limit)
	}
	large := func(host string, lines int) string {
		var b strings.Builder
		note := ",note=" + strings.Repeat("x", 30<<10)
		for text := range strings.Lines(ramp(host, lines)) {
			b.WriteString(strings.Replace(text, ",type=node", note, 1))
		}
		return b.String()
	}
	message := large("large", 1030)
	if len(message) < 30<<20 {
		t.Fatalf("the message has %d bytes", len(message))
	}
	n.publish(c, subject, message)
	n.wantRamp("large", 1030)
	n.write(large("posted", 1300)) // 39 MB
	n.wantRamp("posted", 1300)
	if err := c.nc.Publish(subject, make([]byte, 32<<20)); err != nats.ErrMaxPayload {
		t.Errorf("a message of 32 MiB: %v, want %v", err, nats.ErrMaxPayload)
	}
	n.kill()
	n = n.restart()
	n.wantRamp("large", 1030)
	n.wantRamp("posted", 1300)
}

package test

import (
	"fmt"
	"strings"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestGarbageMessages: whatever is sent, the program goes on.
func TestGarbageMessages(t *testing.T) {
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

package test

import (
	"fmt"
	"io"
	"strings"
	"testing"
	"time"
)

// TestAttackBySlowBodies holds connections, each within a body, a header or before it.
func TestAttackBySlowBodies(t *testing.T) {
	n := startAttacked(t, 10, 1)
	// The begin of a zstd frame with a window of 8 MiB and a block, which is not all there.
	zstd := "\x28\xb5\x2f\xfd\x00\x68" + "\x00\x00\x08" + strings.Repeat("x", 20_000)
	begin := func(path, headers, body string) string {
		return "POST " + path + " HTTP/1.1\r\nHost: x\r\nContent-Length: 1000000\r\n" + headers + "\r\n" + body
	}
	lines := strings.Repeat(line("slow", "cpu_load", 1, origin), 3000)
	for _, c := range []struct {
		name  string
		count int
		text  string
	}{
		{"writes", sized(300, 9000), begin("/api/write", "", "cpu_load")},
		{"long writes", sized(100, 500), begin("/api/write", "", lines)},
		{"queries", sized(300, 3000), begin("/api/query", "", `{"queries":[`)},
		{"long queries", sized(100, 1000), begin("/api/query", "", `{"queries":[`+strings.Repeat(" ", 100_000))},
		{"frees", sized(300, 3000), begin("/api/free?to=1", "", `[`)},
		{"zstd", sized(100, 1000), begin("/api/write", "Content-Encoding: zstd\r\n", zstd)},
		{"gzip", sized(100, 3000), begin("/api/write", "Content-Encoding: gzip\r\n", zipped(t, lines[:1000])[:60])},
		{"headers", sized(300, 3000), "POST /api/write HTTP/1.1\r\nHost: x\r\nX-Long: " + strings.Repeat("x", 60_000)},
		{"nothing", sized(300, 9000), ""},
		{"refused", sized(100, 1000), begin("/api/write?cluster=%zz\xff", "", "")},
	} {
		n.attack(fmt.Sprintf("%s, %d connections", c.name, c.count), func() {
			conns := n.stuck(c.count, func(int) string { return c.text })
			n.seeThrough(sized(0, 5))
			if c.name == "long writes" {
				n.write(lines) // others with as much have their turn
			}
			closeAll(conns)
		})
	}
}

// TestStopDespiteSlowClients stops the program while clients hold connections with
// requests of all kinds, of which none comes to its end.
func TestStopDespiteSlowClients(t *testing.T) {
	t.Parallel()
	n := startAttacked(t, 1, 1)
	large := fmt.Sprintf(`{"cluster":"alex","from":0,"to":%d,"queries":[%s]}`, 60*(1<<20-1), strings.Repeat(`{"metric":"cpu_load","host":"h0"},`, 99)+`{"metric":"cpu_load","host":"h0"}`)
	texts := []string{
		"", "POST /api/write HTTP/1.1\r\nHost: x\r\nX-Half:", "POST /api/write HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\ncpu",
		fmt.Sprintf("POST /api/query HTTP/1.1\r\nHost: x\r\nContent-Length: %d\r\n\r\n%s", len(large), large),
	}
	defer closeAll(n.stuck(40, func(i int) string { return texts[i%len(texts)] }))
	n.want(hostMetric{"alex", "h0", "cpu_load"}, origin, 1)
	n.stop() // with exit status 0
}

// TestSlowBodiesAreCut waits for the end of bodies that trickle.
func TestSlowBodiesAreCut(t *testing.T) {
	if !fullAttack() {
		t.Log("with ATTACK=full, as it takes half a minute by design")
		return
	}
	n := startAttacked(t, 1, 1)
	conns := n.stuck(10, func(int) string { return "POST /api/write HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\n\r\ncpu" })
	defer closeAll(conns)
	began := time.Now()
	for _, c := range conns {
		_ = c.SetDeadline(time.Now().Add(patience))
		text, err := io.ReadAll(c)
		if err != nil || !strings.HasPrefix(string(text), "HTTP/1.1 408 ") {
			t.Errorf("%q (%v)", text, err)
		}
	}
	t.Logf("cut after %v", time.Since(began))
}

package test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"net"
	"os"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"
)

// With ATTACK=full attacks have the size that was met in the field, and the limits of
// time hold, too.
func fullAttack() bool { return os.Getenv("ATTACK") == "full" }

// sized is a number for a usual run, and for a full one.
func sized(usual, full int) int {
	if fullAttack() {
		return full
	}
	return usual
}

const (
	// What the program may take besides the memory cap, and how long a small query or a
	// write of a collector, which gives up after 5 s, may take while it is attacked.
	attackMemory  = 1300 << 20
	attackLatency = time.Second
	sinkLatency   = 4 * time.Second
)

// startAttacked runs the program with the hosts h0, h1, ... of the cluster alex, which
// have cpu_load and the hardware threads of mem_used in the first minutes.
func startAttacked(t *testing.T, hosts, threads int) *node {
	t.Helper()
	cfg := baseConfig()
	section(cfg, "metrics")["mem_used"] = object{"frequency": 60, "aggregation": "sum"}
	n := start(t, cfg)
	var b strings.Builder
	for h := range hosts {
		b.WriteString(line(fmt.Sprint("h", h), "cpu_load", 1, origin))
		for i := range threads {
			fmt.Fprintf(&b, "mem_used,cluster=alex,hostname=h%d,type=hwthread,type-id=%d value=1 %d\n", h, i, origin)
		}
		if b.Len() > 4<<20 || h == hosts-1 {
			n.write(b.String())
			b.Reset()
		}
	}
	n.write(line("probe", "cpu_load", 7, origin))
	return n
}

// attack runs something that means no good, while small queries and writes of others
// have to be answered, and checks and logs what that took.
func (n *node) attack(name string, do func()) {
	n.t.Helper()
	var stop atomic.Bool
	var probes sync.WaitGroup
	var asked, written probe
	query := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"cpu_load","host":"probe"}]}`, origin, origin+60)
	probes.Go(func() {
		asked.run(n, &stop, func() (answer, error) { return n.try("POST", "/api/query", query) }, `"data":[7]`)
	})
	probes.Go(func() {
		written.run(n, &stop, func() (answer, error) { return n.try("POST", "/api/write", line("probe", "cpu_load", 7, origin)) }, "")
	})
	began := time.Now()
	do()
	took := time.Since(began)
	stop.Store(true)
	probes.Wait()
	peak := n.peak()
	n.t.Logf("%s: %v, peak %d MB; beside it %d small queries, the slowest %v; %d writes, the slowest %v",
		name, took.Round(time.Millisecond), peak>>20, asked.count, asked.slowest.Round(time.Millisecond), written.count, written.slowest.Round(time.Millisecond))
	if peak > attackMemory && os.Getenv("CC_RACE") != "1" {
		n.t.Errorf("%s: the program took %d MB, want at most %d", name, peak>>20, attackMemory>>20)
	}
	if fullAttack() && (asked.slowest > attackLatency || written.slowest > sinkLatency) {
		n.t.Errorf("%s: a small query took %v and a write %v, want at most %v and %v", name, asked.slowest, written.slowest, attackLatency, sinkLatency)
	}
	if a := n.send("GET", "/readyz", ""); a.status != 200 || strings.Contains(a.body, "but") {
		n.t.Errorf("%s: afterwards readyz says %d %s", name, a.status, a.body)
	}
}

// probe is one who uses the program in good faith.
type probe struct {
	count   int
	slowest time.Duration
}

func (p *probe) run(n *node, stop *atomic.Bool, ask func() (answer, error), want string) {
	for !stop.Load() || p.count == 0 {
		began := time.Now()
		a, err := ask()
		if err != nil || a.status != 200 || !strings.Contains(a.body, want) {
			n.t.Errorf("a client in good faith got %d %s (%v)", a.status, clip(a.body), err)
			return
		}
		p.count++
		p.slowest = max(p.slowest, time.Since(began))
		time.Sleep(20 * time.Millisecond) // as a client does, not for something to happen
	}
}

// zipped compresses a text.
func zipped(t *testing.T, text string) string {
	t.Helper()
	var b bytes.Buffer
	w := gzip.NewWriter(&b)
	if _, err := w.Write([]byte(text)); err != nil {
		t.Fatal(err)
	}
	if err := w.Close(); err != nil {
		t.Fatal(err)
	}
	return b.String()
}

// together does something so many times at once.
func together(times int, do func(i int)) {
	var all sync.WaitGroup
	for i := range times {
		all.Go(func() { do(i) })
	}
	all.Wait()
}

// stuck opens connections and sends on each what it says, and no more.
func (n *node) stuck(count int, what func(i int) string) (conns []net.Conn) {
	n.t.Helper()
	for i := range count {
		c, err := net.Dial("tcp", strings.TrimPrefix(n.URL, "http://"))
		if err != nil {
			n.t.Fatal(err)
		}
		_ = c.SetWriteDeadline(time.Now().Add(patience))
		_, _ = io.WriteString(c, what(i)) // it may be closed already
		conns = append(conns, c)
	}
	return conns
}

func closeAll(conns []net.Conn) {
	for _, c := range conns {
		_ = c.Close()
	}
}

// seeThrough asks for so many seconds, but at least once.
func (n *node) seeThrough(seconds int) {
	n.t.Helper()
	for end := time.Now().Add(time.Duration(seconds) * time.Second); ; time.Sleep(50 * time.Millisecond) {
		n.want(hostMetric{"alex", "h0", "cpu_load"}, origin, 1)
		if time.Now().After(end) {
			return
		}
	}
}

package test

import (
	"bytes"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
)

// sendPacked publishes lines as an S2 block, and returns when they are applied.
func (n *node) sendPacked(c *client, lines string) (size int) {
	n.t.Helper()
	block := s2.Encode(nil, []byte(lines))
	entries := n.metric("log_entries_total")
	m := &nats.Msg{Subject: subject, Data: block, Header: nats.Header{"Content-Encoding": {"s2"}}}
	if err := c.nc.PublishMsg(m); err != nil {
		n.t.Fatal(err)
	}
	n.waitFor("the packed lines", func() error {
		if now := n.metric("log_entries_total"); now <= entries {
			return fmt.Errorf("%v entries", now)
		}
		return nil
	})
	return len(block)
}

// TestUnknownMetricsAreSaid: lines of metrics that are not configured are not kept,
// and the operator learns which.
func TestUnknownMetricsAreSaid(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	const lines = "nope,cluster=fritz,hostname=f1,type=node value=1\nnope,cluster=fritz,hostname=f1,type=node value=2\ncpu_load,cluster=fritz,hostname=f1 value=1\n"
	n.publish(c, subject, lines)
	n.publish(c, subject, lines)
	n.wantLog("level=WARN", "metric=nope", "cluster=fritz", "host=f1", `add it to \"metrics\"`)
	if a := n.send("POST", "/api/write?cluster=alex", "nöpe,hostname=h value=1\n"+lines); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	n.wantLog("level=WARN", "metric=nöpe", "cluster=alex", "host=h", "from=/api/write")
	if strings.Count(n.log.String(), "metric=nope ") != 1 {
		t.Error("a name is told more than once")
	}
	for name, want := range map[string]float64{"nope": 6, "nöpe": 1} {
		if got := n.metric(`unknown_metric_lines_total{metric="` + name + `"}`); got != want {
			t.Errorf("%s: %v lines, want %v", name, got, want)
		}
	}
	if all := n.metric(`lines_not_stored_total{reason="unknown-metric"}`); all != 7 {
		t.Errorf("%v lines", all)
	}
	a := n.send("GET", "/api/debug?unknown-metrics", "")
	if want := `{"metric":"nope","lines":6,"cluster":"fritz","hostname":"f1"},{"metric":"nöpe","lines":1,`; a.status != 200 || !strings.Contains(a.body, want) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestGarbageIsSaid: a line of the log for 100,000 of garbage, and one for those
// without a name.
func TestGarbageIsSaid(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	for range 10 {
		n.publish(c, subject, strings.Repeat("this is \x1b[31m no line\n", 10_000))
	}
	n.wantLog("level=WARN", "lines were refused", `reasons="syntax 10000"`, `first="this is \x1b[31m no line"`, "from="+subject, "nats stream view CC_METRICS_BAD")
	n.publish(c, subject, strings.Repeat("cpu_load,cluster=fritz,hostnam=f1,type=node value=1 1760000040\n", 100))
	n.wantLog("level=WARN", "no hostname tag", "lines=100", `first="cpu_load,cluster=fritz,hostnam=f1`)
	n.want(hostMetric{"fritz", "", "cpu_load"}, origin, 1)
	if strings.Count(n.log.String(), "level=WARN") > 4 {
		t.Errorf("log:\n%s", n.log)
	}
	if refused, nameless := n.metric(`lines_not_stored_total{reason="syntax"}`), n.metric(`samples_nameless_total{tag="hostname"}`); refused != 100_000 || nameless != 100 {
		t.Errorf("%v lines are refused, %v have no host", refused, nameless)
	}
}

// TestByteOrderMarks: what begins with one loses nothing.
func TestByteOrderMarks(t *testing.T) {
	t.Parallel()
	const mark = "\ufeff"
	n := start(t, baseConfig())
	c := n.client()
	if a := n.send("POST", "/api/write?cluster=alex", mark+ramp("rest", 100)+mark+ramp("joined", 100)); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	n.wantRamp("rest", 100)
	n.wantRamp("joined", 100)
	for i := range 100 { // the intake makes entries of many
		c.send(subject, mark+line("nats", "cpu_load", float64(i), origin+60*int64(i)))
	}
	c.flush()
	n.await(hostMetric{"alex", "nats", "cpu_load"}, origin+60*99, 99)
	n.wantRamp("nats", 100)
	n.sendPacked(c, mark+ramp("packed", 100))
	n.wantRamp("packed", 100)
	if a := n.send("POST", "/api/write?cluster=alex", mark+"\r\n"+mark+mark+"# text\n"+mark); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	var wide bytes.Buffer
	for _, b := range []byte(ramp("wide", 2)) {
		wide.Write([]byte{b, 0})
	}
	n.wantError(n.send("POST", "/api/write?cluster=alex", "\xff\xfe"+wide.String()), 400, "line 1", "UTF-16")
	if n.metric(`lines_not_stored_total{reason="syntax"}`) != 3 {
		t.Error("lines with a mark are refused")
	}
}

// TestNamesNeverSpoilMetrics: clusters by the thousand, and one whose name is cut
// inside of a character.
func TestNamesNeverSpoilMetrics(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	var b strings.Builder
	for i := range 1001 {
		fmt.Fprintf(&b, "cpu_load,cluster=c%d,hostname=h value=1\n", i)
	}
	for i := range 8 {
		for _, tail := range []string{"é", "€", "𝄞"} {
			name := strings.Repeat("x", 250+i) + tail + "y"
			fmt.Fprintf(&b, "cpu_load,cluster=%s,hostname=h value=1\nno%s,cluster=%s,hostname=%s value=1\n", name, name, name, name)
		}
	}
	n.send("POST", "/api/write?cluster=alex", b.String())
	n.send("POST", "/api/write?cluster=alex", "cpu_load,cluster=\xff\xfe,hostname=h value=1\nno\xff,cluster=a,hostname=\xc3 value=1\ncpu_load,cluster=a,hostname=h\xc3 value=1\n")
	if refused := n.metric(`lines_not_stored_total{reason="syntax"}`); refused != 3 {
		t.Errorf("%v lines that are no UTF-8 are refused, want 3", refused)
	}
	// What no writer is kept from sending: an entry with such a default cluster.
	c := n.client()
	m := &nats.Msg{Subject: "CC_METRICS.write", Data: []byte("cpu_load,hostname=h value=1\n"), Header: nats.Header{"Cc-Cluster": {"\xff\xfe"}}}
	if err := c.nc.PublishMsg(m); err != nil {
		t.Fatal(err)
	}
	n.waitFor("the entry", func() error {
		if refused := n.metric(`lines_not_stored_total{reason="syntax"}`); refused != 4 {
			return fmt.Errorf("%v lines are refused", refused)
		}
		return nil
	})
	n.wantLog("beyond a limit", "max-hosts")
	if a := n.send("GET", "/metrics", ""); a.status != 200 || !strings.Contains(a.body, `samples_refused_total{cluster="c`) {
		t.Errorf("%d", a.status)
	}
}

// TestBlocksThatUnpackToTooMuch: few bytes do not make much work.
func TestBlocksThatUnpackToTooMuch(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	before := n.processCPU()
	for _, noise := range []string{`m b="`, "\n", "\" =\"\n"} {
		if size := n.sendPacked(c, strings.Repeat(noise, 8<<20)); size > 1<<10 {
			t.Fatalf("%d bytes", size)
		}
	}
	n.write(ramp("a", 2))
	n.wantRamp("a", 2)
	used := n.processCPU() - before
	t.Logf("three blocks took %v", used)
	if used > 2*time.Second {
		t.Errorf("three blocks took %v", used)
	}
	if refused := n.metric(`lines_not_stored_total{reason="syntax"}`); refused != 3 {
		t.Errorf("%v entries are refused, want 3", refused)
	}
	n.wantLog("lines were refused", "100 times")
}

// TestTimesAtTheEdge: what is not refused is there, also after a restart.
func TestTimesAtTheEdge(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	const edge = 9223372036
	times := []int64{-edge, -edge + 1, -621355968, -1, 0, 1}
	for i, at := range times {
		n.write(fmt.Sprintf("cpu_load,cluster=alex,hostname=e%d value=%d %d\n", i, i, at))
	}
	for i := range 4 {
		a := n.send("POST", "/api/write?cluster=alex", fmt.Sprintf("cpu_load,hostname=x value=1 -922337203685477580%d\n", 8-i))
		n.wantError(a, 400, "line 1", "1970")
	}
	if refused := n.metric(`lines_not_stored_total{reason="timestamp"}`); refused != 4 {
		t.Errorf("%v lines are refused, want 4", refused)
	}
	if n.metric("samples_invalid_total") != 0 {
		t.Error("an invalid sample came to the store")
	}
	check := func(since int64) {
		t.Helper()
		for i, at := range times {
			if at < since {
				continue
			}
			n.want(hostMetric{"alex", fmt.Sprint("e", i), "cpu_load"}, at, float64(i))
		}
	}
	check(-edge)
	n.kill()
	n = n.restart()
	check(-edge)
	n.stop()
	n = n.restart() // from a checkpoint; retention takes its share then
	check(-1)
}

package test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"strings"
	"testing"
	"time"

	"github.com/klauspost/compress/s2"
	"github.com/nats-io/nats.go"
)

// TestWritesThatAreFine has what older stores refuse or lose.
func TestWritesThatAreFine(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	var packed bytes.Buffer
	z := gzip.NewWriter(&packed)
	if _, err := z.Write([]byte(ramp("packed", 100))); err != nil {
		t.Fatal(err)
	}
	if err := z.Close(); err != nil {
		t.Fatal(err)
	}
	if a := n.send("POST", "/api/write?cluster=alex", packed.String(), "Content-Encoding", "gzip"); a.status != 200 {
		t.Errorf("gzip: %d %s", a.status, a.body)
	}
	n.wantRamp("packed", 100)
	n.write("")
	n.write(strings.TrimSuffix(ramp("unfinished", 3), "\n")) // no end of line
	n.wantRamp("unfinished", 3)
	n.write(strings.ReplaceAll(ramp("crlf", 3), "\n", "\r\n"))
	n.wantRamp("crlf", 3)
	// In the hole between two runs of samples, each in its own request.
	n.write(line("hole", "cpu_load", 0, origin))
	n.write(line("hole", "cpu_load", 1500, origin+60*1500))
	n.write(line("hole", "cpu_load", 700, origin+60*700))
	n.write(line("hole", "cpu_load", -5, origin-60*5))
	for _, i := range []int64{0, 700, 1500, -5} {
		n.want(hostMetric{"alex", "hole", "cpu_load"}, origin+60*i, float64(i))
	}
	// Twice the same time, and less than half an interval beside it.
	n.write(line("slot", "cpu_load", 1, origin) + line("slot", "cpu_load", 2, origin) + line("slot", "cpu_load", 3, origin+29) + line("slot", "cpu_load", 4, origin+31))
	n.want(hostMetric{"alex", "slot", "cpu_load"}, origin, 3)
	n.want(hostMetric{"alex", "slot", "cpu_load"}, origin+60, 4)
	n.checkParts()
}

// checkParts writes and asks for parts of a host with unusual ids.
func (n *node) checkParts() {
	n.t.Helper()
	long := strings.Repeat("7", 300)
	n.write("cpu_load,cluster=alex,type-id=00000000:49:00.0,hostname=parts,type=accelerator value=1 1760000040\n" +
		"cpu_load,cluster=alex,hostname=parts,type=accelerator,type-id=" + long + " value=2 1760000040\n")
	row := n.query(object{"cluster": "alex", "from": origin, "to": origin + 60, "queries": []object{{
		"metric": "cpu_load", "host": "parts", "type": "accelerator", "type-ids": []string{"00000000:49:00.0", long},
	}}})[0]
	for i := range row {
		if v := row[i].Data[0]; v == nil || *v != float64(i+1) {
			n.t.Errorf("id %d: %v", i, shown(row))
		}
	}
	if len(row) != 2 {
		n.t.Errorf("%d results, want 2", len(row))
	}
}

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

// TestByteOrderMarks: what begins with one loses nothing.
func TestByteOrderMarks(t *testing.T) {
	t.Parallel()
	const mark = "\ufeff"
	n := start(t, baseConfig())
	c := n.client()
	if a := n.change("/api/write?cluster=alex", mark+ramp("rest", 100)+mark+ramp("joined", 100)); a.status != 200 {
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
	if a := n.change("/api/write?cluster=alex", mark+"\r\n"+mark+mark+"# text\n"+mark); a.status != 200 {
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

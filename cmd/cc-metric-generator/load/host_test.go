package load

import (
	"bytes"
	"math"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"cc-metric-store/test/testkit"
)

// testLayout returns the layout of a cluster at the default scopes.
func testLayout(t testing.TB, cluster string, scopes ...string) *Layout {
	t.Helper()
	if scopes == nil {
		scopes = []string{scopeNode, scopeSocket, scopeHWThread, scopeAccelerator}
	}
	clusters, err := Clusters()
	if err != nil {
		t.Fatal(err)
	}
	l, err := NewLayout(cluster, clusters[cluster], scopes, 0)
	if err != nil {
		t.Fatal(err)
	}
	return l
}

func TestSeriesPerHost(t *testing.T) {
	all := Scopes()
	for _, tc := range []struct {
		cluster string
		scopes  []string
		want    int
	}{
		{"fritz", nil, 72*7 + 2*3 + 8},
		{"alex", nil, 128*5 + 2*2 + 8*6 + 4},
		{"alex", all, 128*5 + 2*2 + 8*6 + 4 + 8},
		{"fritz", all, 518},
		{"fritz", []string{scopeNode}, 8},
		{"alex", []string{scopeAccelerator}, 48},
	} {
		if got := len(testLayout(t, tc.cluster, tc.scopes...).series); got != tc.want {
			t.Errorf("%s %v: %d series, want %d", tc.cluster, tc.scopes, got, tc.want)
		}
	}
}

func TestNoSeries(t *testing.T) {
	clusters, err := Clusters()
	if err != nil {
		t.Fatal(err)
	}
	if l, err := NewLayout("fritz", clusters["fritz"], []string{scopeAccelerator}, 0); err == nil {
		t.Errorf("fritz has no accelerators, but a layout of %d series", len(l.series))
	}
}

func TestHostNames(t *testing.T) {
	clusters, err := Clusters()
	if err != nil {
		t.Fatal(err)
	}
	alex := clusters["alex"]
	for _, tc := range []struct {
		n, want     int
		first, last string
	}{
		{0, 81, "a0603", "a0904"},
		{1, 1, "a0603", "a0603"},
		{81, 81, "a0603", "a0904"},
		{83, 83, "a0603", "n0002"},
	} {
		names := alex.HostNames(tc.n)
		if len(names) != tc.want || names[0] != tc.first || names[len(names)-1] != tc.last {
			t.Errorf("HostNames(%d): %d names, %s to %s; want %d, %s to %s",
				tc.n, len(names), names[0], names[len(names)-1], tc.want, tc.first, tc.last)
		}
	}
	if len(clusters["fritz"].Hosts) != 64 {
		t.Errorf("fritz has %d documented hosts, want 64", len(clusters["fritz"].Hosts))
	}
}

// TestLineForm compares one tick with the form that collectors send.
func TestLineForm(t *testing.T) {
	h := NewHost(testLayout(t, "alex"), "a0603", 1, 60)
	lines := strings.SplitAfter(string(h.AppendTick(nil, 1700000060)), "\n")
	for _, prefix := range []string{
		"cpu_load,cluster=alex,hostname=a0603,type=node value=",
		"mem_bw,cluster=alex,hostname=a0603,type=socket,type-id=1 value=",
		"ipc,cluster=alex,hostname=a0603,type=hwthread,type-id=127 value=",
		"nv_temp,cluster=alex,hostname=a0603,type=accelerator,type-id=00000000:49:00.0 value=",
	} {
		found := 0
		for _, line := range lines {
			if rest, ok := strings.CutPrefix(line, prefix); ok {
				found++
				if !strings.HasSuffix(rest, " 1700000060\n") {
					t.Errorf("%q does not end with the time in seconds", line)
				}
			}
		}
		if found != 1 {
			t.Errorf("%d lines begin with %q, want 1", found, prefix)
		}
	}
}

// TestLineSyntax reads the lines of both clusters with the decoder that stores use.
func TestLineSyntax(t *testing.T) {
	for _, cluster := range []string{"alex", "fritz"} {
		l := testLayout(t, cluster, Scopes()...)
		h := NewHost(l, "n0001", 7, 10)
		seen := map[string]bool{}
		decoder := lineprotocol.NewDecoderWithBytes(h.AppendTick(nil, 1700000060))
		for decoder.Next() {
			metric, err := decoder.Measurement()
			if err != nil {
				t.Fatal(err)
			}
			id, tags := string(metric), map[string]string{}
			for {
				key, value, err := decoder.NextTag()
				if err != nil {
					t.Fatal(err)
				}
				if key == nil {
					break
				}
				tags[string(key)] = string(value)
				id += "," + string(key) + "=" + string(value)
			}
			if tags["cluster"] != cluster || tags["hostname"] != "n0001" || (tags["type"] == scopeNode) != (tags["type-id"] == "") {
				t.Errorf("%s: wrong tags", id)
			}
			if seen[id] {
				t.Errorf("%s: sent twice", id)
			}
			seen[id] = true
			field, value, err := decoder.NextField()
			if err != nil || string(field) != "value" || value.Kind() != lineprotocol.Float {
				t.Errorf("%s: field %q of kind %v, error %v", id, field, value.Kind(), err)
			}
			at, err := decoder.Time(lineprotocol.Second, time.Time{})
			if err != nil || at.Unix() != 1700000060 {
				t.Errorf("%s: time %v, error %v", id, at, err)
			}
		}
		if len(seen) != len(l.series) {
			t.Errorf("%s: %d series in the lines, want %d", cluster, len(seen), len(l.series))
		}
	}
}

// TestReproducible asks for ticks in random order, from different hosts, and
// compares with an ordered pass.
func TestReproducible(t *testing.T) {
	rng := testkit.Rand(t)
	l := testLayout(t, "fritz")
	const first, interval, ticks = 1_700_000_000, 60, 3 * jobTicks

	ordered := NewHost(l, "f0201", 42, interval)
	want := make([][]byte, ticks)
	for i := range want {
		want[i] = ordered.AppendTick(nil, first+int64(i)*interval)
	}
	jumping := NewHost(l, "f0201", 42, interval)
	for range 200 {
		i := rng.IntN(ticks)
		if got := jumping.AppendTick(nil, first+int64(i)*interval); !bytes.Equal(got, want[i]) {
			t.Fatalf("tick %d differs when asked for out of order", i)
		}
	}
	for name, other := range map[string]*Host{
		"seed":    NewHost(l, "f0201", 43, interval),
		"host":    NewHost(l, "f0202", 42, interval),
		"cluster": NewHost(testLayout(t, "alex"), "f0201", 42, interval),
	} {
		got, _, _ := bytes.Cut(other.AppendTick(nil, first), []byte("\n"))
		if same, _, _ := bytes.Cut(want[0], []byte("\n")); bytes.Equal(valueOf(got), valueOf(same)) {
			t.Errorf("another %s gives the same value %s", name, valueOf(got))
		}
	}
}

// TestSeedIsStable pins values: a seed in somebody's script must go on meaning
// the same load.
func TestSeedIsStable(t *testing.T) {
	h := NewHost(testLayout(t, "fritz"), "f0201", 42, 60)
	line, _, _ := strings.Cut(string(h.AppendTick(nil, 1700000060)), "\n")
	const want = "cpu_load,cluster=fritz,hostname=f0201,type=node value=50.96 1700000060"
	if line != want {
		t.Errorf("got %s\nwant %s", line, want)
	}
}

func valueOf(line []byte) []byte {
	_, rest, _ := bytes.Cut(line, []byte("value="))
	value, _, _ := bytes.Cut(rest, []byte(" "))
	return value
}

// TestGaugesAreRealistic looks at a day of some hosts: values stay in range,
// have the digits of their metric and move in small steps, and some hosts are
// idle.
func TestGaugesAreRealistic(t *testing.T) {
	l := testLayout(t, "fritz")
	const hosts, ticks = 200, 240
	idle := 0
	for n := range hosts {
		h := NewHost(l, "n"+strconv.Itoa(n), 5, 60)
		if h.idle {
			idle++
		}
		if n >= 10 {
			continue // the values of ten hosts are enough
		}
		var previous []float64
		for tick := range int64(ticks) {
			lines := bytes.Split(bytes.TrimSpace(h.AppendTick(nil, 1_700_000_000+tick*60)), []byte("\n"))
			newJob := h.jobStart(h.tick) == h.tick
			for i, line := range lines {
				checkReading(t, h, &l.series[i], string(valueOf(line)))
			}
			for i := range h.values {
				g := l.series[i].gauge
				if previous != nil && !newJob && math.Abs(h.values[i]-previous[i]) > stride*(g.high-g.low) {
					t.Fatalf("%s%s jumps from %v to %v", l.series[i].head, l.series[i].tail, previous[i], h.values[i])
				}
			}
			previous = append(previous[:0], h.values...)
		}
	}
	if idle < hosts/20 || idle > hosts/5 {
		t.Errorf("%d of %d hosts are idle, want about a tenth", idle, hosts)
	}
}

func checkReading(t *testing.T, h *Host, s *series, text string) {
	t.Helper()
	v, err := strconv.ParseFloat(text, 64)
	g := s.gauge
	high := g.high
	if h.idle {
		high = g.low + g.width(true)
	}
	slack := 0.5 / g.scale // rounding
	if err != nil || v < g.low-slack-1e-4*g.low || v > high+slack {
		t.Fatalf("%s%s: value %s outside [%v, %v]: %v", s.head, s.tail, text, g.low, high, err)
	}
	_, fraction, _ := strings.Cut(text, ".")
	if g.behaviour != quotient && len(fraction) > g.decimals {
		t.Fatalf("%s%s: value %s has more than %d decimals", s.head, s.tail, text, g.decimals)
	}
}

// TestQuotients counts the values of a tick that use all digits of a float64.
func TestQuotients(t *testing.T) {
	clusters, err := Clusters()
	if err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		cluster string
		share   float64
		want    int // series
	}{
		{"fritz", 0, 0},
		{"fritz", 0.15, 72 + 4 + 2},
		{"fritz", 0.3, 72 + 4 + 2*3 + 72 + 1},
		{"fritz", 1, 518 - 73},
		{"alex", 0.003, 2},
		{"alex", 0.15, 128},
	} {
		l, err := NewLayout(tc.cluster, clusters[tc.cluster], Scopes(), tc.share)
		if err != nil {
			t.Fatal(err)
		}
		h, long := NewHost(l, "n0004", 3, 60), make([]bool, len(l.series))
		if h.idle {
			t.Fatal("the host is idle")
		}
		for tick := range int64(50) {
			for i, v := range h.Values(1_700_000_000 + tick*60) {
				digits := strings.TrimLeft(strconv.FormatFloat(v, 'f', -1, 64), "0.")
				long[i] = long[i] || len(digits) >= 15
			}
		}
		n := 0
		for _, is := range long {
			if is {
				n++
			}
		}
		if n != tc.want {
			t.Errorf("%s: %d of %d series are quotients for a share of %v, want %d", tc.cluster, n, len(long), tc.share, tc.want)
		}
	}
}

// TestRatesAreComplete: each metric is either steady or can be a quotient.
func TestRatesAreComplete(t *testing.T) {
	table, steadies := gauges(), 0
	for _, g := range table {
		if g.behaviour == steady {
			steadies++
		}
	}
	for _, metric := range rates() {
		if g := table[metric]; g == nil || g.behaviour == steady {
			t.Errorf("%s is no metric that can be a quotient", metric)
		}
	}
	if n := len(rates()) + steadies; n != len(table) {
		t.Errorf("%d metrics are steady or rates, of %d", n, len(table))
	}
}

func TestSteadyShare(t *testing.T) {
	table, n := gauges(), 0
	for _, g := range table {
		if g.behaviour == steady {
			n++
		}
	}
	if n*6 > len(table) || n*8 < len(table) {
		t.Errorf("%d of %d metrics are steady, want about one in seven", n, len(table))
	}
}

func BenchmarkAppendTick(b *testing.B) {
	for _, cluster := range []string{"alex", "fritz"} {
		b.Run(cluster, func(b *testing.B) {
			h := NewHost(testLayout(b, cluster), "n0001", 1, 60)
			buf := h.AppendTick(nil, 1_700_000_000)
			b.ReportAllocs()
			b.SetBytes(int64(len(buf)))
			tick := int64(0)
			for b.Loop() {
				tick++
				buf = h.AppendTick(buf[:0], 1_700_000_000+tick*60)
			}
			lines := float64(len(h.layout.series)) * float64(b.N)
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/lines, "ns/line")
		})
	}
}

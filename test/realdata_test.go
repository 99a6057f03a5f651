package test

import (
	"bytes"
	"compress/gzip"
	"fmt"
	"io"
	"os"
	"strconv"
	"strings"
	"testing"
)

const emmySamples, emmyHosts, emmyMetrics = 377019, 32, 9

// TestRealJob plays a day of a real job over NATS, in the messages in which it
// was sent, and asks for every sample of it.
func TestRealJob(t *testing.T) {
	t.Parallel()
	messages := splitMessages(readGzip(t, "testdata/emmy-job-1403244.lp.gz"))
	m := newModel(60)
	for _, message := range messages {
		m.addMessage(t, message)
	}
	if m.samples != emmySamples || len(m.origins) != emmyHosts || len(m.metrics) != emmyMetrics || m.slots() != emmySamples {
		t.Fatalf("the file has %d samples in %d slots of %d hosts and %d metrics, want %d each in its own slot, of %d hosts and %d metrics",
			m.samples, m.slots(), len(m.origins), len(m.metrics), emmySamples, emmyHosts, emmyMetrics)
	}
	cfg := baseConfig()
	metrics := object{}
	for name := range m.metrics {
		metrics[name] = minute()
	}
	cfg["metrics"] = metrics
	section(section(cfg, "nats"), "embedded")["sync"] = "1s" // the test is of values, not of the disk
	n := start(t, cfg)
	c := n.client()
	for _, message := range messages {
		c.send(subject, message)
	}
	c.flush()
	n.waitFor("all samples", func() error {
		if stored := n.metric("samples_total"); stored < emmySamples {
			return fmt.Errorf("%v of %d are stored", stored, emmySamples)
		}
		return nil
	})
	if compared := m.compare(n, "emmy"); compared != emmySamples {
		t.Errorf("%d samples came back equal, want %d", compared, emmySamples)
	}
}

// TestRealCollector plays the messages of a real collector, whose tags, types
// of numbers and order of lines are its own.
func TestRealCollector(t *testing.T) {
	t.Parallel()
	text, err := os.ReadFile("testdata/collector-capture.lp")
	if err != nil {
		t.Fatal(err)
	}
	messages := splitMessages(string(text))
	// The text value was recorded alone; here good lines follow it.
	last := len(messages) - 1
	messages[0] = messages[last] + messages[0]
	messages = messages[:last]
	m := newModel(5)
	for _, message := range messages {
		m.addMessage(t, message)
	}
	if len(messages) != 6 || m.samples != 580 || m.refused != 1 {
		t.Fatalf("the file has %d messages, %d numeric lines and %d others, want 6, 580 and 1", len(messages), m.samples, m.refused)
	}
	cfg := baseConfig()
	metrics := object{"topproc1": object{"frequency": 5}}
	for name := range m.metrics {
		metrics[name] = object{"frequency": 5}
	}
	cfg["metrics"] = metrics
	// The clock of the machine that recorded the file is none of ours.
	section(cfg, "metric-store")["future-tolerance"] = "200000h"
	n := start(t, cfg)
	c := n.client()
	for _, message := range messages {
		n.publish(c, subject, message)
	}
	if stored := n.metric("samples_total"); stored != 580 {
		t.Errorf("%v samples are stored, want 580", stored)
	}
	if refused := n.metric(`lines_not_stored_total{reason="value"}`); refused != 1 {
		t.Errorf("%v lines are refused for their value, want 1", refused)
	}
	if compared := m.compare(n, "testcluster"); compared != m.slots() {
		t.Errorf("%d values came back equal, want %d", compared, m.slots())
	}
}

// model is what the store should hold: a map of slots in which the last value
// wins. All series of a host share one row of slots, which starts half an
// interval before its first sample.
type model struct {
	frequency int64
	origins   map[string]int64 // by host
	metrics   map[string]bool
	values    map[modelSeries]map[int64]float64 // by slot
	samples   int
	refused   int // lines without a number
	newest    int64
}

type modelSeries struct{ host, metric, typ, id string }

func newModel(frequency int64) *model {
	return &model{frequency: frequency, origins: map[string]int64{}, metrics: map[string]bool{}, values: map[modelSeries]map[int64]float64{}}
}

func (m *model) slots() int {
	n := 0
	for _, v := range m.values {
		n += len(v)
	}
	return n
}

// addMessage reads lines that hold no escapes and no quoted blanks.
func (m *model) addMessage(t *testing.T, message string) {
	for text := range strings.Lines(message) {
		f := strings.Fields(text)
		if len(f) != 3 {
			t.Fatalf("line %q is not of three parts", text)
		}
		at, err := strconv.ParseInt(f[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		m.newest = max(m.newest, at)
		number := strings.TrimPrefix(f[1], "value=")
		if len(f[1]) > 6 {
			number = strings.TrimRight(number, "iu")
		}
		v, err := strconv.ParseFloat(number, 64)
		if err != nil {
			m.refused++
			continue
		}
		m.add(f[0], v, at)
	}
}

func (m *model) add(head string, value float64, at int64) {
	name, rest, _ := strings.Cut(head, ",")
	tags := map[string]string{}
	for tag := range strings.SplitSeq(rest, ",") {
		key, v, _ := strings.Cut(tag, "=")
		tags[key] = v
	}
	s := modelSeries{host: tags["hostname"], metric: name}
	if tags["type"] != "node" {
		s.typ, s.id = tags["type"], tags["type-id"]
	}
	m.samples++
	m.metrics[name] = true
	if _, ok := m.origins[s.host]; !ok {
		m.origins[s.host] = at - m.frequency/2
	}
	if m.values[s] == nil {
		m.values[s] = map[int64]float64{}
	}
	m.values[s][(at-m.origins[s.host])/m.frequency] = value
}

// compare asks for all series and returns how many cells agree with the model.
// It reports those that do not.
func (m *model) compare(n *node, cluster string) int {
	n.t.Helper()
	compared := 0
	for s, values := range m.values {
		from := m.origins[s.host] + m.frequency/2
		q := object{"metric": s.metric, "host": s.host}
		if s.typ != "" {
			q["type"], q["type-ids"] = s.typ, []string{s.id}
		}
		row := n.query(object{"cluster": cluster, "from": from, "to": m.newest + m.frequency, "queries": []object{q}})[0]
		if len(row) != 1 {
			n.t.Errorf("%v: %d results, want 1", s, len(row))
			continue
		}
		if row[0].Resolution != m.frequency || row[0].From != from {
			n.t.Errorf("%v: from %d in steps of %d s, want %d and %d", s, row[0].From, row[0].Resolution, from, m.frequency)
			continue
		}
		compared += compareCells(n.t, s, values, row[0].Data)
	}
	return compared
}

func compareCells(t *testing.T, s modelSeries, values map[int64]float64, cells []*float64) int {
	t.Helper()
	compared := 0
	for slot, got := range cells {
		want, ok := values[int64(slot)]
		switch {
		case got == nil && !ok:
		case got == nil || !ok || *got != want:
			t.Errorf("%v, slot %d: got %v, want %v (%v)", s, slot, shown(got), want, ok)
		default:
			compared++
		}
	}
	return compared
}

// splitMessages cuts a text at its empty lines.
func splitMessages(text string) []string {
	var out []string
	for message := range strings.SplitSeq(text, "\n\n") {
		if message = strings.Trim(message, "\n"); message != "" {
			out = append(out, message+"\n")
		}
	}
	return out
}

func readGzip(t *testing.T, path string) string {
	t.Helper()
	data, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	r, err := gzip.NewReader(bytes.NewReader(data))
	if err != nil {
		t.Fatal(err)
	}
	text, err := io.ReadAll(r)
	if err != nil {
		t.Fatal(fmt.Errorf("unpack %s: %w", path, err))
	}
	return string(text)
}

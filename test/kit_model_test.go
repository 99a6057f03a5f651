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

package original

import (
	"fmt"
	"math"
	"math/rand/v2"
	"testing"

	"cc-metric-store/test/testkit"
)

// modelBuffer is a buffer of the original: slots of an interval, the first of which begins half
// an interval before the first sample. A full one is followed by another one.
type modelBuffer struct {
	start  int64
	values []float32
}

const modelCap = 40

// model is a series as the original holds it.
type model struct {
	frequency int64
	buffers   []*modelBuffer
}

func (m *model) write(at int64, v float32) {
	last := len(m.buffers) - 1
	if last < 0 || (at-m.buffers[last].start)/m.frequency >= modelCap {
		m.buffers = append(m.buffers, &modelBuffer{start: at - m.frequency/2})
		last++
	}
	b := m.buffers[last]
	for int64(len(b.values)) <= (at-b.start)/m.frequency {
		b.values = append(b.values, float32(math.NaN()))
	}
	b.values[(at-b.start)/m.frequency] = v
}

// snapshot returns the series from a time on, as a checkpoint has it.
func (m *model) snapshot(from, to int64) metric {
	i := len(m.buffers) - 1
	for i > 0 && from < m.buffers[i].start+m.frequency/2 {
		i--
	}
	start := max(from, m.buffers[i].start+m.frequency/2)
	s := metric{name: "load", frequency: m.frequency, start: start}
	for at := start; at < to; at += m.frequency {
		for i < len(m.buffers)-1 && (at-m.buffers[i].start)/m.frequency >= modelCap {
			i++
		}
		b, v := m.buffers[i], float32(math.NaN())
		if slot := (at - b.start) / m.frequency; at >= b.start && slot < int64(len(b.values)) {
			v = b.values[slot]
		}
		s.values = append(s.values, v)
	}
	return s
}

// TestTimesOfAModel: a model of the original takes samples and writes snapshots at random times.
// What is read of them has the times at which it was sent, if the sender keeps its interval, and
// those of its slots otherwise.
func TestTimesOfAModel(t *testing.T) {
	t.Parallel()
	random := testkit.Rand(t)
	for range 60 {
		frequency := []int64{1, 2, 10, 15, 60}[random.IntN(5)]
		jitter := int64(0)
		if frequency >= 10 && random.IntN(2) == 0 {
			jitter = frequency / 5
		}
		checkModel(t, random, frequency, jitter)
	}
}

func checkModel(t *testing.T, random *rand.Rand, frequency, jitter int64) {
	t.Helper()
	begin := int64(1_760_000_000) + random.Int64N(1000)
	m, files, last := &model{frequency: frequency}, map[string][]byte{}, begin
	times := map[float64]int64{} // by value
	for i := range int64(200) {
		at := begin + 1 + i*frequency
		if i > 0 && jitter > 0 {
			at += random.Int64N(2*jitter+1) - jitter
		}
		if i == 0 || random.IntN(10) > 0 {
			times[float64(i)] = at
			m.write(at, float32(i))
		}
		if random.IntN(30) == 0 && at > last {
			files[fmt.Sprintf("%d.bin", last)] = level{from: last, metrics: []metric{m.snapshot(last, at)}}.binary()
			last = at
		}
	}
	got, report := importFiles(t, files)
	if len(files) > 0 && len(report.Damaged()) > 0 {
		t.Errorf("damaged: %q", report.Damaged())
	}
	load := got["load,cluster=c,hostname=h,type=node"]
	for v, at := range times {
		if _, ok := load[at]; jitter == 0 && at < last && !ok {
			t.Errorf("interval %d: the value %v of %d is missing", frequency, v, at)
		}
	}
	for at, v := range load {
		sent, off := times[v], at-times[v]
		if off < 0 {
			off = -off
		}
		if jitter == 0 && off != 0 || off > frequency/2+2*jitter {
			t.Errorf("interval %d, jitter %d: the value of %d has the time %d", frequency, jitter, sent, at)
		}
	}
}

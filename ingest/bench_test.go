package ingest

import (
	"fmt"
	"math"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"

	"cc-metric-store/store"
)

// The load of the benchmarks: hosts with 518 series each, as of a node with 72
// hardware threads; one message is one host at one tick of 60 s.
const seriesPerHost = 72*7 + 2*3 + 8

func benchMetrics() map[string]store.MetricConfig {
	m := map[string]store.MetricConfig{}
	for i := range 8 {
		m["metric_"+strconv.Itoa(i)] = store.MetricConfig{Frequency: 60, Aggregation: store.AggregateSum}
	}
	return m
}

// appendMessage renders one host at one tick, with values of 0 to 6 decimals.
func appendMessage(b []byte, host, tick int) []byte {
	line := func(metric, i int, tags string) {
		b = append(b, "metric_"...)
		b = strconv.AppendInt(b, int64(metric), 10)
		b = append(b, ",cluster=fritz,hostname=f"...)
		b = strconv.AppendInt(b, int64(10_000+host), 10)
		b = append(b, tags...)
		b = strconv.AppendInt(b, int64(i), 10)
		b = append(b, " value="...)
		x := math.Sin(float64(host*31+i*7+metric)+float64(tick)/50) * 1000
		if i%7 == 0 {
			x = float64(host) // one in seven is constant
		}
		scale := math.Pow10((i + metric) % 7)
		b = strconv.AppendFloat(b, math.Round(x*scale)/scale, 'f', -1, 64)
		b = append(b, ' ')
		b = strconv.AppendInt(b, int64(base+tick*60), 10)
		b = append(b, '\n')
	}
	for metric := range 8 {
		line(metric, 0, ",type=node,type-id=")
	}
	for metric := range 3 {
		for i := range 2 {
			line(metric, i, ",type=socket,type-id=")
		}
	}
	for metric := range 7 {
		for i := range 72 {
			line(metric, i, ",type=hwthread,type-id=")
		}
	}
	return b
}

// meter measures what a benchmark takes for a million samples.
type meter struct {
	b       *testing.B
	cpu     time.Duration // at the start
	used    time.Duration // if it was not all since then
	samples int
}

func startMeter(b *testing.B) *meter {
	b.Helper()
	b.ReportAllocs()
	m := &meter{b: b, cpu: cpuTime()}
	b.ResetTimer()
	return m
}

func (m *meter) report() {
	m.b.StopTimer()
	n := float64(m.samples)
	if m.used == 0 {
		m.used = cpuTime() - m.cpu
	}
	m.b.ReportMetric(n/m.b.Elapsed().Seconds()/1e6, "Msamples/s")
	m.b.ReportMetric(m.used.Seconds()/n*1e6, "cpu-s/Msample")
	m.b.ReportMetric(0, "ns/op")
}

// cpuTime returns the processor time of the whole process.
func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

// benchRound is the number of messages that are rendered, and then timed, at
// once: as many as a cache holds.
const benchRound = 32

// benchApply measures apply on one core over ever new ticks of so many hosts,
// whose series exist.
func benchApply(b *testing.B, hosts int, apply func(message []byte)) {
	messages := make([][]byte, benchRound)
	messages[0] = appendMessage(nil, 0, 0)
	for h := range hosts {
		apply(appendMessage(messages[0][:0], h, 0))
	}
	m := startMeter(b)
	for i := 0; i < b.N; i += benchRound {
		b.StopTimer()
		n := min(benchRound, b.N-i)
		for j := range n {
			messages[j] = appendMessage(messages[j][:0], (i+j)%hosts, 1+(i+j)/hosts)
			b.SetBytes(int64(len(messages[j])))
		}
		b.StartTimer()
		cpu := cpuTime()
		for _, message := range messages[:n] {
			apply(message)
		}
		m.used += cpuTime() - cpu
	}
	m.samples = b.N * seriesPerHost
	m.report()
}

// BenchmarkDecode compares the ways to read a message, without storing it:
// line-protocol/v2 alone, and the decoder when it has not seen the lines before
// and when it has.
func BenchmarkDecode(b *testing.B) {
	const hosts = 500_000 / seriesPerHost
	b.Run("line-protocol", func(b *testing.B) {
		sum := 0.0
		benchApply(b, hosts, func(message []byte) {
			readLineProtocol(message, func(_ []byte, _ int, v float64) { sum += v })
		})
	})
	for _, known := range []bool{false, true} {
		b.Run(map[bool]string{false: "new", true: "known"}[known], func(b *testing.B) {
			s := benchStore(b)
			m := newMemo()
			d := newDecoder(s, m, time.Hour)
			var out decoded
			taught := 0
			benchApply(b, hosts, func(message []byte) {
				out.reset()
				d.decode(message, "", time.Unix(base0, 0), &out)
				if taught++; known && taught <= hosts {
					learnAll(s, m, &out)
				}
			})
		})
	}
}

func benchStore(b testing.TB) *store.Store {
	b.Helper()
	s, err := store.New(store.Config{Metrics: benchMetrics()})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

// learnAll stores and learns what was decoded, as the pipeline does.
func learnAll(s *store.Store, m *memo, out *decoded) {
	for i := range out.batches {
		b := &out.batches[i]
		m.learn(out, i, s.Append(b))
	}
}

// BenchmarkDecodeAppend decodes and stores messages on one core. The baseline is
// a plain line-protocol/v2 loop into one slice for each series behind one map and
// one mutex. With few series there are so many
// ticks that blocks are sealed, too.
func BenchmarkDecodeAppend(b *testing.B) {
	for _, series := range []int{10_000, 500_000, 5_000_000} {
		hosts := series / seriesPerHost
		if series <= 500_000 {
			b.Run(fmt.Sprintf("series=%d/baseline", series), func(b *testing.B) {
				benchApply(b, hosts, newBaseline().apply)
			})
		}
		b.Run(fmt.Sprintf("series=%d/ours", series), func(b *testing.B) {
			s := benchStore(b)
			m := newMemo()
			d := newDecoder(s, m, time.Hour)
			var out decoded
			benchApply(b, hosts, func(message []byte) {
				out.reset()
				d.decode(message, "", time.Unix(base0, 0), &out)
				learnAll(s, m, &out)
			})
			b.ReportMetric(float64(m.bytes.Load())/float64(hosts*seriesPerHost), "memo-B/series")
		})
	}
}

// BenchmarkNewHosts decodes, stores and learns the first message of ever new hosts
// of one kind, as after a start.
func BenchmarkNewHosts(b *testing.B) {
	s := benchStore(b)
	m := newMemo()
	d := newDecoder(s, m, time.Hour)
	var out decoded
	var message []byte
	meter := startMeter(b)
	for i := range b.N {
		b.StopTimer()
		message = appendMessage(message[:0], i, 0)
		b.StartTimer()
		cpu := cpuTime()
		out.reset()
		d.decode(message, "", time.Unix(base0, 0), &out)
		learnAll(s, m, &out)
		meter.used += cpuTime() - cpu
	}
	meter.samples = b.N * seriesPerHost
	meter.report()
}

// base0 is late enough for all ticks of a benchmark.
const base0 = base + 365*24*3600

// baseline is the simplest thing that works.
type baseline struct {
	mu     sync.Mutex
	series map[string][]float64 // by slot of 60 s from base on
}

func newBaseline() *baseline { return &baseline{series: map[string][]float64{}} }

func (l *baseline) apply(message []byte) {
	readLineProtocol(message, l.set)
}

// readLineProtocol calls set for the series, slot and value of each line.
func readLineProtocol(message []byte, set func(key []byte, slot int, v float64)) {
	dec := lineprotocol.NewDecoderWithBytes(message)
	var key []byte
	for dec.Next() {
		name, err := dec.Measurement()
		if err != nil {
			panic(err)
		}
		key = append(key[:0], name...)
		for {
			k, v, err := dec.NextTag()
			if err != nil {
				panic(err)
			}
			if k == nil {
				break
			}
			key = append(append(append(append(key, ','), k...), '='), v...)
		}
		_, v, err := dec.NextField()
		if err != nil {
			panic(err)
		}
		t, err := dec.Time(lineprotocol.Second, time.Time{})
		if err != nil {
			panic(err)
		}
		set(key, int(t.Unix()-base)/60, v.FloatV())
	}
}

func (l *baseline) set(key []byte, slot int, v float64) {
	l.mu.Lock()
	defer l.mu.Unlock()
	values := l.series[string(key)]
	for len(values) <= slot {
		values = append(values, math.NaN())
	}
	values[slot] = v
	l.series[string(key)] = values
}

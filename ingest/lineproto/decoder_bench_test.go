package lineproto

import (
	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
	"fmt"
	"math"
	"sync"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
)

func benchMetrics() map[string]store.MetricConfig {
	m := map[string]store.MetricConfig{}
	for _, name := range testkit.BenchMetrics() {
		m[name] = store.MetricConfig{Frequency: 60, Aggregation: store.AggregateSum}
	}
	return m
}

// benchRound is the number of messages that are rendered, and then timed, at
// once: as many as a cache holds.
const benchRound = 32

// benchApply measures apply on one core over ever new ticks of so many hosts,
// whose series exist.
func benchApply(b *testing.B, hosts int, apply func(message []byte)) {
	messages := make([][]byte, benchRound)
	messages[0] = testkit.AppendMessage(nil, 0, 0)
	for h := range hosts {
		apply(testkit.AppendMessage(messages[0][:0], h, 0))
	}
	m := testkit.StartMeter(b)
	for i := 0; i < b.N; i += benchRound {
		b.StopTimer()
		n := min(benchRound, b.N-i)
		for j := range n {
			messages[j] = testkit.AppendMessage(messages[j][:0], (i+j)%hosts, 1+(i+j)/hosts)
			b.SetBytes(int64(len(messages[j])))
		}
		b.StartTimer()
		cpu := testkit.CPUTime()
		for _, message := range messages[:n] {
			apply(message)
		}
		m.Used += testkit.CPUTime() - cpu
	}
	m.Samples = b.N * testkit.SeriesPerHost
	m.Report()
}

// BenchmarkDecode compares the ways to read a message, without storing it:
// line-protocol/v2 alone, and the decoder when it has not seen the lines before
// and when it has.
func BenchmarkDecode(b *testing.B) {
	const hosts = 500_000 / testkit.SeriesPerHost
	b.Run("line-protocol", func(b *testing.B) {
		sum := 0.0
		benchApply(b, hosts, func(message []byte) {
			readLineProtocol(message, func(_ []byte, _ int, v float64) { sum += v })
		})
	})
	for _, known := range []bool{false, true} {
		b.Run(map[bool]string{false: "new", true: "known"}[known], func(b *testing.B) {
			s := benchStore(b)
			c := NewSeriesCache()
			d := NewDecoder(s, c, time.Hour)
			var out Decoded
			taught := 0
			benchApply(b, hosts, func(message []byte) {
				out.Reset()
				d.Decode(message, "", time.Unix(base0, 0), &out)
				if taught++; known && taught <= hosts {
					learnAll(s, c, &out)
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

// BenchmarkDecodeAppend decodes and stores messages on one core. The baseline is
// a plain line-protocol/v2 loop into one slice for each series behind one map and
// one mutex. With few series there are so many
// ticks that blocks are sealed, too.
func BenchmarkDecodeAppend(b *testing.B) {
	for _, series := range []int{10_000, 500_000, 5_000_000} {
		hosts := series / testkit.SeriesPerHost
		if series <= 500_000 {
			b.Run(fmt.Sprintf("series=%d/baseline", series), func(b *testing.B) {
				benchApply(b, hosts, newBaseline().apply)
			})
		}
		b.Run(fmt.Sprintf("series=%d/ours", series), func(b *testing.B) {
			s := benchStore(b)
			c := NewSeriesCache()
			d := NewDecoder(s, c, time.Hour)
			var out Decoded
			benchApply(b, hosts, func(message []byte) {
				out.Reset()
				d.Decode(message, "", time.Unix(base0, 0), &out)
				learnAll(s, c, &out)
			})
			b.ReportMetric(float64(c.Bytes())/float64(hosts*testkit.SeriesPerHost), "cache-B/series")
		})
	}
}

// BenchmarkNewHosts decodes, stores and learns the first message of ever new hosts
// of one kind, as after a start.
func BenchmarkNewHosts(b *testing.B) {
	s := benchStore(b)
	c := NewSeriesCache()
	d := NewDecoder(s, c, time.Hour)
	var out Decoded
	var message []byte
	meter := testkit.StartMeter(b)
	for i := range b.N {
		b.StopTimer()
		message = testkit.AppendMessage(message[:0], i, 0)
		b.StartTimer()
		cpu := testkit.CPUTime()
		out.Reset()
		d.Decode(message, "", time.Unix(base0, 0), &out)
		learnAll(s, c, &out)
		meter.Used += testkit.CPUTime() - cpu
	}
	meter.Samples = b.N * testkit.SeriesPerHost
	meter.Report()
}

// base0 is late enough for all ticks of a benchmark.
const base0 = testkit.BenchTime + 365*24*3600

// baseline is the simplest thing that works.
type baseline struct {
	mu     sync.Mutex
	series map[string][]float64 // by slot of 60 s from testkit.BenchTime on
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
		set(key, int(t.Unix()-testkit.BenchTime)/60, v.FloatV())
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

package ingest

import (
	"context"
	"fmt"
	"math"
	"strconv"
	"sync"
	"syscall"
	"testing"
	"time"

	"github.com/influxdata/line-protocol/v2/lineprotocol"
	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"bytes"

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

// appendMessage renders one host at one tick.
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
		b = strconv.AppendFloat(b, math.Round(x*100)/100, 'f', -1, 64)
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
	cpu     time.Duration
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
	m.b.ReportMetric(n/m.b.Elapsed().Seconds()/1e6, "Msamples/s")
	m.b.ReportMetric((cpuTime()-m.cpu).Seconds()/n*1e6, "cpu-s/Msample")
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

// BenchmarkDecodeAppend decodes and stores messages on one core, over ever new
// ticks. The baseline is a plain line-protocol/v2 loop into one slice for each
// series behind one map and one mutex.
func BenchmarkDecodeAppend(b *testing.B) {
	for _, series := range []int{10_000, 500_000} {
		hosts := series / seriesPerHost
		run := func(name string, apply func(message []byte)) {
			b.Run(fmt.Sprintf("series=%d/%s", series, name), func(b *testing.B) {
				var message []byte
				for h := range hosts { // the series exist
					message = appendMessage(message[:0], h, 0)
					apply(message)
				}
				m := startMeter(b)
				for i := range b.N {
					b.StopTimer()
					cpu := cpuTime()
					message = appendMessage(message[:0], i%hosts, 1+i/hosts)
					m.cpu += cpuTime() - cpu
					b.StartTimer()
					apply(message)
				}
				m.samples = b.N * seriesPerHost
				m.report()
			})
		}
		base := newBaseline()
		run("baseline", base.apply)

		s, err := store.New(store.Config{Metrics: benchMetrics()})
		if err != nil {
			b.Fatal(err)
		}
		d := newDecoder(s, time.Hour)
		var out decoded
		run("ours", func(message []byte) {
			out.reset()
			d.decode(message, "", time.Unix(base0, 0), &out)
			for i := range out.batches {
				s.Append(&out.batches[i])
			}
		})
	}
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
		l.set(key, int(t.Unix()-base)/60, v.FloatV())
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

// benchNode runs an Ingest over an embedded server whose log is on disk.
func benchNode(b *testing.B) (*Ingest, jetstream.JetStream) {
	b.Helper()
	ns, err := server.NewServer(&server.Options{
		DontListen: true, NoSigs: true, NoLog: true, JetStream: true, StoreDir: b.TempDir(), MaxPayload: 16 << 20,
		SyncAlways: true, StreamMaxBufferedSize: 2 << 30, MaxPending: 256 << 20,
	})
	if err != nil {
		b.Fatal(err)
	}
	ns.Start()
	if !ns.ReadyForConnections(patience) {
		b.Fatal("nats-server does not start")
	}
	b.Cleanup(func() { ns.Shutdown(); ns.WaitForShutdown() })
	s, err := store.New(store.Config{Metrics: benchMetrics()})
	if err != nil {
		b.Fatal(err)
	}
	in, err := New(Config{Embedded: embed(ns), Subscriptions: []Subscription{{Subject: "hpc-nats"}}, Stream: Stream{Compression: true}}, s)
	if err != nil {
		b.Fatal(err)
	}
	ctx, cancel := context.WithCancel(context.Background())
	done := make(chan error, 1)
	go func() { done <- in.Run(ctx, store.Restored{}) }()
	b.Cleanup(func() {
		cancel()
		if err := <-done; err != nil {
			b.Error(err)
		}
	})
	await(b, func() bool { return in.Ready() == nil })
	nc, err := nats.Connect("", nats.InProcessServer(ns))
	if err != nil {
		b.Fatal(err)
	}
	b.Cleanup(nc.Close)
	js, err := jetstream.New(nc, jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		b.Fatal(err)
	}
	return in, js
}

func await(b *testing.B, condition func() bool) {
	b.Helper()
	for end := time.Now().Add(patience); !condition(); time.Sleep(100 * time.Microsecond) {
		if time.Now().After(end) {
			b.Fatal("waited in vain")
		}
	}
}

// benchMessages renders n messages of 200 hosts.
func benchMessages(n int) [][]byte {
	messages := make([][]byte, n)
	for i := range messages {
		messages[i] = appendMessage(nil, i%200, i/200)
	}
	return messages
}

// BenchmarkNATSToVisible publishes acknowledged messages and waits until the
// last one is in the store: publisher, embedded server with every message
// synced, and ingest in one process.
func BenchmarkNATSToVisible(b *testing.B) {
	in, js := benchNode(b)
	messages := benchMessages(b.N)
	m := startMeter(b)
	for _, data := range messages {
		if _, err := js.PublishAsync("hpc-nats", data, jetstream.WithStallWait(time.Minute)); err != nil {
			b.Fatal(err)
		}
	}
	await(b, func() bool { return in.Stats().Entries == int64(b.N) })
	m.samples = b.N * seriesPerHost
	m.report()
}

// BenchmarkWriteToVisible writes bodies of eight hosts as REST does, one after
// the other.
func BenchmarkWriteToVisible(b *testing.B) {
	in, _ := benchNode(b)
	const perBody = 8
	messages := benchMessages(b.N * perBody)
	m := startMeter(b)
	for i := range b.N {
		body := bytes.Join(messages[i*perBody:(i+1)*perBody], nil)
		if err := in.Write(context.Background(), "", bytes.NewReader(body)); err != nil {
			b.Fatal(err)
		}
	}
	m.samples = b.N * perBody * seriesPerHost
	m.report()
}

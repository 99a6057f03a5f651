package testkit

import (
	"math"
	"strconv"
	"syscall"
	"testing"
	"time"
)

// SeriesPerHost is how many series each host of the benchmarks has, as a node with 72
// hardware threads; one message is one host at one tick of 60 s.
const SeriesPerHost = 72*7 + 2*3 + 8

// BenchTime is the time of the tick 0 of the benchmarks, in Unix seconds.
const BenchTime = 1_700_000_000

// BenchMetrics returns the names of the metrics of the benchmarks.
func BenchMetrics() []string {
	var names []string
	for i := range 8 {
		names = append(names, "metric_"+strconv.Itoa(i))
	}
	return names
}

// AppendMessage appends a message of the benchmarks in line protocol: one host at one tick,
// with values of 0 to 6 decimals.
func AppendMessage(b []byte, host, tick int) []byte {
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
		b = strconv.AppendInt(b, int64(BenchTime+tick*60), 10)
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

// Meter measures what a benchmark takes for a million samples.
type Meter struct {
	b   *testing.B
	cpu time.Duration // at the start
	// Used is the processor time, if it was not all since the start.
	Used    time.Duration
	Samples int
}

// StartMeter begins to measure.
func StartMeter(b *testing.B) *Meter {
	b.Helper()
	b.ReportAllocs()
	m := &Meter{b: b, cpu: CPUTime()}
	b.ResetTimer()
	return m
}

// Report stops the benchmark's timer, and reports.
func (m *Meter) Report() {
	m.b.StopTimer()
	n := float64(m.Samples)
	if m.Used == 0 {
		m.Used = CPUTime() - m.cpu
	}
	m.b.ReportMetric(n/m.b.Elapsed().Seconds()/1e6, "Msamples/s")
	m.b.ReportMetric(m.Used.Seconds()/n*1e6, "cpu-s/Msample")
	m.b.ReportMetric(0, "ns/op")
}

// CPUTime returns the processor time of the whole process.
func CPUTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

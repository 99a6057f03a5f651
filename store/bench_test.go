package store

import (
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"runtime"
	"runtime/debug"
	"strconv"
	"strings"
	"syscall"
	"testing"
	"time"

	"cc-metric-store/cmd/cc-metric-generator/load"
)

// A host of the benchmarks has the series of a node with 72 hardware threads:
// 8 of the node, 3 for each socket, 7 for each thread.
const benchSeries = 8 + 3*2 + 7*72

var benchMetrics = func() map[string]MetricConfig {
	m := map[string]MetricConfig{}
	for kind, n := range map[string]int{"node": 8, "socket": 3, "hwthread": 7} {
		for i := range n {
			m[kind+strconv.Itoa(i)] = MetricConfig{Frequency: 60, Aggregation: AggregateSum}
		}
	}
	return m
}()

// benchBatch returns a host's batch of one tick; fill changes its values and
// times.
func benchBatch(s *Store, host int) *Batch {
	b := &Batch{Cluster: "fritz", Host: fmt.Sprintf("f%05d", host), Parts: []Part{{}}}
	add := func(part int, kind string, metric int) {
		id, _ := s.Metric([]byte(kind + strconv.Itoa(metric)))
		b.Add(int32(part), id, 0, 0)
	}
	for m := range 8 {
		add(0, "node", m)
	}
	for _, kind := range []struct {
		name           string
		parts, metrics int
	}{{"socket", 2, 3}, {"hwthread", 72, 7}} {
		first := len(b.Parts)
		for i := range kind.parts {
			b.Parts = append(b.Parts, Part{Type: kind.name, ID: strconv.Itoa(i)})
		}
		for m := range kind.metrics {
			for i := range kind.parts {
				add(first+i, kind.name, m)
			}
		}
	}
	return b
}

// walks are the random walks of a host's series, with 0 to 3 decimals; one in
// seven is constant.
type walks struct {
	rnd    *rand.Rand
	values []float64
}

func newWalks(host int) *walks {
	w := &walks{rand.New(rand.NewPCG(uint64(host), 1)), make([]float64, benchSeries)}
	for i := range w.values {
		w.values[i] = w.rnd.Float64() * 1000
	}
	return w
}

func (w *walks) fill(b *Batch, at int64) {
	for i := range b.Samples {
		if i%7 != 0 {
			w.values[i] = math.Abs(w.values[i] + w.rnd.NormFloat64()*5)
		}
		scale := math.Pow10(i % 4)
		b.Samples[i].Time, b.Samples[i].Value = at, math.Round(w.values[i]*scale)/scale
	}
}

// walked fills a store with so many hosts and ticks of 60 s.
func walked(tb testing.TB, hosts, ticks int) *Store {
	tb.Helper()
	s, err := New(Config{Metrics: benchMetrics})
	if err != nil {
		tb.Fatal(err)
	}
	for h := range hosts {
		b, w := benchBatch(s, h), newWalks(h)
		for t := range ticks {
			w.fill(b, t0+int64(t)*60)
			s.Append(b)
		}
	}
	return s
}

// BenchmarkAppend appends ticks of 1,000 hosts in turn, sealing included.
func BenchmarkAppend(b *testing.B) {
	s, err := New(Config{Metrics: benchMetrics})
	if err != nil {
		b.Fatal(err)
	}
	batches := make([]*Batch, 1000)
	for h := range batches {
		batches[h] = benchBatch(s, h)
		newWalks(h).fill(batches[h], t0)
		s.Append(batches[h])
	}
	b.ReportAllocs()
	b.ResetTimer()
	for i := range b.N {
		batch := batches[i%len(batches)]
		at := t0 + 60*int64(1+i/len(batches))
		for j := range batch.Samples {
			batch.Samples[j].Time = at
		}
		s.Append(batch)
	}
	b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/benchSeries, "ns/sample")
}

// BenchmarkQuery answers queries of the kinds that cc-backend sends, on 32 hosts
// with 24 h of samples.
func BenchmarkQuery(b *testing.B) {
	const hosts, ticks = 32, 1440
	s := walked(b, hosts, ticks)
	end := int64(t0 + ticks*60)
	threads := make([]string, 72)
	for i := range threads {
		threads[i] = strconv.Itoa(i)
	}
	run := func(name string, queries []Query) {
		b.Run(name, func(b *testing.B) {
			b.ReportAllocs()
			for range b.N {
				for i := range queries {
					if rows, err := s.Query(&queries[i]); err != nil || len(rows) == 0 {
						b.Fatal(len(rows), err)
					}
				}
			}
		})
	}
	each := func(q Query) (all []Query) {
		q.Cluster, q.To = "fritz", end
		for h := range hosts {
			q.Host = fmt.Sprintf("f%05d", h)
			all = append(all, q)
		}
		return all
	}
	run("one node metric, 6 h", each(Query{Metric: "node7", From: end - 6*3600})[:1])
	run("32 hosts, one node metric, 12 h", each(Query{Metric: "node7", From: end - 12*3600}))
	run("32 hosts, sum of 72 threads, 6 h", each(Query{Metric: "hwthread1", From: end - 6*3600}))
	run("32 hosts, sum of 72 threads by name, 6 h", each(Query{Metric: "hwthread1", From: end - 6*3600, Type: "hwthread", TypeIDs: threads, Aggregate: true}))
	run("32 hosts, sum of 71 threads, 6 h", each(Query{Metric: "hwthread1", From: end - 6*3600, Type: "hwthread", TypeIDs: threads[:71], Aggregate: true}))
	run("32 hosts, last 5 min", each(Query{Metric: "node7", From: end - 300}))
}

// BenchmarkJobStatistics asks for the statistics of 1,000 jobs of 8 hosts with 10 metrics each, two
// of them sums over the sockets, since each job's own start.
func BenchmarkJobStatistics(b *testing.B) {
	const hosts, ticks = 32, 1440
	s := walked(b, hosts, ticks)
	end := int64(t0 + ticks*60)
	var queries []Query
	for job := range 1000 {
		q := Query{Cluster: "fritz", From: end - int64(job+1)*43, To: end, NoData: true}
		for i := range 8 {
			q.Host = fmt.Sprintf("f%05d", (8*job+i)%hosts)
			for m := range 10 {
				if q.Metric = "node" + strconv.Itoa(m); m >= 8 {
					q.Metric = "socket" + strconv.Itoa(m-8)
				}
				queries = append(queries, q)
			}
		}
	}
	b.ReportAllocs()
	b.ResetTimer()
	for range b.N {
		for i := range queries {
			if rows, err := s.Query(&queries[i]); err != nil || len(rows) != 1 {
				b.Fatal(len(rows), err)
			}
		}
	}
}

// generated fills a store with so many ticks of hosts of the generator, whose
// series are those of benchBatch.
func generated(tb testing.TB, hosts, ticks int) *Store {
	tb.Helper()
	clusters, err := load.Clusters()
	if err != nil {
		tb.Fatal(err)
	}
	layout, err := load.NewLayout("fritz", clusters["fritz"], []string{"node", "socket", "hwthread"}, 0)
	if err != nil {
		tb.Fatal(err)
	}
	s, err := New(Config{Metrics: benchMetrics})
	if err != nil {
		tb.Fatal(err)
	}
	for n := range hosts {
		b := benchBatch(s, n)
		h := load.NewHost(layout, b.Host, 1, 60)
		for tick := range ticks {
			at := int64(t0 + tick*60)
			values := h.Values(at)
			if len(values) != len(b.Samples) {
				tb.Fatalf("%d values for %d samples", len(values), len(b.Samples))
			}
			for i, v := range values {
				b.Samples[i].Time, b.Samples[i].Value = at, v
			}
			s.Append(b)
		}
	}
	return s
}

// BenchmarkMemory fills a store with the generator's values and reports what
// it takes for a sample: sealed blocks alone, all that the store accounts for,
// and the process; after 100 minutes, when most is in open blocks, and after
// 24 hours. TestResidentMemory in test measures the whole program.
func BenchmarkMemory(b *testing.B) {
	const hosts = 200
	defer debug.SetGCPercent(debug.SetGCPercent(30)) // as the program does
	for _, test := range []struct {
		name  string
		ticks int
	}{{"100min", 100}, {"24h", 1440}} {
		b.Run(test.name, func(b *testing.B) {
			var s *Store
			for range b.N {
				s = generated(b, hosts, test.ticks)
			}
			samples := float64(hosts * test.ticks * benchSeries)
			runtime.GC()
			sealed, values := s.sealedBytes()
			if values > 0 {
				b.ReportMetric(float64(sealed)/float64(values), "B/sample-sealed")
			}
			b.ReportMetric(float64(s.Stats().Bytes)/samples, "B/sample-held")
			b.ReportMetric(float64(resident(b))/samples, "B/sample-resident")
			b.ReportMetric(0, "ns/op")
			runtime.KeepAlive(s)
		})
	}
}

// sealedBytes returns the size of the sealed values, and their number.
func (s *Store) sealedBytes() (size, values int64) {
	for i := range s.stripes {
		for _, h := range s.stripes[i].hosts {
			for _, g := range h.grids {
				if g == nil {
					continue
				}
				for blk := range g.blocks.all() {
					if blk.head == nil {
						size += blk.size()
						values += blk.slots * int64(g.columns)
					}
				}
			}
		}
	}
	return size, values
}

// resident returns the memory that the process holds now.
func resident(b *testing.B) int64 {
	data, err := os.ReadFile("/proc/self/statm")
	if err != nil {
		b.Fatal(err)
	}
	pages, err := strconv.ParseInt(strings.Fields(string(data))[1], 10, 64)
	if err != nil {
		b.Fatal(err)
	}
	return pages * int64(os.Getpagesize())
}

// BenchmarkGC measures a full garbage collection over 1 and 4 million series.
func BenchmarkGC(b *testing.B) {
	for _, hosts := range []int{1_000_000 / benchSeries, 4_000_000 / benchSeries} {
		b.Run(fmt.Sprintf("series=%d", hosts*benchSeries), func(b *testing.B) {
			s := walked(b, hosts, 2)
			runtime.GC()
			b.ResetTimer()
			cpu := cpuTime()
			for range b.N {
				runtime.GC()
			}
			b.ReportMetric(float64((cpuTime()-cpu).Milliseconds())/float64(b.N), "cpu-ms/GC")
			runtime.KeepAlive(s)
		})
	}
}

func cpuTime() time.Duration {
	var r syscall.Rusage
	if err := syscall.Getrusage(syscall.RUSAGE_SELF, &r); err != nil {
		return 0
	}
	return time.Duration(r.Utime.Nano() + r.Stime.Nano())
}

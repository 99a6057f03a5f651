package store

import (
	"cmp"
	"math"
	"math/rand/v2"
	"runtime"
	"strconv"
	"testing"
	"time"
)

// stray is a kind of samples that come at odd times.
type stray struct {
	name  string
	parts int // of the host
	at    func(rnd *rand.Rand, i int64) int64
	// part returns the one of the i-th sample; nil: a random one.
	part func(i int64) int32
	cap  int64
	// frequency of the metric; 0: 60 s.
	frequency int64
}

const (
	year    = 365 * 24 * 3600
	someDay = 1_700_000_000
)

func randomTime(rnd *rand.Rand, _ int64) int64 { return someDay - rnd.Int64N(28*year) }

var strays = []stray{
	{name: "random times", parts: 1, at: randomTime},
	{name: "random times, 1,000 series", parts: 1000, at: randomTime},
	{name: "random times, 100,000 series", parts: 100_000, at: randomTime},
	{name: "random times, a cap of 64 MB", parts: 1, at: randomTime, cap: 64 << 20},
	{name: "random times, 100,000 series, a cap of 64 MB", parts: 100_000, at: randomTime, cap: 64 << 20},
	{name: "random times, every second", parts: 100, at: randomTime, frequency: 1},
	{name: "random times, every second, a cap of 32 MB", parts: 100, at: randomTime, frequency: 1, cap: 32 << 20},
	{name: "random times, every second, 100,000 series, a cap of 64 MB", parts: 100_000, at: randomTime, frequency: 1, cap: 64 << 20},
	{name: "the largest times", parts: 1000, at: func(rnd *rand.Rand, i int64) int64 {
		return (1 - i%2*2) * (MaxTime - rnd.Int64N(2*year))
	}},
	{name: "backwards", parts: 1000, at: func(_ *rand.Rand, i int64) int64 { return someDay - 7200*i }},
	{name: "forwards in steps", parts: 1000, at: func(_ *rand.Rand, i int64) int64 { return someDay - 28*year + 7200*i }},
	{name: "two clocks", parts: 100_000, at: func(_ *rand.Rand, i int64) int64 { return someDay - i%2*10*year + i/1000*60 }},
	{name: "seven clocks", parts: 1000, at: func(_ *rand.Rand, i int64) int64 { return someDay - i%7*year + i/7000*60 }},
	{name: "a year's minutes in random order", parts: 1, at: func(rnd *rand.Rand, _ int64) int64 { return someDay - 60*rnd.Int64N(year/60) }},
	{name: "a day's minutes in random order, 100,000 series", parts: 100_000, at: func(rnd *rand.Rand, _ int64) int64 { return someDay - 60*rnd.Int64N(1440) }},
	{name: "one minute, again and again", parts: 1, at: func(*rand.Rand, int64) int64 { return someDay }},
	{name: "a block's minutes, 100,000 series", parts: 100_000, at: func(rnd *rand.Rand, _ int64) int64 { return someDay + 60*rnd.Int64N(128) }},
	// A head of all series for one sample in each of its chunks.
	{name: "ticks of few, then single samples", parts: 16_000, at: func(_ *rand.Rand, i int64) int64 {
		return someDay - 28*year + i/1032*128*60 + max(i%1032-1000, 0)*4*60
	}, part: func(i int64) int32 { return int32(i * 7919 % 16_000) }},
}

// strayStore returns a store with a host that has all series of a stray.
func strayStore(tb testing.TB, s *stray) (*Store, *Batch) {
	tb.Helper()
	store, err := New(Config{Metrics: map[string]MetricConfig{"load": {Frequency: cmp.Or(s.frequency, 60)}}, MemoryCap: s.cap})
	if err != nil {
		tb.Fatal(err)
	}
	b := &Batch{Cluster: "c", Host: "h"}
	for i := range s.parts {
		b.Parts = append(b.Parts, Part{Type: "t", ID: strconv.Itoa(i)})
		b.Add(int32(i), 0, someDay, 1)
	}
	store.Append(b)
	return store, b
}

func (s *stray) sample(rnd *rand.Rand, i int64) Sample {
	part := rnd.Int32N(int32(s.parts))
	if s.part != nil {
		part = s.part(i)
	}
	return Sample{Time: s.at(rnd, i), Value: rnd.Float64(), Name: part}
}

// fill makes the samples of a batch the next ones from the n-th on.
func (s *stray) fill(b *Batch, rnd *rand.Rand, n int64) {
	for i := range b.Samples {
		b.Samples[i] = s.sample(rnd, n+int64(i))
	}
}

// TestStraySamples appends samples of each kind and looks at what does not depend
// on the clock: what is allocated and accounted for, and how often a block is
// compressed.
func TestStraySamples(t *testing.T) {
	for _, kind := range strays {
		t.Run(kind.name, func(t *testing.T) {
			s, batch := strayStore(t, &kind)
			rnd := rand.New(rand.NewPCG(1, 2))
			const batches, size = 5, 8000
			batch.Samples = make([]Sample, size)
			kind.fill(batch, rnd, 0)
			s.Append(batch) // what is made once
			before, begin, held := s.Stats(), allocated64(), s.usedBytes.Load()
			for n := range int64(batches) {
				kind.fill(batch, rnd, size*(n+1))
				if a := s.Append(batch); a.Stored != size {
					t.Fatalf("%+v", a)
				}
			}
			after := s.Stats()
			perSample := func(n int64) float64 { return float64(n) / (batches * size) }
			t.Logf("a sample: %.0f bytes allocated, %.0f held, %.4f seals", perSample(allocated64()-begin), perSample(s.usedBytes.Load()-held), perSample(after.Sealed-before.Sealed))
			if n := perSample(allocated64() - begin); n > 3000 {
				t.Errorf("%.0f bytes are allocated for a sample", n)
			}
			if n := perSample(s.usedBytes.Load() - held); n > 1000 {
				t.Errorf("%.0f bytes are held of a sample", n)
			}
			// To compress a block takes time for each of its columns.
			if n := perSample(after.Sealed-before.Sealed) * float64(min(kind.parts, manyPatches)); n > columnsOfPatch*headPerTick {
				t.Errorf("%.1f columns are compressed for a sample", n)
			}
			checkStore(t, s)
			s.Free([][]string{nil}, math.MaxInt64, Entry{})
			if after := s.Stats(); after.Bytes != 0 || after.Series != 0 {
				t.Errorf("after freeing everything: %+v", after)
			}
		})
	}
}

// allocated64 returns how many bytes were allocated so far.
func allocated64() int64 {
	var m runtime.MemStats
	runtime.ReadMemStats(&m)
	return int64(m.TotalAlloc)
}

// BenchmarkAppendRandomTimesOfManyHosts appends to 2,000 hosts in turn, ten samples
// in a batch, under a cap that few of them fit below.
func BenchmarkAppendRandomTimesOfManyHosts(b *testing.B) {
	kind := stray{parts: 20, at: randomTime, frequency: 1, cap: 32 << 20}
	s, batch := strayStore(b, &kind)
	rnd := rand.New(rand.NewPCG(1, 2))
	batch.Samples = make([]Sample, 10)
	b.ResetTimer()
	cpu := cpuTime()
	for n := range b.N {
		batch.Host = strconv.Itoa(n % 2000)
		kind.fill(batch, rnd, int64(n))
		s.Append(batch)
	}
	b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(10*b.N), "cpu-ns/sample")
	b.ReportMetric(float64(s.Stats().Evicted)/float64(10*b.N), "evicted/sample")
}

// BenchmarkFreeRandomTimes drops 115,000 blocks of one host with one sample each, of
// 100,000 series: with a retention pass, with a free of one series after the other,
// and with one of all.
func BenchmarkFreeRandomTimes(b *testing.B) {
	for _, how := range []struct {
		name string
		do   func(*Store)
	}{
		{"retain", func(s *Store) { s.retain(s.cfg.Now()) }},
		{"free all", func(s *Store) { s.Free([][]string{{"c"}}, math.MaxInt64, Entry{}) }},
		{"free one series", func(s *Store) { s.Free([][]string{{"c", "h", "t17"}}, math.MaxInt64, Entry{}) }},
	} {
		b.Run(how.name, func(b *testing.B) {
			kind := stray{parts: 100_000, at: randomTime}
			for range b.N {
				b.StopTimer()
				s, batch := strayStore(b, &kind)
				batch.Samples = make([]Sample, 200_000)
				kind.fill(batch, rand.New(rand.NewPCG(1, 2)), 0)
				s.Append(batch)
				blocks := s.stripeOf(hostKey{"c", "h"}).hosts[hostKey{"c", "h"}].grids[0].blocks.len()
				b.StartTimer()
				cpu := cpuTime()
				how.do(s)
				b.ReportMetric(float64((cpuTime()-cpu).Nanoseconds())/float64(blocks), "cpu-ns/block")
			}
		})
	}
}

// BenchmarkAppendRandomTimes appends samples of each kind to one host, 20,000 in
// a batch.
func BenchmarkAppendRandomTimes(b *testing.B) {
	for _, kind := range strays {
		b.Run(kind.name, func(b *testing.B) {
			s, batch := strayStore(b, &kind)
			rnd := rand.New(rand.NewPCG(1, 2))
			batch.Samples = make([]Sample, 20_000)
			b.ReportAllocs()
			b.ResetTimer()
			n, cpu := int64(0), time.Duration(0)
			for range b.N {
				kind.fill(batch, rnd, n)
				n += int64(len(batch.Samples))
				cpu -= cpuTime()
				s.Append(batch)
				cpu += cpuTime()
			}
			b.ReportMetric(float64(cpu.Nanoseconds())/float64(n), "cpu-ns/sample")
			b.ReportMetric(float64(s.Stats().Bytes)/float64(n), "B/sample-held")
		})
	}
}

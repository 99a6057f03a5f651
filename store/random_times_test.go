package store

import (
	"cmp"
	"math/rand/v2"
	"strconv"
	"testing"
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
		b.Samples = append(b.Samples, Sample{Time: someDay, Value: 1, Part: int32(i)})
	}
	store.Append(b)
	return store, b
}

func (s *stray) sample(rnd *rand.Rand, i int64) Sample {
	part := rnd.Int32N(int32(s.parts))
	if s.part != nil {
		part = s.part(i)
	}
	return Sample{Time: s.at(rnd, i), Value: rnd.Float64(), Part: part}
}

// BenchmarkAppendRandomTimes appends samples of each kind to one host, 20,000 in
// a batch.
func BenchmarkAppendRandomTimes(b *testing.B) {
	for _, kind := range strays {
		b.Run(kind.name, func(b *testing.B) {
			s, batch := strayStore(b, &kind)
			rnd := rand.New(rand.NewPCG(1, 2))
			batch.Samples = batch.Samples[:0]
			for range 20_000 {
				batch.Samples = append(batch.Samples, Sample{})
			}
			b.ReportAllocs()
			b.ResetTimer()
			n := int64(0)
			for range b.N {
				for i := range batch.Samples {
					batch.Samples[i] = kind.sample(rnd, n)
					n++
				}
				s.Append(batch)
			}
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(n), "ns/sample")
			b.ReportMetric(float64(s.Stats().Bytes)/float64(n), "B/sample-held")
		})
	}
}

package chunk

import (
	"math/rand/v2"
	"slices"
	"testing"
	"time"
)

// work is a set of blocks to encode or decode.
type work struct {
	name   string
	values [][]float64
	blocks [][]byte
	bytes  int64 // of the values
}

// works returns the real samples in blocks of 128 and 256 slots, those of a host
// of the generator, and 200 blocks of each of the synthetic shapes.
func works(b *testing.B) []work {
	b.Helper()
	all, err := realSeries()
	if err != nil {
		b.Fatal(err)
	}
	list := []work{
		{name: "real/128", values: blocksOf(all, 128)},
		{name: "real/256", values: blocksOf(all, 256)},
		{name: "real rates/256", values: blocksOf(quotientsOf(all), 256)},
		{name: "generator/128", values: blocksOf(generated(b, "fritz", 1, 24*60), 128)},
	}
	r := rand.New(rand.NewPCG(7, 8))
	for _, s := range shapes {
		w := work{name: s.name + "/256"}
		for range 200 {
			w.values = append(w.values, s.make(r, 256))
		}
		list = append(list, w)
	}
	var e Encoder
	for i := range list {
		w := &list[i]
		for _, v := range w.values {
			w.blocks = append(w.blocks, e.Encode(nil, v))
			w.bytes += int64(8 * len(v))
		}
	}
	return list
}

// benchmark runs f for all blocks. Beside the mean speed, which a few slow
// blocks set, it reports the median over the blocks, each taken on its own.
func benchmark(b *testing.B, f func(w *work, i int)) {
	for _, w := range works(b) {
		b.Run(w.name, func(b *testing.B) {
			b.SetBytes(w.bytes)
			b.ReportAllocs()
			for b.Loop() {
				for i := range w.blocks {
					f(&w, i)
				}
			}
			b.StopTimer()
			b.ReportMetric(medianRate(&w, f), "median-GB/s")
		})
	}
}

// medianRate returns the median over the blocks of raw gigabytes per second,
// for each block the best of some rounds: what else the machine does slows all
// blocks of a round.
func medianRate(w *work, f func(w *work, i int)) float64 {
	const rounds, repeats = 30, 10
	rates := make([]float64, len(w.blocks))
	for range rounds {
		for i := range w.blocks {
			start := time.Now()
			for range repeats {
				f(w, i)
			}
			rate := float64(8*len(w.values[i])*repeats) / float64(time.Since(start).Nanoseconds())
			rates[i] = max(rates[i], rate)
		}
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

func BenchmarkEncode(b *testing.B) {
	var e Encoder
	dst := make([]byte, 0, 4096)
	benchmark(b, func(w *work, i int) { dst = e.Encode(dst[:0], w.values[i]) })
}

func BenchmarkDecode(b *testing.B) {
	dst := make([]float64, MaxSlots)
	benchmark(b, func(w *work, i int) {
		if err := Decode(dst[:len(w.values[i])], w.blocks[i]); err != nil {
			b.Fatal(err)
		}
	})
}

func BenchmarkAddTo(b *testing.B) {
	dst := make([]float64, MaxSlots)
	benchmark(b, func(w *work, i int) {
		if err := AddTo(dst[:len(w.values[i])], w.blocks[i], 0); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkAt reads single slots of blocks in every mode.
func BenchmarkOneSlot(b *testing.B) {
	for _, w := range works(b) {
		b.Run(w.name, func(b *testing.B) {
			for i := 0; b.Loop(); i++ {
				n := i % len(w.blocks)
				if _, err := valueAt(w.blocks[n], i%len(w.values[n])); err != nil {
					b.Fatal(err)
				}
			}
		})
	}
}

// BenchmarkDivide divides integers by a power of ten and does nothing else: no
// decoder of decimal numbers is quicker than this loop on the same machine.
func BenchmarkDivide(b *testing.B) {
	dst := make([]float64, MaxSlots)
	b.SetBytes(int64(8 * len(dst)))
	for n := int64(0); b.Loop(); n++ {
		for i := range dst {
			dst[i] = float64(n+int64(i)) / 100
		}
	}
	if dst[0] < 0 {
		b.Fatal(dst)
	}
}

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
	groups []Group
	values [][][]float64 // by group and column
	blocks []blockPlace
	bytes  int64 // of the values
}

// blockPlace says where a block is.
type blockPlace struct {
	group  int
	column int32
}

// works returns the real samples in groups of 128 and 256 slots, those of a host of the generator,
// and 200 blocks of each of the synthetic shapes.
func works(b *testing.B) []work {
	b.Helper()
	all, err := realSeries()
	if err != nil {
		b.Fatal(err)
	}
	var list []work
	add := func(name string, groups []hostGroup) {
		w := work{name: name}
		var builder GroupBuilder
		for i, host := range groups {
			g := groupOf(&builder, host.columns...)
			w.groups, w.values = append(w.groups, g), append(w.values, host.columns)
			for c := range g.All() {
				w.blocks = append(w.blocks, blockPlace{i, c})
				w.bytes += int64(8 * len(host.columns[c]))
			}
		}
		if len(w.blocks) > 0 {
			list = append(list, w)
		}
	}
	add("real/128", groupsOf(all, 128))
	add("real/256", groupsOf(all, 256))
	add("real rates/256", groupsOf(quotientsOf(all), 256))
	add("generator/128", groupsOf(generated(b, "fritz", 1, 24*60), 128))
	r := rand.New(rand.NewPCG(7, 8))
	for _, s := range shapes {
		var host hostGroup
		for range 200 {
			host.columns = append(host.columns, s.make(r, 256))
		}
		add(s.name+"/256", []hostGroup{host})
	}
	return list
}

// benchmark runs f for all blocks. Beside the mean speed, which a few slow
// blocks set, it reports the median over the blocks, each taken on its own.
func benchmark(b *testing.B, f func(w *work, at blockPlace)) {
	for _, w := range works(b) {
		b.Run(w.name, func(b *testing.B) {
			b.SetBytes(w.bytes)
			b.ReportAllocs()
			for b.Loop() {
				for _, at := range w.blocks {
					f(&w, at)
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
func medianRate(w *work, f func(w *work, at blockPlace)) float64 {
	const rounds, repeats = 30, 10
	rates := make([]float64, len(w.blocks))
	for range rounds {
		for i, at := range w.blocks {
			start := time.Now()
			for range repeats {
				f(w, at)
			}
			rate := float64(8*len(w.values[at.group][at.column])*repeats) / float64(time.Since(start).Nanoseconds())
			rates[i] = max(rates[i], rate)
		}
	}
	slices.Sort(rates)
	return rates[len(rates)/2]
}

// BenchmarkEncode encodes the values of blocks.
func BenchmarkEncode(b *testing.B) {
	var e encoder
	dst := make([]byte, 0, 4096)
	benchmark(b, func(w *work, at blockPlace) {
		e.load(w.values[at.group][at.column])
		_, dst = e.encode(dst[:0])
	})
}

// BenchmarkBuild makes whole groups.
func BenchmarkBuild(b *testing.B) {
	for _, w := range works(b) {
		b.Run(w.name, func(b *testing.B) {
			var builder GroupBuilder
			b.SetBytes(w.bytes)
			b.ReportAllocs()
			for b.Loop() {
				for _, columns := range w.values {
					groupOf(&builder, columns...)
				}
			}
		})
	}
}

func BenchmarkDecode(b *testing.B) {
	dst := make([]float64, MaxSlots)
	benchmark(b, func(w *work, at blockPlace) {
		if err := w.groups[at.group].DecodeRange(dst[:len(w.values[at.group][at.column])], at.column, 0); err != nil {
			b.Fatal(err)
		}
	})
}

// BenchmarkSum adds all columns of each group.
func BenchmarkSum(b *testing.B) {
	dst := make([]float64, MaxSlots)
	for _, w := range works(b) {
		columns := make([][]int32, len(w.groups))
		for _, at := range w.blocks {
			columns[at.group] = append(columns[at.group], at.column)
		}
		b.Run(w.name, func(b *testing.B) {
			b.SetBytes(w.bytes)
			b.ReportAllocs()
			for b.Loop() {
				for i, g := range w.groups {
					if len(columns[i]) == 0 {
						continue
					}
					if err := g.Sum(dst[:len(w.values[i][0])], columns[i], 0); err != nil {
						b.Fatal(err)
					}
				}
			}
		})
	}
}

// BenchmarkOneSlot reads single slots of blocks in every mode.
func BenchmarkOneSlot(b *testing.B) {
	for _, w := range works(b) {
		b.Run(w.name, func(b *testing.B) {
			var v [1]float64
			for i := 0; b.Loop(); i++ {
				at := w.blocks[i%len(w.blocks)]
				if err := w.groups[at.group].DecodeRange(v[:], at.column, i%len(w.values[at.group][at.column])); err != nil {
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

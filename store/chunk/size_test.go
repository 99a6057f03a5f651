package chunk

import (
	"cmp"
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"
	"text/tabwriter"

	"github.com/klauspost/compress/zstd"
)

// sizes are the lengths in bytes of a metric's blocks by codec.
type sizes struct {
	samples              int
	chunk, gorilla, zstd int
	modes                map[bodyMode]int
}

func (s *sizes) add(o *sizes) {
	s.samples += o.samples
	s.chunk += o.chunk
	s.gorilla += o.gorilla
	s.zstd += o.zstd
	for m, n := range o.modes {
		s.modes[m] += n
	}
}

// measure returns the sizes of all blocks of the series, and of the groups that they make. Gorilla and zstd get the samples only, and need
// not remember where the gaps are.
func measure(b *testing.B, all []series, slots int) (byMetric map[string]*sizes, total int) {
	b.Helper()
	z, err := zstd.NewWriter(nil, zstd.WithEncoderConcurrency(1))
	if err != nil {
		b.Fatalf("make zstd encoder: %v", err)
	}
	defer z.Close()
	var builder GroupBuilder
	var raw, packed []byte
	byMetric = make(map[string]*sizes)
	for _, host := range groupsOf(all, slots) {
		g := groupOf(&builder, host.columns...)
		total += len(g)
		p := partsOf(g)
		for c, values := range host.columns {
			kept := present(values)
			if len(kept) == 0 {
				continue
			}
			m := byMetric[host.series[c].metric]
			if m == nil {
				m = &sizes{modes: make(map[bodyMode]int)}
				byMetric[host.series[c].metric] = m
			}
			block := p.block(int32(c))
			m.chunk += len(block)
			m.modes[modeOf(block)]++
			m.samples += len(kept)
			m.gorilla += len(gorilla(kept))
			raw = raw[:0]
			for _, v := range kept {
				raw = appendBits(raw, v)
			}
			packed = z.EncodeAll(raw, packed[:0])
			m.zstd += len(packed)
		}
	}
	return byMetric, total
}

// quotientsOf makes rates of all values as a collector computes them that
// divides by the nanoseconds between two readings: they use all bits of a
// float64.
func quotientsOf(all []series) []series {
	r := rand.New(rand.NewPCG(5, 6))
	rates := make([]series, len(all))
	for i, s := range all {
		rates[i] = s
		rates[i].values = slices.Clone(s.values)
		for j, v := range s.values {
			elapsed := interval + math.Round(r.NormFloat64()*1e6)/1e9
			rates[i].values[j] = math.Round(v*100*interval) / (100 * elapsed)
		}
	}
	return rates
}

// BenchmarkSize prints the bytes that a sample takes in its block, by metric, and with its share of the
// group, and beside them
// what Gorilla and zstd make of the same blocks. SERIES names a file with
// further samples as line protocol, such as the generator writes with -url -.
func BenchmarkSize(b *testing.B) {
	all, err := realSeries()
	if err != nil {
		b.Fatal(err)
	}
	data := map[string][]series{
		"real":            all,
		"quotients":       quotientsOf(all),
		"generator-alex":  generated(b, "alex", 2, 24*60),
		"generator-fritz": generated(b, "fritz", 2, 24*60),
	}
	if path := os.Getenv("SERIES"); path != "" {
		if data["file"], err = openSeries(path); err != nil {
			b.Fatal(err)
		}
	}
	for _, name := range slices.Sorted(maps.Keys(data)) {
		for _, slots := range []int{64, 128, 256} {
			b.Run(fmt.Sprintf("%s/%d", name, slots), func(b *testing.B) {
				var byMetric map[string]*sizes
				bytes := 0
				for b.Loop() {
					byMetric, bytes = measure(b, data[name], slots)
				}
				total := report(byMetric, fmt.Sprintf("%s, %d slots", name, slots))
				n := float64(total.samples)
				b.ReportMetric(float64(bytes)/n, "B/sample")
				b.ReportMetric(float64(total.gorilla)/n, "gorilla-B/sample")
				b.ReportMetric(float64(total.zstd)/n, "zstd-B/sample")
			})
		}
	}
}

// report prints a table and returns the sum of its rows.
func report(byMetric map[string]*sizes, title string) *sizes {
	total := &sizes{modes: make(map[bodyMode]int)}
	for _, s := range byMetric {
		total.add(s)
	}
	w := tabwriter.NewWriter(os.Stdout, 0, 0, 2, ' ', tabwriter.AlignRight|tabwriter.Debug)
	fmt.Fprintf(w, "\n%s\tsamples\tB/sample\tGorilla\tzstd\tblocks by mode\t\n", title)
	row := func(name string, s *sizes) {
		n := float64(max(1, s.samples))
		var modes []string
		for _, m := range slices.SortedFunc(maps.Keys(s.modes), func(a, b bodyMode) int { return cmp.Compare(s.modes[b], s.modes[a]) }) {
			modes = append(modes, fmt.Sprintf("%v %d", m, s.modes[m]))
		}
		fmt.Fprintf(w, "%s\t%d\t%.3f\t%.3f\t%.3f\t%s\t\n", name, s.samples,
			float64(s.chunk)/n, float64(s.gorilla)/n, float64(s.zstd)/n, strings.Join(modes, ", "))
	}
	for _, metric := range slices.Sorted(maps.Keys(byMetric)) {
		row(metric, byMetric[metric])
	}
	row("all", total)
	w.Flush()
	return total
}

package archive

import (
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"strings"
	"testing"

	"github.com/parquet-go/parquet-go"

	"cc-metric-store/test/testkit"
)

// randomSeries returns series of some hosts, in the order of a writer, with gaps and values of all kinds.
func randomSeries(r *rand.Rand, hosts, metrics int) []series {
	parts := []Part{{}, {Type: "hwthread", ID: "0"}, {Type: "hwthread", ID: "1"}, {Type: "socket", ID: "0"}, {Subtype: "filesystem", SubID: "home"}, {"accelerator", "0000:49:00.0", "stream", ""}}
	slices.SortFunc(parts, func(p, q Part) int { return p.compare(&q) })
	names := func(prefix string, n int) (all []string) {
		for range n {
			all = append(all, prefix+strings.Repeat(string(rune('a'+r.IntN(26))), 1+r.IntN(20)))
		}
		slices.Sort(all)
		return slices.Compact(all)
	}
	var out []series
	for _, host := range names("h", hosts) {
		start := r.Int64N(1000) - 300
		for _, metric := range names("m", metrics) {
			for _, p := range parts[:1+r.IntN(len(parts))] {
				for _, frequency := range []int64{7, 60}[r.IntN(2):] {
					at := start
					for range 1 + r.IntN(4) {
						slots := int64(1 + r.IntN(128))
						b := Block{at, at + slots*frequency - r.Int64N(frequency), frequency}
						values := make([]float64, (b.End-b.Start+frequency-1)/frequency)
						for i := range values {
							values[i] = randomValue(r)
						}
						out = append(out, series{host, metric, p, b, values})
						at = b.End + r.Int64N(3)*frequency
					}
				}
			}
		}
	}
	return out
}

func randomValue(r *rand.Rand) float64 {
	switch r.IntN(8) {
	case 0:
		return math.NaN()
	case 1:
		return math.Float64frombits(r.Uint64())
	case 2:
		return []float64{0, math.Copysign(0, -1), math.Inf(1), math.Inf(-1)}[r.IntN(4)]
	}
	return float64(r.IntN(1000)) / 100
}

// TestSamplesComeBack: what is written is read, bit by bit, in its slots; by this package, after another
// start, and by the reader of the library.
func TestSamplesComeBack(t *testing.T) {
	t.Parallel()
	r := testkit.Rand(t)
	dir := t.TempDir()
	a, err := Open(Config{Directory: dir})
	if err != nil {
		t.Fatal(err)
	}
	want := map[sample]float64{}
	info := put(t, a, "fritz", 86400, randomSeries(r, 4, 6), want)
	if int(info.Rows) != len(want) {
		t.Errorf("%d rows, want %d", info.Rows, len(want))
	}
	check := func(a *Archive) {
		hosts, got := map[string]bool{}, map[sample]float64{}
		newest := int64(math.MinInt64)
		for k := range want {
			hosts[k.host] = true
			newest = max(newest, k.time)
		}
		for host := range hosts {
			for k, v := range all(t, a, "fritz", host) {
				got[k] = v
			}
		}
		compareSamples(t, got, want)
		if n, ok := a.Newest("fritz"); !ok || n != newest+1 {
			t.Errorf("newest %d (%t), want %d", n, ok, newest+1)
		}
		if infos := a.Files(); len(infos) != 1 || infos[0] != info {
			t.Errorf("files %+v, want %+v", infos, info)
		}
		if info.Hosts != len(hosts) {
			t.Errorf("%d hosts, want %d", info.Hosts, len(hosts))
		}
	}
	check(a)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	check(openArchive(t, Config{Directory: dir}))
	compareSamples(t, readWithLibrary(t, info.Path), want)
}

// libraryRow is a row as the documentation has it.
type libraryRow struct {
	Cluster    string  `parquet:"cluster"`
	Host       string  `parquet:"hostname"`
	Metric     string  `parquet:"metric"`
	Scope      string  `parquet:"scope"`
	ScopeID    string  `parquet:"scope_id"`
	Time       int64   `parquet:"timestamp"`
	Frequency  int64   `parquet:"frequency"`
	Value      float64 `parquet:"value"`
	Subtype    string  `parquet:"stype"`
	SubtypeID  string  `parquet:"stype_id"`
	BlockStart int64   `parquet:"block_start"`
	BlockEnd   int64   `parquet:"block_end"`
}

func readWithLibrary(t *testing.T, path string) map[sample]float64 {
	t.Helper()
	f, err := os.Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	info, err := f.Stat()
	if err != nil {
		t.Fatal(err)
	}
	rows, err := parquet.Read[libraryRow](f, info.Size())
	if err != nil {
		t.Fatal(err)
	}
	got := map[sample]float64{}
	for _, r := range rows {
		p := Part{r.Scope, r.ScopeID, r.Subtype, r.SubtypeID}
		if p.Type == "node" {
			p.Type = ""
		}
		got[sample{r.Cluster, r.Host, r.Metric, p, r.Frequency, Block{r.BlockStart, r.BlockEnd, r.Frequency}, r.Time}] = r.Value
	}
	return got
}

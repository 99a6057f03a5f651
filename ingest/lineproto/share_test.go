package lineproto

import (
	"bytes"
	"fmt"
	"math"
	"math/rand/v2"
	"os"
	"slices"
	"testing"
	"time"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// endsOf cuts lines at random newlines, and returns where the parts end.
func endsOf(lines []byte, rnd *rand.Rand) (ends []int) {
	for i, c := range lines {
		if c == '\n' && (i == len(lines)-1 || rnd.IntN(3) == 0) {
			ends = append(ends, i+1)
		}
	}
	return ends
}

// joinable makes whole lines without quotes.
func joinable(data []byte) []byte {
	return append(bytes.ReplaceAll(data, []byte{'"'}, nil), '\n')
}

// sharesInWords says what became of each share, by host.
func sharesInWords(out *Decoded) []string {
	words := make([]string, len(out.Shares))
	for i, s := range out.Shares {
		first := 0
		if s.First.Line > 0 {
			first = s.First.Line - s.Line + 1
		}
		words[i] = fmt.Sprintf("%d refused, line %d: %s; %d over;", s.Refused, first, s.First.Detail, s.OverMetrics)
	}
	byHost := make([]map[string]string, len(out.Shares))
	for i := range out.Batches {
		b := &out.Batches[i]
		out.EachShare(i, func(share int, samples []store.Sample) {
			if byHost[share] == nil {
				byHost[share] = map[string]string{}
			}
			for _, s := range samples {
				byHost[share][b.Cluster+"/"+b.Host] += fmt.Sprintf(" %d:%x", s.Time, math.Float64bits(s.Value))
			}
		})
	}
	for i, hosts := range byHost {
		for _, name := range slices.Sorted(func(yield func(string) bool) {
			for name, text := range hosts {
				if text != "" && !yield(name) {
					return
				}
			}
		}) {
			words[i] += " " + name + hosts[name]
		}
	}
	return words
}

// alone decodes the shares one by one, without a cache, and says what became of each.
func alone(s *store.Store, lines []byte, ends []int) (words []string) {
	from := 0
	for _, end := range ends {
		var out Decoded
		NewDecoder(s, nil, time.Minute).DecodeShares(bytes.Clone(lines[from:end]), []int{end - from}, "dc", entryTime, &out)
		words = append(words, sharesInWords(&out)...)
		from = end
	}
	return words
}

// checkShares decodes lines as one entry, and holds it against the shares decoded alone, and
// against the entry of one writer.
func checkShares(t *testing.T, s *store.Store, c *SeriesCache, lines []byte, ends []int) {
	t.Helper()
	var shared, whole Decoded
	NewDecoder(s, c, time.Minute).DecodeShares(lines, ends, "dc", entryTime, &shared)
	if got, want := sharesInWords(&shared), alone(s, lines, ends); !slices.Equal(got, want) {
		t.Fatalf("%q cut at %v:\n%q, want\n%q", lines, ends, got, want)
	}
	NewDecoder(s, nil, time.Minute).Decode(lines, "dc", entryTime, &whole)
	same := shared.Counts == whole.Counts && shared.Lines == whole.Lines && shared.Samples == whole.Samples && shared.Bytes == whole.Bytes &&
		shared.First.Line == whole.First.Line && len(shared.Batches) == len(whole.Batches) &&
		slices.EqualFunc(shared.Faults, whole.Faults, func(a, b Fault) bool { return a.Line == b.Line && a.Reason == b.Reason })
	if !same {
		t.Fatalf("%q cut at %v:\n%+v, want\n%+v", lines, ends, shared, whole)
	}
	if c != nil {
		learnAll(s, c, &shared)
	}
}

func FuzzDecodeShares(f *testing.F) {
	capture, err := os.ReadFile("testdata/lines.lp")
	if err != nil {
		f.Fatal(err)
	}
	f.Add(capture, uint64(1))
	known := testkit.PitfallKey + "1 17\n"
	for i, p := range testkit.Pitfalls(MaxLine) {
		if len(p) < 1000 {
			f.Add([]byte(known+p+"\n"+known+known+p+"\n"), uint64(i))
		}
	}
	s := newTestStore(f)
	f.Fuzz(func(t *testing.T, data []byte, seed uint64) {
		lines, rnd := joinable(data), rand.New(rand.NewPCG(seed, 0))
		c := NewSeriesCache()
		for range 3 { // also by the fast path
			checkShares(t, s, c, lines, endsOf(lines, rnd))
		}
		checkShares(t, s, nil, lines, endsOf(lines, rnd))
		if s.Stats().Series > 1000 {
			s.Free([][]string{nil}, 1<<62, store.Entry{})
		}
	})
}

// TestDecodeShares has the hosts of several writers, known and new ones, in any order.
func TestDecodeShares(t *testing.T) {
	rnd, s, c := testkit.Rand(t), newTestStore(t), NewSeriesCache()
	var out Decoded
	for range 200 {
		var lines []byte
		for range 1 + rnd.IntN(30) {
			switch rnd.IntN(6) {
			case 0:
				lines = append(lines, "cpu_load,hostname=h value=oops\n\n"...)
			case 1:
				lines = append(lines, "no_such_metric,hostname=h1 value=1\n# a comment\n"...)
			default:
				lines = append(lines, tick(fmt.Sprint("h", rnd.IntN(5)), rnd.IntN(100))...)
			}
		}
		checkShares(t, s, c, lines, endsOf(lines, rnd))
	}
	lines := slices.Concat(tick("h1", 1), tick("h2", 1), tick("h1", 2))
	ends := endsOf(lines, rnd)
	d := NewDecoder(s, c, time.Minute)
	decode := func() {
		out.Reset()
		d.DecodeShares(lines, ends, "dc", entryTime, &out)
	}
	decode()
	learnAll(s, c, &out)
	decode()
	if n := testing.AllocsPerRun(10, decode); n > 0 {
		t.Errorf("%v allocations", n)
	}
}

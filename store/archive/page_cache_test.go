package archive

import (
	"fmt"
	"maps"
	"math"
	"math/rand/v2"
	"sync"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestPagesAreKept: reads side by side of pages that come and go all the time give what was written, the pages stay within
// their bound, and in the end nobody has any.
func TestPagesAreKept(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	rnd := rand.New(rand.NewPCG(seed, 1))
	a := openArchive(t, Config{Readers: 4})
	const hosts, metrics, slots = 6, 5, 4000
	var written []series
	for h := range hosts {
		for m := range metrics {
			values := make([]float64, slots)
			for i := range values {
				values[i] = rnd.Float64()
			}
			written = append(written, series{fmt.Sprint("h", h), fmt.Sprint("m", m), Part{}, Block{0, 10 * slots, 10}, values})
		}
	}
	put(t, a, "c", 1, written, nil)
	pages := a.cache.decoded
	pages.maxBytes = 16 * (8*pageRows + 8<<10) // for some of the pages; one may have a sixteenth
	var wait sync.WaitGroup
	for worker := range 8 {
		rnd := rand.New(rand.NewPCG(seed, uint64(worker)+2))
		wait.Go(func() {
			for range 150 {
				one := &written[rnd.IntN(len(written))]
				from := rnd.Int64N(10 * slots)
				s := Selection{Cluster: "c", Host: one.host, Metrics: []string{one.metric}, From: from, To: from + rnd.Int64N(20_000)}
				want, got := map[int64]float64{}, map[int64]float64{}
				for i, v := range one.values {
					if at := 10*int64(i) + 5; s.From <= at && at < s.To {
						want[at] = v
					}
				}
				err := a.Read(t.Context(), &s, func(r *Rows) error {
					for i, at := range r.Times {
						got[at] = r.Values[i]
					}
					return nil
				})
				if err != nil || !maps.EqualFunc(got, want, func(a, b float64) bool { return math.Float64bits(a) == math.Float64bits(b) }) {
					t.Errorf("%+v: %d samples, want %d, or others: %v", s, len(got), len(want), err)
				}
			}
		})
	}
	wait.Wait()
	bytes := 0
	for e := pages.recent.Front(); e != nil; e = e.Next() {
		p := e.Value.(*decodedPage)
		if bytes += p.cost; p.uses != 0 || p.isGone {
			t.Errorf("page %+v is used %d times", p.key, p.uses)
		}
	}
	if bytes != pages.bytes || bytes > pages.maxBytes || bytes == 0 || len(pages.pages) != pages.recent.Len() {
		t.Errorf("%d pages take %d bytes, %d are counted, of %d", len(pages.pages), bytes, pages.bytes, pages.maxBytes)
	}
}

package store

import (
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestLateSamples writes into blocks that are sealed, more often than patches
// are kept.
func TestLateSamples(t *testing.T) {
	s := newStore(t, Config{blockSlots: 128})
	const n = 128 * 10
	for i := range int64(n) {
		put(t, s, "h", Part{}, "load", t0+i*60, float64(i))
	}
	if s.Stats().Sealed < 8 {
		t.Fatal("nothing is sealed")
	}
	rnd := rand.New(rand.NewPCG(1, 2))
	want := make([]float64, n)
	for i := range want {
		want[i] = float64(i)
	}
	before := s.Stats().Sealed
	const late = 10_000
	for range late {
		i := rnd.Int64N(100)
		want[i] = rnd.Float64()
		put(t, s, "h", Part{}, "load", t0+i*60, want[i])
	}
	rows, err := s.Query(&Query{Cluster: "c", Host: "h", Metric: "load", From: t0, To: t0 + n*60})
	if err != nil || !slices.Equal(rows[0].Values, want) {
		t.Fatalf("other values than written: %v", err)
	}
	if n := s.Stats().Sealed - before; n < 2 || n > late/patchesOfColumn {
		t.Errorf("patches were merged %d times", n)
	}
}

// TestJitterNeverCollides: samples within an eighth of an interval around their
// times each have a slot of their own, also when the collector comes back with
// another phase after a block's end, and in whatever order the runs arrive.
func TestJitterNeverCollides(t *testing.T) {
	rnd := testkit.Rand(t)
	key := hostKey{"c", "h"}
	for range 100 {
		slots := 1 + rnd.IntN(20)
		s := newStore(t, Config{blockSlots: slots})
		var runs [][]int64
		due, n := int64(t0), 0
		for range 1 + rnd.IntN(6) {
			var times []int64
			for range 1 + rnd.IntN(100) {
				times = append(times, due+rnd.Int64N(15)-7)
				due += 60
				n++
			}
			runs = append(runs, times)
			due += int64(slots+1)*60 + rnd.Int64N(600) // while it is down
		}
		rnd.Shuffle(len(runs), func(i, j int) { runs[i], runs[j] = runs[j], runs[i] })
		for _, times := range runs {
			for i, at := range times {
				put(t, s, "h", Part{}, "load", at, float64(i))
			}
		}
		left := 0
		for _, g := range s.stripeOf(key).hosts[key].grids {
			if g == nil {
				continue
			}
			for b := range g.blocks.all() {
				v := make([]float64, b.slots)
				b.read(v, 0, 0)
				left += len(slices.DeleteFunc(v, math.IsNaN))
			}
		}
		if left != n {
			t.Fatalf("blocks of %d: %d of %d samples are left", slots, left, n)
		}
	}
}

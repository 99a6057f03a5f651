package store

import (
	"math"
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestPatches adds values in any order, and drops columns. A map is the oracle.
func TestPatches(t *testing.T) {
	rnd := testkit.Rand(t)
	for range 50 {
		var p patches
		type cell struct{ column, slot int32 }
		want := map[cell]float64{}
		columns, slots := 1+rnd.Int32N(50), 1+rnd.Int32N(128)
		ticks := rnd.IntN(2) == 0
		for i := range int32(3000) {
			v := patch{rnd.Int32N(columns), rnd.Int32N(slots), rnd.Float64()}
			if ticks {
				v.column, v.slot = i%columns, i/columns%slots
			}
			if !p.replace(v) {
				if len(p.list) == cap(p.list) {
					p.sort()
				}
				if len(p.list) == cap(p.list) {
					p.grow(max(cap(p.list), 1))
				}
				p.add(v)
			}
			want[cell{v.column, v.slot}] = v.value
			if i%100 == 0 {
				checkPatches(t, &p, columns, slots, func(c, s int32) (float64, bool) { v, ok := want[cell{c, s}]; return v, ok })
			}
			if rnd.IntN(1000) == 0 {
				p.sort()
				dropped := []int32{rnd.Int32N(columns), columns + 3}
				p.drop(dropped)
				for k := range want {
					if k.column == dropped[0] {
						delete(want, k)
					}
				}
			}
		}
		p.sort()
		if len(p.list) != len(want) || !slices.IsSortedFunc(p.list, patch.compare) {
			t.Fatalf("%d values, want %d in order", len(p.list), len(want))
		}
	}
}

func checkPatches(t *testing.T, p *patches, columns, slots int32, want func(column, slot int32) (float64, bool)) {
	t.Helper()
	values := make([]float64, slots)
	for c := range columns {
		fillGaps(values)
		p.apply(values, c, 0)
		has := false
		for s, got := range values {
			v, ok := want(c, int32(s))
			has = has || ok
			if ok && got != v || !ok && !math.IsNaN(got) {
				t.Fatalf("column %d, slot %d: %v, want %v, %v", c, s, got, v, ok)
			}
		}
		if p.has(c) != has {
			t.Fatalf("column %d has values: %v", c, p.has(c))
		}
		from := slots / 2
		part := slices.Clone(values[from:])
		fillGaps(part)
		p.apply(part, c, int64(from))
		for i, v := range part {
			if v != values[int(from)+i] && !math.IsNaN(v) {
				t.Fatalf("column %d from slot %d: %v", c, from, part)
			}
		}
	}
}

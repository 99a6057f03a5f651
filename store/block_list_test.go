package store

import (
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestBlockList adds and removes blocks in several orders. A sorted slice is the oracle.
func TestBlockList(t *testing.T) {
	rnd := testkit.Rand(t)
	for _, order := range []struct {
		name  string
		start func(i int64) int64
	}{
		{"random", func(int64) int64 { return rnd.Int64N(1 << 40) }},
		{"forwards", func(i int64) int64 { return i * 10 }},
		{"backwards", func(i int64) int64 { return -i * 10 }},
		{"inwards", func(i int64) int64 { return (1 - i%2*2) * (1_000_000 - i*10) }},
	} {
		t.Run(order.name, func(t *testing.T) {
			var l blockList
			var want []*block
			rank := func(at int64) int {
				return search(len(want), func(i int) bool { return want[i].start > at })
			}
			check := func() {
				t.Helper()
				if got := slices.Collect(l.all()); !slices.Equal(got, want) || l.len() != len(want) {
					t.Fatalf("%d blocks (%d), want %d", len(got), l.len(), len(want))
				}
				back := slices.Collect(l.backward())
				slices.Reverse(back)
				if !slices.Equal(back, want) {
					t.Fatal("backward is another order")
				}
				for i, run := range l.runs {
					if len(run) == 0 || len(run) > maxRun || l.firsts[i] != run[0].start {
						t.Fatalf("run %d of %d has %d blocks, begins at %d", i, len(l.runs), len(run), l.firsts[i])
					}
				}
				if len(want) == 0 {
					if l.first() != nil || l.last() != nil {
						t.Fatal("an empty list has blocks")
					}
					return
				}
				if l.first() != want[0] || l.last() != want[len(want)-1] {
					t.Fatal("other ends")
				}
				from := want[rnd.IntN(len(want))].start - rnd.Int64N(20)
				to := want[rnd.IntN(len(want))].start + rnd.Int64N(20)
				var inside []*block
				for _, b := range want {
					if b.end > from && b.start < to {
						inside = append(inside, b)
					}
				}
				if got := l.between(from, to); !slices.Equal(got, inside) {
					t.Fatalf("between %d and %d: %d blocks, want %d", from, to, len(got), len(inside))
				}
				n := 1 + rnd.IntN(2*maxRun)
				at := rank(from - 1)
				if got := l.next(from, n); !slices.Equal(got, want[at:min(at+n, len(want))]) {
					t.Fatalf("next %d from %d: %d blocks", n, from, len(got))
				}
				inside = slices.DeleteFunc(inside, func(b *block) bool { return b.start < from })
				var got []*block
				for next, more := from, true; more; next = got[len(got)-1].start + 1 {
					var some []*block
					if some, more = l.some(next, to, n); len(some) > n || more && len(some) == 0 {
						t.Fatalf("%d blocks at once, want at most %d; more: %t", len(some), n, more)
					}
					if got = append(got, some...); len(got) == 0 {
						break
					}
				}
				if !slices.Equal(got, inside) {
					t.Fatalf("some from %d to %d: %d blocks, want %d", from, to, len(got), len(inside))
				}
			}
			for i := range int64(5000) {
				b := newBlock(order.start(i), 0, 1)
				b.end = b.start + 1 + rnd.Int64N(9)
				spot := l.after(b.start)
				before, after := l.around(spot)
				at := rank(b.start)
				if at > 0 && want[at-1].end > b.start || at < len(want) && want[at].start < b.end {
					continue
				}
				if at > 0 && before != want[at-1] || at == 0 && before != nil || at < len(want) && after != want[at] || at == len(want) && after != nil {
					t.Fatal("other neighbours")
				}
				l.insert(spot, b)
				want = slices.Insert(want, at, b)
				if i%500 == 0 {
					check()
				}
			}
			check()
			if l.remove(newBlock(1, 2, 1)) {
				t.Error("a block that is not there was removed")
			}
			for len(want) > 0 {
				at := rnd.IntN(len(want))
				switch order.name {
				case "forwards":
					at = 0 // as retention does
				case "backwards":
					at = len(want) - 1
				}
				if !l.remove(want[at]) {
					t.Fatal("a block is not found")
				}
				want = slices.Delete(want, at, at+1)
				if len(want)%500 == 0 {
					check()
				}
			}
		})
	}
}

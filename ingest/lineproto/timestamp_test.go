package lineproto

import (
	"math"
	"math/big"
	"strconv"
	"testing"
	"time"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// TestReadTimestamp compares random timestamps with numbers of any size: a timestamp is
// of the coarsest precision in which its nanoseconds fit 64 bits.
func TestReadTimestamp(t *testing.T) {
	rnd := testkit.Rand(t)
	at := time.Unix(entryTime.Unix(), 999_999_999)
	if got, err := readTimestamp(nil, at, 0); got != at.Unix() || err != nil {
		t.Errorf("no timestamp is %d, %v", got, err)
	}
	bounds := []int64{math.MaxInt64 / 1_000_000_000, math.MaxInt64 / 1_000_000, math.MaxInt64 / 1000, store.MaxTime, 1000 * store.MaxTime, at.Unix(), at.Unix() + 60}
	seen := map[Reason]int{}
	for range 100_000 {
		n := int64(rnd.Uint64()) >> rnd.IntN(64)
		if rnd.IntN(4) == 0 {
			n = bounds[rnd.IntN(len(bounds))] + rnd.Int64N(3) - 1
			if rnd.IntN(2) == 0 {
				n = -n
			}
		}
		perSecond := int64(1)
		for perSecond < 1_000_000_000 {
			// Of two's complement the last number is left out.
			if ns := new(big.Int).Mul(big.NewInt(n), big.NewInt(1_000_000_000/perSecond)); ns.IsInt64() && ns.Int64() != math.MinInt64 {
				break
			}
			perSecond *= 1000
		}
		want := new(big.Int).Div(big.NewInt(n), big.NewInt(perSecond)).Int64() // to -∞
		why := Reasons
		switch {
		case want < -store.MaxTime || want > store.MaxTime:
			why = BadTimestamp
		case want > at.Unix()+60:
			why = InFuture
		}
		seen[why]++
		got, err := readTimestamp(strconv.AppendInt(nil, n, 10), at, time.Minute)
		if err != nil && (why == Reasons || reasonOf(err) != why) || err == nil && (why != Reasons || got != want) {
			t.Fatalf("%d is %d, %v, want %d, %v", n, got, err, want, why)
		}
	}
	if len(seen) != 3 {
		t.Errorf("seen %v", seen)
	}
}

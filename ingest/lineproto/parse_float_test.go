package lineproto

import (
	"math"
	"strconv"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestNumbersAreExact compares the own reading of numbers with strconv.
func TestNumbersAreExact(t *testing.T) {
	r := testkit.Rand(t)
	own := 0
	for range 300_000 {
		text := testkit.RandomNumber(r)
		v, n := parseFloat([]byte(text + " 17 12345678"[:r.IntN(12)]))
		if n == 0 {
			continue
		}
		own++
		want, err := strconv.ParseFloat(text, 64)
		if err != nil || n != len(text) || math.Float64bits(v) != math.Float64bits(want) {
			t.Fatalf("%s is %v of %d bytes, not %v, %v", text, v, n, want, err)
		}
	}
	if own < 200_000 {
		t.Errorf("only %d numbers were read", own)
	}
}

package ingest

import (
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"cc-metric-store/test/testkit"
)

// randomNumber renders a number in one of many ways.
func randomNumber(r *rand.Rand) string {
	digits := func(n int) string {
		b := make([]byte, n)
		for i := range b {
			b[i] = byte('0' + r.IntN(10))
		}
		return string(b)
	}
	switch r.IntN(7) {
	case 0: // any float64
		v := math.Float64frombits(r.Uint64())
		return strconv.FormatFloat(v, 'g', -1, 64)
	case 1: // near a limit of what is exact
		return strconv.FormatUint(exactMantissa-8+r.Uint64N(16), 10)
	case 2:
		s := strconv.FormatUint(exactMantissa-8+r.Uint64N(16), 10)
		i := r.IntN(len(s))
		return "-" + s[:i] + "0." + s[i:]
	case 3:
		return digits(1+r.IntN(4)) + "." + digits(r.IntN(20))
	case 4:
		return digits(1+r.IntN(20)) + "e" + strconv.Itoa(r.IntN(80)-40)
	case 5:
		return strings.Repeat("-", r.IntN(2)) + digits(r.IntN(8)) + strings.Repeat(".", r.IntN(2)) + digits(r.IntN(7))
	}
	return "-" + digits(1+r.IntN(22))
}

// TestNumbersAreExact compares the own reading of numbers with strconv.
func TestNumbersAreExact(t *testing.T) {
	r := testkit.Rand(t)
	own := 0
	for range 300_000 {
		text := randomNumber(r)
		v, n := readNumber([]byte(text + " 17 12345678"[:r.IntN(12)]))
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

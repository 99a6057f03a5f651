package ingest

import (
	"context"
	"errors"
	"fmt"
	"math"
	"math/big"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// extremeTimes are what a sender may write for a time, or nothing.
var extremeTimes = []string{
	"", "0", "-0", "1", "-1", "007", "-007", "1e9", "+5", "0x10", "1.5", "-", "--1", "1-1", "5_000", "١", "now", "NaN",
	"-9223372036854775809", "-9223372036854775808", "-9223372036854775807", "-9223372036854775806", "-9223372036854775805",
	"9223372036854775805", "9223372036854775807", "9223372036854775808", "18446744073709551615", "18446744073709551616", "99999999999999999999", "-99999999999999999999",
	"-9223372036", "-9223372037", "9223372036", "9223372037", "-9223372036000", "-9223372036001", "-9223372036854", "-9223372036855", "9223372036854", "9223372036855",
	"-9223372036000000", "-9223372036000001", "-9223372036854775", "-9223372036854776", "9223372036854775", "9223372036854776",
	"-9223372036000000000", "-9223372036000000001", "-9223372035999999999", "-62135596800", "-62135596801", "253402300799", "1700000000", "1700000000123", "1700000000123456", "1700000000123456789",
	"-2147483648", "-2147483649", "2147483647", "4294967295", "4294967296", "000000000000000000000000000000000001700000000",
}

// extremeValues are what a sender may write for a value.
var extremeValues = []string{
	"0", "-0", "-0.0", "1", "0.1", "NaN", "nan", "-NaN", "Inf", "-Inf", "inf", "+Inf", "infinity", "1e308", "1.7976931348623157e308", "1.7976931348623159e308", "1e309", "-1e309",
	"4.9e-324", "5e-324", "2e-324", "-4.9e-324", "2.2250738585072014e-308", "2.2250738585072011e-308", "1e-400",
	"9223372036854775807i", "9223372036854775808i", "-9223372036854775808i", "-9223372036854775809i", "18446744073709551615u", "18446744073709551616u", "-1u", "-0i", "0u", "0i",
	"9007199254740993", "9007199254740993i", "9007199254740993u", "1e", "1e+", ".", "-", "1.", ".5", "+1", "0x1p-2", "0x10", "1_000", "1,5", "t", "true", "F", `"1"`, "1f", "1e5i", "00012", "1e99999999999999999999",
	"0.30000000000000004", "123456789012345678901234567890", "0.000000000000000000000000000000000000000001",
}

func randomDigits(r *rand.Rand) string {
	b := []byte{"-1"[r.IntN(2)]}
	for range r.IntN(21) {
		b = append(b, byte('0'+r.IntN(10)))
	}
	return string(b)
}

// inSeconds takes a timestamp for one of the coarsest precision of s, ms, us and ns
// in which its nanoseconds fit 64 bits.
func inSeconds(stamp int64) int64 {
	n, perSecond := big.NewInt(stamp), int64(1)
	for ; perSecond < 1e9; perSecond *= 1000 {
		if new(big.Int).Mul(n, big.NewInt(1e9/perSecond)).IsInt64() && stamp != math.MinInt64 {
			break
		}
	}
	return new(big.Int).Div(n, big.NewInt(perSecond)).Int64() // Euclidean: to -∞
}

// TestExtremeLinesAreAccountedFor writes lines whose times and values are what they
// may be at the most, and more. Each is stored, and a query finds it as it was
// sent; or refused, counted, and its writer told.
func TestExtremeLinesAreAccountedFor(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	rnd := testkit.Rand(t)
	host := 0
	check := func(value, stamp string) {
		t.Helper()
		host++
		name := fmt.Sprint("h", host)
		before, samples := n.notStored(), n.store.Stats()
		// The second line is read by the fast path if the first one is stored.
		line := strings.TrimRight(fmt.Sprintf("cpu_load,hostname=%s value=%s %s", name, value, stamp), " ")
		err := n.Write(context.Background(), "dc", strings.NewReader(line+"\n"+line+"\n"))
		after, now := n.notStored(), n.store.Stats()
		refused := int64(0)
		for r := range after {
			refused += after[r] - before[r]
		}
		stored := now.Samples - samples.Samples
		if stored+refused != 2 || stored == 1 || now.Invalid != 0 {
			t.Errorf("%s: %d are stored, %d refused, %d invalid", line, stored, refused, now.Invalid)
		}
		told, _ := errors.AsType[*store.RefusedError](err)
		if refused > 0 && (told == nil || told.Lines != 2 || told.First != 1) || refused == 0 && err != nil {
			t.Errorf("%s: %d are refused, the writer is told %v", line, refused, err)
		}
		if stored == 0 {
			return
		}
		want, _ := strconv.ParseFloat(strings.TrimRight(value, "iu"), 64)
		if strings.HasSuffix(value, "i") {
			want += 0 // of integers there is no -0
		}
		at := int64(0)
		if stamp != "" {
			whole, err := strconv.ParseInt(stamp, 10, 64)
			if err != nil {
				t.Errorf("%s: stored at no time", line)
				return
			}
			at = inSeconds(whole)
		} else {
			now := time.Now().Unix()
			rows, err := n.store.Query(&store.Query{Cluster: "dc", Host: name, Metric: "cpu_load", From: now - 3600, To: now + 3600, NoData: true})
			// Not the average: it begins with a sum of 0, which takes the sign of -0.
			if err != nil || len(rows) != 1 || math.Float64bits(rows[0].Min) != math.Float64bits(want) {
				t.Errorf("%s: the store has %v, %v", line, rows, err)
			}
			return
		}
		rows, err := n.store.Query(&store.Query{Cluster: "dc", Host: name, Metric: "cpu_load", From: at, To: min(at+60, store.MaxTime)})
		if at == store.MaxTime {
			rows, err = n.store.Query(&store.Query{Cluster: "dc", Host: name, Metric: "cpu_load", From: at - 60, To: at})
		}
		if err != nil || len(rows) != 1 || len(rows[0].Values) == 0 || math.Float64bits(rows[0].Values[0]) != math.Float64bits(want) {
			t.Errorf("%s: the store has %v, %v, want %v", line, rows, err, want)
		}
	}
	for _, stamp := range extremeTimes {
		check("1", stamp)
	}
	for _, value := range extremeValues {
		check(value, "1700000000")
	}
	for range 300 {
		stamp, value := extremeTimes[rnd.IntN(len(extremeTimes))], extremeValues[rnd.IntN(len(extremeValues))]
		if rnd.IntN(2) == 0 {
			stamp = randomDigits(rnd)
		}
		if rnd.IntN(2) == 0 {
			value = testkit.RandomNumber(rnd)
		}
		check(value, stamp)
	}
}

// TestSamplesThatTheStoreCannotHoldAreTold: none reaches it by a line, but if one
// does, its writer hears of it.
func TestSamplesThatTheStoreCannotHoldAreTold(t *testing.T) {
	w := newWrite(&Ingest{}, "c")
	var d decodedEntry
	d.invalid.Store(2)
	w.addOutcome(d.outcome(), 1)
	refused, _ := errors.AsType[*store.RefusedError](w.result())
	if refused == nil || refused.Lines != 2 || !strings.Contains(refused.Error(), "cannot hold") {
		t.Errorf("told %v", refused)
	}
}

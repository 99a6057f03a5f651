package rest

import (
	"encoding/binary"
	"encoding/json"
	"fmt"
	"math"
	"math/rand/v2"
	"strconv"
	"strings"
	"testing"

	"cc-metric-store/test/testkit"
)

// checkFloat holds the form of f against encoding/json's, and reads it back.
func checkFloat(t *testing.T, f float64) {
	t.Helper()
	checkNextFloat(t, new(floatAppender), f)
}

// checkNextFloat is checkFloat for a number after others.
func checkNextFloat(t *testing.T, a *floatAppender, f float64) {
	t.Helper()
	const before = "before "
	text := string(a.append([]byte(before), f))
	got, ok := strings.CutPrefix(text, before)
	if !ok {
		t.Fatalf("%v after other text: %q", f, text)
	}
	if math.IsNaN(f) || math.IsInf(f, 0) {
		if got != "null" {
			t.Fatalf("%v is written as %s, want null", f, got)
		}
		return
	}
	want, err := json.Marshal(f)
	if err != nil {
		t.Fatal(err)
	}
	if got != string(want) {
		t.Fatalf("%x is written as %s, want %s", math.Float64bits(f), got, want)
	}
	back, err := strconv.ParseFloat(got, 64)
	if err != nil || math.Float64bits(back) != math.Float64bits(f) {
		t.Fatalf("%s reads back as %v (%v), want %v", got, back, err, f)
	}
}

func TestFloatEdges(t *testing.T) {
	for _, f := range []float64{
		0, math.Copysign(0, -1), 1, 10, 99999999, 1e8, 100000001, 123456789012345, 999999999999999, 1e15, 99999999.5, 100000000.5, 12345678901.123, 0.000001, 0.999999,
		-1, 0.1, 0.5, 1e-6, 9.9e-7, 1.5e-6, 1e-7, 1.25e-100, 1e-10, 1e15, 1e20, 1e21, -1e21, 1e300,
		999999999.999999, 1e9, 1000000000.000001, -999999999.999999, 123456789.123, 0.1 + 0.2, 1.0 / 3, math.MaxFloat64,
		math.SmallestNonzeroFloat64, 1 << 53, 1<<53 + 2, 0x1p-20, math.NaN(), math.Inf(1), math.Inf(-1),
	} {
		checkFloat(t, f)
		checkFloat(t, math.Nextafter(f, math.Inf(1)))
		checkFloat(t, math.Nextafter(f, math.Inf(-1)))
	}
}

func TestRandomFloats(t *testing.T) {
	rnd := testkit.Rand(t)
	var after floatAppender
	check := func(f float64) {
		t.Helper()
		checkFloat(t, f)
		checkNextFloat(t, &after, f)
	}
	for i := range 200_000 {
		if i%100 == 0 {
			after = floatAppender{}
		}
		check(math.Float64frombits(rnd.Uint64()))
		decimals := math.Pow10(rnd.IntN(9))
		check(math.Round((rnd.Float64()-0.5)*2e9*decimals) / decimals)
		check(math.Round(rnd.Float64()*1000*decimals) / decimals)
		check(math.Round(rnd.Float64()*math.Pow10(rnd.IntN(18))) / decimals)
		check(rnd.Float64())
	}
}

// FuzzFloat checks a number after one of any number of decimals.
func FuzzFloat(f *testing.F) {
	f.Add(uint64(0x3fb999999999999a), 0.25)
	f.Fuzz(func(t *testing.T, bits uint64, before float64) {
		checkFloat(t, math.Float64frombits(bits))
		var a floatAppender
		a.append(nil, before)
		checkNextFloat(t, &a, math.Float64frombits(bits))
	})
}

// TestEightDigits tries all halves.
func TestEightDigits(t *testing.T) {
	for x := range uint32(10_000) {
		for _, y := range []uint32{x, 10_000 * x, 10_000*x + 9999 - x} {
			var got [8]byte
			binary.LittleEndian.PutUint64(got[:], eightDigits(uint64(y))|zeroDigits)
			if want := fmt.Sprintf("%08d", y); string(got[:]) != want {
				t.Fatalf("%s, want %s", got, want)
			}
		}
	}
}

// BenchmarkAppendFloat appends the values of a series, 720 of them at a time.
func BenchmarkAppendFloat(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, kind := range []struct {
		name     string
		size     float64
		decimals int
	}{
		{"integers", 1000, 0}, {"decimals3", 1000, 3}, {"decimals6", 1000, 6}, {"large decimals3", 1e9, 3}, {"large integers", 1e12, 0},
		{"quotients", 1000, 17},
	} {
		values := make([]float64, 720)
		for i := range values {
			p := math.Pow10(kind.decimals)
			values[i] = math.Round(rnd.Float64()*kind.size*p) / p
		}
		buf := make([]byte, 0, len(values)*floatRoom)
		perValue := func(b *testing.B) {
			b.ReportMetric(float64(b.Elapsed().Nanoseconds())/float64(b.N)/float64(len(values)), "ns/value")
		}
		b.Run(kind.name, func(b *testing.B) {
			for b.Loop() {
				var floats floatAppender
				buf = buf[:0]
				for _, v := range values {
					buf = floats.append(buf, v)
				}
			}
			perValue(b)
		})
		b.Run(kind.name+"/strconv", func(b *testing.B) {
			for b.Loop() {
				buf = buf[:0]
				for _, v := range values {
					buf = strconv.AppendFloat(buf, v, 'f', -1, 64)
				}
			}
			perValue(b)
		})
	}
}

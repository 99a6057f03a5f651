package rest

import (
	"encoding/json"
	"math"
	"math/rand/v2"
	"strconv"
	"testing"

	"cc-metric-store/test/testkit"
)

// checkFloat holds the form of f against encoding/json's, and reads it back.
func checkFloat(t *testing.T, f float64) {
	t.Helper()
	got := string(appendFloat(nil, f))
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
		0, math.Copysign(0, -1), 1, -1, 0.1, 0.5, 1e-6, 9.9e-7, 1.5e-6, 1e-7, 1.25e-100, 1e-10, 1e15, 1e20, 1e21, -1e21, 1e300,
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
	for range 200_000 {
		checkFloat(t, math.Float64frombits(rnd.Uint64()))
		decimals := math.Pow10(rnd.IntN(9))
		checkFloat(t, math.Round((rnd.Float64()-0.5)*2e9*decimals)/decimals)
		checkFloat(t, math.Round(rnd.Float64()*1000*decimals)/decimals)
		checkFloat(t, rnd.Float64())
	}
}

func FuzzFloat(f *testing.F) {
	f.Add(uint64(0x3fb999999999999a))
	f.Fuzz(func(t *testing.T, bits uint64) { checkFloat(t, math.Float64frombits(bits)) })
}

func TestString(t *testing.T) {
	for _, s := range []string{"", "cpu_load", "a b~", `q"uote`, `back\slash`, "tab\t", "<&>", "é", "\xff", "\u2028", "\x7f"} {
		want, err := json.Marshal(s)
		if err != nil {
			t.Fatal(err)
		}
		if got := string(appendString(nil, s)); got != string(want) {
			t.Errorf("%q is written as %s, want %s", s, got, want)
		}
	}
}

// BenchmarkAppendFloat shows why values with few decimals have a way of their own.
func BenchmarkAppendFloat(b *testing.B) {
	rnd := rand.New(rand.NewPCG(1, 1))
	for _, kind := range []struct {
		name     string
		decimals int
	}{{"integers", 0}, {"decimals3", 3}, {"decimals6", 6}, {"quotients", 17}} {
		values := make([]float64, 1000)
		for i := range values {
			p := math.Pow10(kind.decimals)
			values[i] = math.Round(rnd.Float64()*1000*p) / p
		}
		buf := make([]byte, 0, 32)
		b.Run(kind.name, func(b *testing.B) {
			for i := range b.N {
				buf = appendFloat(buf[:0], values[i%len(values)])
			}
		})
		b.Run(kind.name+"/strconv", func(b *testing.B) {
			for i := range b.N {
				buf = strconv.AppendFloat(buf[:0], values[i%len(values)], 'f', -1, 64)
			}
		})
	}
}

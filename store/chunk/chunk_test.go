package chunk

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
)

// same reports whether two values are the same bit for bit, or both gaps of
// which the first is the one that Decode writes.
func same(got, want float64) bool {
	if math.IsNaN(want) {
		return math.Float64bits(got) == math.Float64bits(math.NaN())
	}
	return math.Float64bits(got) == math.Float64bits(want)
}

func checkSame(t testing.TB, what string, got, want []float64) {
	t.Helper()
	if len(got) != len(want) {
		t.Fatalf("%s: %d values, want %d", what, len(got), len(want))
	}
	for i := range want {
		if !same(got[i], want[i]) {
			t.Fatalf("%s: slot %d of %d is %v (%#x), want %v (%#x)", what, i, len(want),
				got[i], math.Float64bits(got[i]), want[i], math.Float64bits(want[i]))
		}
	}
}

// checkBlock encodes values and holds all that reads blocks against them.
func checkBlock(t testing.TB, what string, e *Encoder, values []float64) []byte {
	t.Helper()
	block := e.Encode(nil, values)
	present := 0
	for _, v := range values {
		if !math.IsNaN(v) {
			present++
		}
	}
	info, err := stat(block)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	what += " (" + info.Mode.String() + ")"
	if info.Slots != len(values) || info.Values != present {
		t.Fatalf("%s: %d of %d slots have a value, want %d of %d", what, info.Values, info.Slots, present, len(values))
	}
	if longest := 2 + (3+len(values)+7)/8 + 1 + 8*present; len(block) > longest {
		t.Fatalf("%s: %d bytes for %d values, more than raw", what, len(block), present)
	}
	got := make([]float64, len(values))
	if err := Decode(got, block); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	checkSame(t, what, got, values)
	want, err := reference(block)
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	checkSame(t, what+", reference", want, values)
	return block
}

// checkParts holds the reading of parts of block against the values.
func checkParts(t testing.TB, what string, r *rand.Rand, block []byte, values []float64) {
	t.Helper()
	for i, want := range values {
		if v, err := valueAt(block, i); err != nil || !same(v, want) {
			t.Fatalf("%s: slot %d is %v, %v, want %v", what, i, v, err, want)
		}
	}
	for range 8 {
		from := r.IntN(len(values) + 1)
		n := r.IntN(len(values) - from + 1)
		got := make([]float64, n)
		if err := DecodeRange(got, block, from); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		checkSame(t, what+", range", got, values[from:from+n])

		sum, want := make([]float64, n), make([]float64, n)
		for i := range sum {
			if sum[i] = r.NormFloat64(); r.IntN(10) == 0 {
				sum[i] = math.NaN()
			}
			want[i] = sum[i] + values[from+i]
		}
		if err := AddTo(sum, block, from); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		for i := range want {
			if sum[i] != want[i] && !(math.IsNaN(sum[i]) && math.IsNaN(want[i])) {
				t.Fatalf("%s, sum: slot %d is %v, want %v", what, from+i, sum[i], want[i])
			}
		}
	}
}

func TestRoundTripOfRandomBlocks(t *testing.T) {
	r := testkit.Rand(t)
	var e Encoder
	modes := make(map[bodyMode]int)
	for range 3000 {
		name, values := randomBlock(r)
		block := checkBlock(t, name, &e, values)
		checkParts(t, name, r, block, values)
		modes[bodyMode(block[0]&headerMode)]++
	}
	for m := modeEmpty; m <= modeRaw; m++ {
		if modes[m] == 0 {
			t.Errorf("no block in mode %v: %v", m, modes)
		}
	}
}

func TestRoundTripOfRealSamples(t *testing.T) {
	all, err := realSeries()
	if err != nil {
		t.Fatal(err)
	}
	r := testkit.Rand(t)
	var e Encoder
	for _, slots := range []int{100, 128, 256} {
		samples := 0
		for i, values := range blocksOf(all, slots) {
			if i%20 == 0 {
				block := checkBlock(t, "real samples", &e, values)
				checkParts(t, "real samples", r, block, values)
			}
			block := e.Encode(nil, values)
			got := make([]float64, len(values))
			if err := Decode(got, block); err != nil {
				t.Fatal(err)
			}
			checkSame(t, "real samples", got, values)
			samples += len(present(got))
		}
		if samples != 377019 {
			t.Errorf("blocks of %d slots hold %d samples, want all 377019", slots, samples)
		}
	}
}

// TestBlocksStaySmall: an encoder that chooses worse still decodes. The bytes are those
// of all real samples; whoever makes them fewer lowers the numbers.
func TestBlocksStaySmall(t *testing.T) {
	all, err := realSeries()
	if err != nil {
		t.Fatal(err)
	}
	var e Encoder
	for slots, most := range map[int]int{17: 883_177, 128: 577_570, 256: 541_323} {
		bytes := 0
		for _, values := range blocksOf(all, slots) {
			bytes += len(e.Encode(nil, values))
		}
		if bytes > most {
			t.Errorf("%d bytes in blocks of %d slots, %d before", bytes, slots, most)
		}
	}
}

func TestEncodeAppends(t *testing.T) {
	var e Encoder
	values := []float64{1, 2, 3, math.NaN(), 5}
	alone := e.Encode(nil, values)
	prefix := []byte{1, 2, 3}
	both := e.Encode(slices.Clone(prefix), values)
	if !slices.Equal(both[:3], prefix) || !slices.Equal(both[3:], alone) {
		t.Errorf("encoded behind %v: %v, want %v", prefix, both, alone)
	}
}

// TestEncodeDependsOnValuesAlone encodes blocks with encoders that did other
// work before.
func TestEncodeDependsOnValuesAlone(t *testing.T) {
	r := testkit.Rand(t)
	var used Encoder
	for range 500 {
		name, values := randomBlock(r)
		var fresh Encoder
		if a, b := used.Encode(nil, values), fresh.Encode(nil, values); !slices.Equal(a, b) {
			t.Fatalf("%s: a used encoder wrote\n%x, a fresh one\n%x", name, a, b)
		}
	}
}

func TestEncodeRefusesLength(t *testing.T) {
	for _, n := range []int{0, MaxSlots + 1} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("a block of %d slots was encoded", n)
				}
			}()
			new(Encoder).Encode(nil, make([]float64, n))
		}()
	}
}

func TestRange(t *testing.T) {
	block := new(Encoder).Encode(nil, []float64{1, 2, 3, 4})
	for _, test := range []struct {
		from, n int
		ok      bool
	}{
		{0, 4, true}, {1, 3, true}, {4, 0, true}, {0, 0, true},
		{-1, 2, false}, {0, 5, false}, {3, 2, false}, {5, 0, false}, {math.MaxInt, 1, false},
	} {
		dst := make([]float64, test.n)
		for name, err := range map[string]error{
			"DecodeRange": DecodeRange(dst, block, test.from),
			"AddTo":       AddTo(dst, block, test.from),
		} {
			if (err == nil) != test.ok || err != nil && (!errors.Is(err, errRange) || errors.Is(err, errCorrupt)) {
				t.Errorf("%s of %d slots from %d: %v", name, test.n, test.from, err)
			}
		}
	}
	for _, n := range []int{0, 3, 5, 1000} {
		if err := Decode(make([]float64, n), block); !errors.Is(err, errRange) {
			t.Errorf("decode 4 slots into %d: %v", n, err)
		}
	}
	for _, slot := range []int{-1, 4, 1000} {
		if _, err := valueAt(block, slot); !errors.Is(err, errRange) {
			t.Errorf("slot %d: %v", slot, err)
		}
	}
}

// valueAt returns the value of one slot.
func valueAt(block []byte, slot int) (float64, error) {
	var v [1]float64
	err := DecodeRange(v[:], block, slot)
	return v[0], err
}

func TestNothingIsAllocated(t *testing.T) {
	r := testkit.Rand(t)
	var e Encoder
	dst, slots := make([]byte, 0, 4096), make([]float64, MaxSlots)
	for _, s := range shapes {
		values := s.make(r, MaxSlots)
		puncture(r, values, 0.1, 3)
		block := e.Encode(nil, values)
		for what, f := range map[string]func(){
			"Encode":   func() { e.Encode(dst, values) },
			"Decode":   func() { _ = Decode(slots, block) },
			"AddTo":    func() { _ = AddTo(slots, block, 0) },
			"one slot": func() { _, _ = valueAt(block, 7) },
		} {
			if n := testing.AllocsPerRun(10, f); n != 0 {
				t.Errorf("%s: %s allocates %v times", s.name, what, n)
			}
		}
	}
}

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

// checkBlock encodes values as a group of one column, and holds what reads it against them. It
// returns nil for gaps only.
func checkBlock(t testing.TB, what string, b *GroupBuilder, values []float64) Group {
	t.Helper()
	g := groupOf(b, values)
	kept := len(present(values))
	if kept == 0 {
		if g != nil {
			t.Fatalf("%s: a group of gaps is %x", what, g)
		}
		return nil
	}
	if _, err := ParseGroup(g, len(values)); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	block := blockOf(g)
	what += " (" + modeOf(block).String() + ")"
	if longest := 1 + 1 + (3+len(values)+7)/8 + 8*kept; len(block) > longest {
		t.Fatalf("%s: %d bytes for %d values, more than raw", what, len(block), kept)
	}
	got := make([]float64, len(values))
	if err := g.DecodeRange(got, 0, 0); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	checkSame(t, what, got, values)
	want, err := reference(g, len(values))
	if err != nil || want[0].err != nil {
		t.Fatalf("%s: %v, %v", what, err, want[0].err)
	}
	checkSame(t, what+", reference", want[0].slots, values)
	return g
}

// checkParts holds the reading of parts of a column against its values.
func checkParts(t testing.TB, what string, r *rand.Rand, g Group, column int32, values []float64) {
	t.Helper()
	for i, want := range values {
		var v [1]float64
		if err := g.DecodeRange(v[:], column, i); err != nil || !same(v[0], want) {
			t.Fatalf("%s: slot %d is %v, %v, want %v", what, i, v, err, want)
		}
	}
	for range 8 {
		from := r.IntN(len(values) + 1)
		n := r.IntN(len(values) - from + 1)
		got := make([]float64, n)
		if err := g.DecodeRange(got, column, from); err != nil {
			t.Fatalf("%s: %v", what, err)
		}
		checkSame(t, what+", range", got, values[from:from+n])
	}
}

func TestRoundTripOfRandomBlocks(t *testing.T) {
	r := testkit.Rand(t)
	var b GroupBuilder
	headers := make(map[byte]int)
	for range 3000 {
		name, values := randomBlock(r)
		if g := checkBlock(t, name, &b, values); g != nil {
			checkParts(t, name, r, g, 0, values)
			headers[blockOf(g)[0]&^headerGaps]++
		}
	}
	for m := modeConstant; m < shortEnd; m++ {
		if headers[byte(m)] == 0 || headers[byte(m)|headerNear] == 0 && m < modeRaw {
			t.Errorf("no block in mode %v: %v", m, headers)
		}
	}
}

func TestRoundTripOfRealSamples(t *testing.T) {
	all, err := realSeries()
	if err != nil {
		t.Fatal(err)
	}
	r := testkit.Rand(t)
	var b GroupBuilder
	for _, slots := range []int{100, 128, 256} {
		samples := 0
		for i, host := range groupsOf(all, slots) {
			columns := host.columns
			g := groupOf(&b, columns...)
			want := make(map[int32][]float64)
			for c, values := range columns {
				if kept := len(present(values)); kept > 0 {
					want[int32(c)] = values
					samples += kept
				}
			}
			if len(want) == 0 {
				continue
			}
			if i%20 == 0 {
				checkColumns(t, r, g, int32(len(columns)), slots, want)
			}
			got := make([]float64, slots)
			for c, values := range want {
				if err := g.DecodeRange(got, c, 0); err != nil {
					t.Fatal(err)
				}
				checkSame(t, "real samples", got, values)
			}
		}
		if samples != 377019 {
			t.Errorf("groups of %d slots hold %d samples, want all 377019", slots, samples)
		}
	}
}

// TestGroupsStaySmall: an encoder that chooses worse still decodes. The bytes are those of all
// samples of a cluster; whoever makes them fewer lowers the numbers.
func TestGroupsStaySmall(t *testing.T) {
	all, err := realSeries()
	if err != nil {
		t.Fatal(err)
	}
	dense := slices.Clone(all) // whole groups of 128 slots without gaps
	for i, s := range dense {
		kept := present(s.values)
		dense[i].values = kept[:min(len(kept), 1024)]
	}
	dense = slices.DeleteFunc(dense, func(s series) bool { return len(s.values) < 1024 })
	var b GroupBuilder
	for _, test := range []struct {
		name        string
		series      []series
		slots, most int
	}{
		{"real", all, 17, 922_636}, {"real", all, 128, 572_794}, {"real", all, 256, 531_929},
		{"without gaps", dense, 128, 433_412},
	} {
		bytes := 0
		for _, host := range groupsOf(test.series, test.slots) {
			bytes += len(groupOf(&b, host.columns...))
		}
		if bytes > test.most {
			t.Errorf("%s: %d bytes in groups of %d slots, %d before", test.name, bytes, test.slots, test.most)
		}
	}
}

// TestGroupDependsOnValuesAlone builds groups with builders that did other work before.
func TestGroupDependsOnValuesAlone(t *testing.T) {
	r := testkit.Rand(t)
	var used GroupBuilder
	for range 300 {
		columns, slots := int32(1+r.IntN(20)), 1+r.IntN(MaxSlots)
		values := randomColumns(r, columns, slots)
		var fresh GroupBuilder
		if a, b := build(&used, columns, slots, values), build(&fresh, columns, slots, values); !slices.Equal(a, b) {
			t.Fatalf("a used builder wrote\n%x, a fresh one\n%x", a, b)
		}
	}
}

func TestBuilderRefusesLength(t *testing.T) {
	for name, do := range map[string]func(b *GroupBuilder){
		"no slots":       func(b *GroupBuilder) { b.Begin(1, 0) },
		"too many slots": func(b *GroupBuilder) { b.Begin(1, MaxSlots+1) },
		"fewer values":   func(b *GroupBuilder) { b.Begin(1, 5); b.Add(0, make([]float64, 4)) },
		"more values":    func(b *GroupBuilder) { b.Begin(1, 5); b.Add(0, make([]float64, 6)) },
	} {
		func() {
			defer func() {
				if recover() == nil {
					t.Errorf("%s: no panic", name)
				}
			}()
			do(new(GroupBuilder))
		}()
	}
}

func TestRange(t *testing.T) {
	g := groupOf(new(GroupBuilder), []float64{1, 2, 3, 4}, []float64{gap, gap, gap, gap})
	for _, test := range []struct {
		column  int32
		from, n int
		ok      bool
	}{
		{0, 0, 4, true}, {0, 1, 3, true}, {0, 4, 0, true}, {0, 0, 0, true},
		{0, -1, 2, false}, {0, 0, 5, false}, {0, 0, 1000, false}, {0, 3, 2, false}, {0, 5, 0, false}, {0, math.MaxInt, 1, false},
		{1, 0, 4, false}, {2, 0, 4, false}, {-1, 0, 4, false}, {math.MaxInt32, 0, 4, false},
	} {
		dst := make([]float64, test.n)
		for name, err := range map[string]error{
			"DecodeRange": g.DecodeRange(dst, test.column, test.from),
			"Sum":         g.Sum(dst, []int32{test.column}, test.from),
			"Sum of two":  g.Sum(dst, []int32{0, test.column}, test.from),
		} {
			if (err == nil) != test.ok || err != nil && (!errors.Is(err, errRange) || errors.Is(err, errCorrupt)) {
				t.Errorf("%s of column %d, %d slots from %d: %v", name, test.column, test.n, test.from, err)
			}
		}
	}
	var b GroupBuilder
	b.Begin(5, 4)
	for name, err := range map[string]error{
		"sum of nothing":           g.Sum(make([]float64, 4), nil, 0),
		"sum of no group":          Group(nil).Sum(make([]float64, 4), []int32{0}, 0),
		"range of no group":        Group(nil).DecodeRange(make([]float64, 4), 0, 0),
		"copy from no group":       b.AddFrom(nil, 0),
		"copy of no column":        b.AddFrom(g, 1),
		"copy from another length": b.AddFrom(groupOf(new(GroupBuilder), []float64{1, 2}), 0),
	} {
		if !errors.Is(err, errRange) {
			t.Errorf("%s: %v", name, err)
		}
	}
}

func TestNothingIsAllocated(t *testing.T) {
	r := testkit.Rand(t)
	var b GroupBuilder
	slots := make([]float64, MaxSlots)
	for _, s := range shapes {
		values, others := s.make(r, MaxSlots), s.make(r, MaxSlots)
		puncture(r, values, 0.1, 3)
		g := groupOf(&b, values, others, values, values)
		if g == nil {
			continue
		}
		columns := []int32{0, 2, 3, 1}
		for what, f := range map[string]func(){
			"DecodeRange": func() { _ = g.DecodeRange(slots, 0, 0) },
			"Sum":         func() { _ = g.Sum(slots, columns, 0) },
			"one slot":    func() { _ = g.DecodeRange(slots[:1], 0, 7) },
		} {
			if n := testing.AllocsPerRun(10, f); n != 0 {
				t.Errorf("%s: %s allocates %v times", s.name, what, n)
			}
		}
		build := func() { groupOf(&b, values, others, values, values) }
		if n := testing.AllocsPerRun(10, build); n > 2 { // the group, and the list of the columns
			t.Errorf("%s: building allocates %v times", s.name, n)
		}
	}
}

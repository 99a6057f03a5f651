package chunk

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
)

func TestGroup(t *testing.T) {
	r := testkit.Rand(t)
	var b GroupBuilder
	for range 40 {
		columns, slots := int32(r.IntN(200)), 1+r.IntN(MaxSlots)
		want := randomColumns(r, columns, slots)
		g := build(&b, columns, slots, want)
		if len(want) == 0 {
			if g != nil {
				t.Fatalf("a group of gaps is %x", g)
			}
			continue
		}
		if cap(g) != len(g) {
			t.Fatalf("%d bytes of memory for %d", cap(g), len(g))
		}
		checkColumns(t, r, g, columns, slots, want)
	}
}

// groupVersion1 returns a Group of version 1 of the columns.
func groupVersion1(columns int32, values map[int32][]float64) Group {
	blocks := make([][]byte, columns)
	for c, v := range values {
		blocks[c] = blockVersion1(v)
	}
	return version1(blocks...)
}

func TestGroupVersion1(t *testing.T) {
	r := testkit.Rand(t)
	for range 40 {
		columns, slots := int32(1+r.IntN(200)), 1+r.IntN(MaxSlots)
		want := randomColumns(r, columns, slots)
		checkColumns(t, r, groupVersion1(columns, want), columns, slots, want)
	}
}

// TestAddFrom copies columns of groups of both versions, among new ones, so that the gaps which the
// source shares are those of the copy, or not, or its own.
func TestAddFrom(t *testing.T) {
	r := testkit.Rand(t)
	var b, other GroupBuilder
	for range 80 {
		columns, slots := int32(1+r.IntN(100)), 1+r.IntN(MaxSlots)
		want := make(map[int32][]float64)
		b.Begin(columns, slots)
		old, recent := randomColumns(r, columns, slots), randomColumns(r, columns, slots)
		sources := [2]Group{groupVersion1(columns, old), build(&other, columns, slots, recent)}
		kinds := r.Perm(3) // some copies are of one source alone
		if n := 1 + r.IntN(3); n < 3 {
			kinds = kinds[:n]
		}
		for c := range columns {
			var from map[int32][]float64
			var source Group
			switch kinds[r.IntN(len(kinds))] {
			case 0:
				from, source = old, sources[0]
			case 1:
				from, source = recent, sources[1]
			default:
				if values := shapes[r.IntN(len(shapes))].make(r, slots); len(present(values)) > 0 {
					b.Add(c, values)
					want[c] = values
				}
				continue
			}
			if from[c] == nil {
				continue
			}
			if err := b.AddFrom(source, c); err != nil {
				t.Fatal(err)
			}
			want[c] = from[c]
		}
		g := b.Finish()
		if len(want) == 0 {
			if g != nil {
				t.Fatalf("a group of gaps is %x", g)
			}
			continue
		}
		checkColumns(t, r, g, columns, slots, want)
		// What was copied is what encoding would have written, but for what version 1 cannot have.
		if len(kinds) == 1 && kinds[0] == 1 && !slices.Equal(g, build(&b, columns, slots, want)) {
			t.Fatalf("the copy is %x", g)
		}
	}
}

// TestAddFromEmptyBlock leaves a block of gaps out, which version 1 could have.
func TestAddFromEmptyBlock(t *testing.T) {
	var b GroupBuilder
	b.Begin(3, 3)
	g, err := ParseGroup(version1([]byte{0x00, 2}, blockVersion1([]float64{1, gap, 2})), 3)
	if err != nil {
		t.Fatal(err)
	}
	for c := range g.All() {
		if err := b.AddFrom(g, c); err != nil {
			t.Fatal(err)
		}
	}
	checkColumns(t, testkit.Rand(t), b.Finish(), 3, 3, map[int32][]float64{1: {1, gap, 2}})
	values := make([]float64, 3)
	if err := g.Sum(values, []int32{0, 1}, 0); err != nil {
		t.Fatal(err)
	}
	checkSame(t, "an empty block", values, []float64{gap, gap, gap})
}

// TestSharedGaps: gaps are kept once if that takes fewer bytes, whichever columns have them.
func TestSharedGaps(t *testing.T) {
	r := testkit.Rand(t)
	const slots = 128
	with := func(gaps ...int) []float64 {
		v := each(slots, func(i int) float64 { return float64(i % 7) })
		for _, i := range gaps {
			v[i] = gap
		}
		return v
	}
	for _, test := range []struct {
		name    string
		columns [][]float64
		shared  []int // nil: none
	}{
		{"none", [][]float64{with(), with()}, nil},
		{"few columns", [][]float64{with(1, 2), with(1, 2), with(1, 2)}, nil},
		{"different ones", [][]float64{with(1, 2), with(1, 3), with(1, 4), with(1, 5), with(1, 6), with(1, 7), with(1, 8), with(1, 9), with(1, 10)}, nil},
		{"many columns", slices.Repeat([][]float64{with(1, 2)}, 9), []int{1, 2}},
		{"some without", slices.Repeat([][]float64{with(1, 2), with()}, 9), []int{1, 2}},
		{"the most frequent", slices.Repeat([][]float64{with(9, 20), with(1, 2), with(1, 2)}, 9), []int{1, 2}},
		{"the first of several", slices.Repeat([][]float64{with(9, 20), with(1, 2)}, 9), []int{9, 20}},
		{"large ones", slices.Repeat([][]float64{with(0, 9, 11, 20, 33, 40, 50, 77, 90, 100)}, 3), []int{0, 9, 11, 20, 33, 40, 50, 77, 90, 100}},
	} {
		g := groupOf(new(GroupBuilder), test.columns...)
		var shared indexSet
		if p := partsOf(g); p.gaps != nil {
			shared.load(p.gaps)
		}
		var want indexList
		for _, i := range test.shared {
			want.add(i)
		}
		var got indexList
		if got.set(&shared); !slices.Equal(got.list(), want.list()) {
			t.Errorf("%s: shared are %v, want %v", test.name, got.list(), want.list())
		}
		columns := make(map[int32][]float64)
		for c, v := range test.columns {
			columns[int32(c)] = v
		}
		checkColumns(t, r, g, int32(len(columns)), slots, columns)
	}
}

// TestWideEnds has so many bytes in 64 columns that narrow ends cannot count them, and the most that
// they can.
func TestWideEnds(t *testing.T) {
	r := testkit.Rand(t)
	var b GroupBuilder
	noise := func() []float64 {
		return each(MaxSlots, func(int) float64 { return math.Float64frombits(r.Uint64() &^ (1 << 62)) })
	}
	for _, test := range []struct {
		full int // columns of 2,049 bytes
		last int // slots of a constant after them, at 3 or 4 bytes
		wide bool
	}{{31, 0, false}, {32, 0, true}, {31, 33, false}} {
		columns := make(map[int32][]float64)
		for c := range test.full {
			columns[int32(2*c)] = noise()
		}
		for c := range test.last {
			columns[int32(2*c+1)] = each(MaxSlots, func(int) float64 { return 1 })
		}
		for c := range 20 { // in the next word
			columns[int32(64+c)] = noise()
		}
		g := build(&b, 130, MaxSlots, columns)
		if p := partsOf(g); (p.bases == nil) != test.wide {
			t.Errorf("%d columns and %d small ones: wide ends %v, want %v", test.full, test.last, p.bases == nil, test.wide)
		}
		checkColumns(t, r, g, 130, MaxSlots, columns)
	}
}

func TestGroupCorrupt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	const columns, slots = 80, 20
	values := randomColumns(r, columns, slots)
	small := map[int32][]float64{1: values[1], 70: {1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2, 3, 4, 5, 6, 7, 8, 9, 1, 2}}
	if small[1] == nil {
		small[1] = small[70]
	}
	wide := slices.Clone(version2([]byte{0x21, 0, 2}, slots, 5))
	for _, g := range []Group{build(new(GroupBuilder), columns, slots, values), groupVersion1(columns, values), build(new(GroupBuilder), columns, slots, small), wide} {
		for n := range g {
			if _, err := ParseGroup(g[:n], slots); err == nil {
				t.Errorf("accepted %d of %d bytes", n, len(g))
			}
			if len(g) > 2000 {
				continue
			}
			for bit := range 8 {
				data := slices.Clone(g)
				data[n] ^= 1 << bit
				checkLikeReference(t, data, slots)
			}
		}
		if _, err := ParseGroup(g, slots+1); err == nil {
			t.Error("accepted a group of other slots")
		}
		if _, err := ParseGroup(append(slices.Clone(g), 0), slots); err == nil {
			t.Error("accepted a byte too many")
		}
	}
	if _, err := ParseGroup(binary.LittleEndian.AppendUint64(nil, 1<<31-1), 4); err == nil {
		t.Error("accepted columns that are not there")
	}
}

package chunk

import (
	"encoding/binary"
	"math"
	"math/rand/v2"
	"testing"
)

// groupOf returns a Group of the columns, nil if they have no values.
func groupOf(b *GroupBuilder, columns ...[]float64) Group {
	b.Begin(int32(len(columns)), len(columns[0]))
	for c, values := range columns {
		b.Add(int32(c), values)
	}
	return b.Finish()
}

func partsOf(g Group) (p groupParts) {
	p.take(g)
	return p
}

// blockOf returns the block of the only column of g.
func blockOf(g Group) []byte {
	p := partsOf(g)
	return p.block(0)
}

// modeOf returns the mode of a block, the long one for a short one.
func modeOf(block []byte) bodyMode {
	m := bodyMode(block[0] & headerMode)
	if m > modeRaw {
		m, _ = m.long()
	}
	return m
}

// version2 returns a Group of one column with the block, which may be anything. gaps are
// those of the group, a word for each 64 slots, nil for none.
func version2(block []byte, slots int, gaps ...uint64) Group {
	g := binary.LittleEndian.AppendUint32(nil, 1|groupVersion2)
	g = binary.LittleEndian.AppendUint32(g, 1)
	flags := byte(flagWide)
	if gaps != nil {
		flags |= flagGaps
	}
	g = append(g, byte(slots-1), flags)
	for _, w := range gaps {
		g = binary.LittleEndian.AppendUint64(g, w)
	}
	g = binary.LittleEndian.AppendUint64(g, 1)
	g = binary.LittleEndian.AppendUint32(g, uint32(len(block)))
	return append(g, block...)
}

// version1 returns a Group of version 1 with the blocks, nil for a column without one.
func version1(blocks ...[]byte) Group {
	present := make([]uint64, (len(blocks)+63)/64)
	var ends, data []byte
	count := uint32(0)
	for c, block := range blocks {
		if block == nil {
			continue
		}
		count++
		present[c/64] |= 1 << (c % 64)
		data = append(data, block...)
		ends = binary.LittleEndian.AppendUint32(ends, uint32(len(data)))
	}
	g := binary.LittleEndian.AppendUint32(nil, uint32(len(blocks)))
	g = binary.LittleEndian.AppendUint32(g, count)
	for _, w := range present {
		g = binary.LittleEndian.AppendUint64(g, w)
	}
	return append(append(g, ends...), data...)
}

// blockVersion1 returns a block of version 1 with the values, which are not all gaps.
func blockVersion1(values []float64) []byte {
	var e encoder
	e.load(values)
	header, body := e.encode(nil)
	if header&headerNear != 0 {
		header, body = byte(modeRaw), e.appendRaw(nil)
	}
	if m := bodyMode(header); m > modeRaw { // version 1 has no short ones
		m, d := m.long()
		header, body = byte(m), append([]byte{byte(d)}, body...)
	}
	block := []byte{header, byte(len(values) - 1)}
	switch len(values) {
	case 64, 128, 256:
		block = []byte{header | byte(1+len(values)/128)<<5}
	}
	if e.gaps.n > 0 {
		block[0] |= header1Gaps
		var gaps indexList
		gaps.set(&e.gaps)
		block = gaps.append(block)
	}
	return append(block, body...)
}

// sumOf returns the sum of columns in their order, from a slot on.
func sumOf(columns map[int32][]float64, of []int32, from, n int) []float64 {
	sum := append([]float64(nil), columns[of[0]][from:from+n]...)
	for _, c := range of[1:] {
		for i := range sum {
			sum[i] += columns[c][from+i]
		}
	}
	return sum
}

// randomColumns returns values by column, some columns with gaps that most of them have, some
// with others or none.
func randomColumns(r *rand.Rand, columns int32, slots int) map[int32][]float64 {
	common := make([]float64, slots)
	puncture(r, common, 0.3, 3)
	out := make(map[int32][]float64)
	for c := range columns {
		values := shapes[r.IntN(len(shapes))].make(r, slots)
		switch r.IntN(8) {
		case 0:
			puncture(r, values, 0.3, 3)
		case 1:
		case 2:
			continue
		default:
			for i, v := range common {
				if math.IsNaN(v) {
					values[i] = v
				}
			}
		}
		if len(present(values)) > 0 {
			out[c] = values
		}
	}
	return out
}

// build returns a Group of the columns.
func build(b *GroupBuilder, columns int32, slots int, values map[int32][]float64) Group {
	b.Begin(columns, slots)
	for c := range columns {
		if v, ok := values[c]; ok {
			b.Add(c, v)
		}
	}
	return b.Finish()
}

// checkColumns holds all that reads a Group against the values of its columns.
func checkColumns(t testing.TB, r *rand.Rand, g Group, columns int32, slots int, want map[int32][]float64) {
	t.Helper()
	g, err := ParseGroup(g, slots)
	if err != nil {
		t.Fatal(err)
	}
	if g.Columns() != columns || g.Count() != len(want) {
		t.Fatalf("%d of %d columns have values, want %d of %d", g.Count(), g.Columns(), len(want), columns)
	}
	var all []int32
	for c := range g.All() {
		if len(all) > 0 && c <= all[len(all)-1] || want[c] == nil {
			t.Fatalf("column %d after %v", c, all)
		}
		all = append(all, c)
	}
	for range g.All() {
		break
	}
	for c := range columns + 70 {
		if g.Has(c) != (want[c] != nil) {
			t.Fatalf("column %d of %d: %v", c, columns, g.Has(c))
		}
		if want[c] != nil {
			checkParts(t, "column", r, g, c, want[c])
		}
	}
	if len(all) != len(want) {
		t.Fatalf("columns %v, want %d", all, len(want))
	}
	for range 5 {
		if len(all) == 0 {
			break
		}
		var of []int32
		for range 1 + r.IntN(9) {
			of = append(of, all[r.IntN(len(all))])
		}
		from := r.IntN(slots + 1)
		n := r.IntN(slots - from + 1)
		if r.IntN(2) == 0 {
			from, n = 0, slots
		}
		got := make([]float64, n)
		if err := g.Sum(got, of, from); err != nil {
			t.Fatal(err)
		}
		checkSum(t, got, sumOf(want, of, from, n))
	}
}

// checkSum compares sums bit by bit, but for the kind of NaN that a sum of infinities is.
func checkSum(t testing.TB, got, want []float64) {
	t.Helper()
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) && !(math.IsNaN(got[i]) && math.IsNaN(want[i])) {
			t.Fatalf("sum of slot %d is %v (%#x), want %v (%#x)", i, got[i], math.Float64bits(got[i]), want[i], math.Float64bits(want[i]))
		}
	}
}

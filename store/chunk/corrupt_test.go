package chunk

import (
	"encoding/binary"
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
)

// checkLikeReference parses and decodes any bytes as a group, and holds the outcome against
// the reference.
func checkLikeReference(t testing.TB, data []byte, slots int) {
	t.Helper()
	want, refused := reference(data, slots)
	g, err := ParseGroup(data, slots)
	if err != nil && !errors.Is(err, errCorrupt) {
		t.Fatalf("%x: %v is not errCorrupt", data, err)
	}
	if (err == nil) != (refused == nil) {
		t.Fatalf("%x: %v, reference: %v", data, err, refused)
	}
	if err != nil {
		return
	}
	if g.Count() != len(want) {
		t.Fatalf("%x: %d columns, reference: %d", data, g.Count(), len(want))
	}
	for c := range g.All() {
		checkColumnLikeReference(t, g, c, want[c], slots)
	}
}

func checkColumnLikeReference(t testing.TB, g Group, c int32, want referenceColumn, slots int) {
	t.Helper()
	got := make([]float64, slots)
	err := g.DecodeRange(got, c, 0)
	if err != nil && !errors.Is(err, errCorrupt) {
		t.Fatalf("%x: column %d: %v is not errCorrupt", g, c, err)
	}
	if (err == nil) != (want.err == nil) {
		t.Fatalf("%x: column %d: %v, reference: %v", g, c, err, want.err)
	}
	if err != nil {
		return
	}
	for i := range want.slots {
		if math.Float64bits(got[i]) != math.Float64bits(want.slots[i]) {
			t.Fatalf("%x: column %d: slot %d is %v, reference: %v", g, c, i, got[i], want.slots[i])
		}
	}
	// Parts of it agree, wherever they begin.
	for from := 0; from < slots; from += 1 + slots/7 {
		part := make([]float64, min(9, slots-from))
		if err := g.DecodeRange(part, c, from); err != nil {
			t.Fatalf("%x: column %d from %d: %v", g, c, from, err)
		}
		for i := range part {
			if math.Float64bits(part[i]) != math.Float64bits(got[from+i]) {
				t.Fatalf("%x: column %d: slot %d of a part is %v, want %v", g, c, from+i, part[i], got[from+i])
			}
		}
	}
}

// sampleBlock is a block, which may be damaged, and how many slots it should have.
type sampleBlock struct {
	block []byte
	slots int
	gaps  []uint64 // of its group
}

// samplesOfAllShapes returns a block of each shape, with gaps and without, of both versions.
func samplesOfAllShapes(r *rand.Rand) (old, recent []sampleBlock) {
	var b GroupBuilder
	for _, s := range shapes {
		for _, n := range []int{1, 2, 64} {
			values := s.make(r, n)
			for range 2 {
				if g := groupOf(&b, values); g != nil {
					recent = append(recent, sampleBlock{block: blockOf(g), slots: n})
					old = append(old, sampleBlock{block: blockVersion1(values), slots: n})
				}
				puncture(r, values, 0.2, 4)
			}
			if n == 64 && len(b.sets) > 0 {
				g := groupOf(&b, values, values, values, values, values, values, values)
				p := partsOf(g)
				if recent = append(recent, sampleBlock{block: p.block(0), slots: n, gaps: nil}); p.gaps != nil {
					recent[len(recent)-1].gaps = []uint64{binary.LittleEndian.Uint64(p.gaps)}
				}
			}
		}
	}
	return old, recent
}

// groupsOfAllShapes wraps the samples.
func groupsOfAllShapes(r *rand.Rand) (groups []Group, slots []int) {
	old, recent := samplesOfAllShapes(r)
	for _, s := range old {
		groups, slots = append(groups, version1(s.block)), append(slots, s.slots)
	}
	for _, s := range recent {
		groups, slots = append(groups, version2(s.block, s.slots, s.gaps...)), append(slots, s.slots)
	}
	return groups, slots
}

// TestTruncatedBlocks cuts blocks short, in groups that say so.
func TestTruncatedBlocks(t *testing.T) {
	old, recent := samplesOfAllShapes(testkit.Rand(t))
	check := func(s sampleBlock, wrap func(block []byte) Group) {
		t.Helper()
		for n := range len(s.block) + 2 {
			if n == len(s.block) {
				continue
			}
			// A capacity as short as the length lets no read beyond it pass.
			g, err := ParseGroup(slices.Clip(wrap(append(slices.Clone(s.block), 0)[:n])), s.slots)
			if err == nil {
				err = g.DecodeRange(make([]float64, s.slots), 0, 0)
			}
			if !errors.Is(err, errCorrupt) {
				t.Fatalf("block %x of %d bytes cut to %d: %v", s.block, len(s.block), n, err)
			}
			if g == nil {
				continue
			}
			for what, err := range map[string]error{
				"DecodeRange": g.DecodeRange(make([]float64, 1), 0, 0),
				"Sum":         g.Sum(make([]float64, s.slots), []int32{0, 0}, 0),
			} {
				if !errors.Is(err, errCorrupt) && n < len(s.block) {
					t.Fatalf("block %x of %d bytes cut to %d: %s: %v", s.block, len(s.block), n, what, err)
				}
			}
		}
	}
	for _, s := range old {
		check(s, func(block []byte) Group { return version1(block) })
	}
	for _, s := range recent {
		check(s, func(block []byte) Group { return version2(block, s.slots, s.gaps...) })
	}
}

// TestDamagedGroups puts other bytes at every position.
func TestDamagedGroups(t *testing.T) {
	r := testkit.Rand(t)
	groups, slots := groupsOfAllShapes(r)
	for i, g := range groups {
		for at := range g {
			data := slices.Clone(g)
			if data[at] ^= 1 << r.IntN(8); r.IntN(2) == 0 {
				data[at] = byte(r.Uint32())
			}
			checkLikeReference(t, data, slots[i])
		}
	}
}

func TestCorruptBlocks(t *testing.T) {
	// Bodies and sets of gaps are the same in both versions; n is the number of slots, and 3 in a
	// header of version 1 is a number of slots less one.
	for _, test := range []struct {
		name  string
		block []byte
		slots int
		gaps  []uint64 // nil: version 1
	}{
		{"nothing", nil, 4, nil},
		{"unknown mode", []byte{0x0f, 3}, 4, nil},
		{"unused bit of the header", []byte{0x80, 3}, 4, nil},
		{"no number of slots", []byte{0x00}, 4, nil},
		{"no body", []byte{0x41}, 128, nil},
		{"zero gaps", []byte{0x11, 3, 0, 0, 0, 2}, 4, nil},
		{"more gaps than slots", []byte{0x11, 3, 5, 0xf8, 0, 2}, 4, nil},
		{"gaps only, but a mode", []byte{0x11, 1, 2, 0x18, 0, 2}, 2, nil},
		{"gap behind the last slot", []byte{0x11, 1, 1, 0x20, 0, 2}, 2, nil},
		{"gaps without end", []byte{0x11, 99, 1, 0, 0}, 100, nil},
		{"18 decimals", []byte{0x21, 18, 2}, 64, nil},
		{"number too long", append([]byte{0x21, 0}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0), 64, nil},
		{"patch of width 65", append([]byte{0x02, 1, 0, 0x80, 0, 1, 0x08, 65, 0}, make([]byte, 9)...), 2, nil},
		{"delta of one value", []byte{0x03, 0, 0, 2, 0, 0}, 1, nil},
		{"dictionary of one", []byte{0x04, 1, 0, 1, 2, 0, 0}, 2, nil},
		{"dictionary of 129", append([]byte{0x04, 1, 0, 129}, make([]byte, 500)...), 2, nil},
		{"code beyond the dictionary", []byte{0x04, 0, 0, 3, 2, 1, 2, 0, 3}, 1, nil},
		{"raw and a byte more", append([]byte{0x05, 0}, make([]byte, 9)...), 1, nil},
		{"another number of slots", []byte{0x01, 4, 0, 2}, 4, nil},

		{"nothing in version 2", nil, 4, []uint64{}},
		{"an empty block in version 2", []byte{0x00}, 4, []uint64{}},
		{"a short mode that is moved", []byte{0x4e, 0, 0, 2}, 4, []uint64{}},
		{"a short mode with a scale", []byte{0x0e, 0, 2}, 4, []uint64{}},
		{"unused bit in version 2", []byte{0x81, 0, 2}, 4, []uint64{}},
		{"both kinds of gaps", []byte{0x31, 1, 0x08, 0, 2}, 4, []uint64{2}},
		{"gaps of a group that has none", []byte{0x21, 0, 2}, 4, []uint64{}},
		{"gaps of all slots", []byte{0x11, 2, 0x18, 0, 2}, 2, []uint64{}},
		{"shared gaps of all slots", []byte{0x01, 0, 2}, 4, []uint64{15}},
		{"shared gaps without any", []byte{0x01, 0, 2}, 4, []uint64{0}},
		{"shared gaps behind the last slot", []byte{0x01, 0, 2}, 4, []uint64{16}},
		{"raw values that are moved", append([]byte{0x45}, make([]byte, 8)...), 1, []uint64{}},
		{"moved by nothing", []byte{0x41}, 1, []uint64{}},
		{"a centred frame without codes", []byte{0x06, 65}, 4, []uint64{}},
		{"moved, but no body", []byte{0x41, 0, 2}, 1, []uint64{}},
	} {
		t.Run(test.name, func(t *testing.T) {
			data := version1(append([]byte{}, test.block...))
			if test.gaps != nil {
				data = version2(test.block, test.slots, test.gaps...)
				if len(test.gaps) == 0 {
					data = version2(test.block, test.slots)
				}
			}
			g, err := ParseGroup(data, test.slots)
			if err == nil {
				err = g.DecodeRange(make([]float64, test.slots), 0, 0)
			}
			if !errors.Is(err, errCorrupt) {
				t.Errorf("%v, want errCorrupt", err)
			}
			checkLikeReference(t, data, test.slots)
		})
	}
}

// FuzzDecode holds the decoding of any bytes as the block of a group against the reference.
func FuzzDecode(f *testing.F) {
	old, recent := samplesOfAllShapes(rand.New(rand.NewPCG(1, 2)))
	for _, s := range append(old, recent...) {
		f.Add(s.block)
	}
	f.Fuzz(func(t *testing.T, block []byte) {
		for _, slots := range []int{1, 2, 40, 64, 128} {
			checkLikeReference(t, version1(append([]byte{}, block...)), slots)
			checkLikeReference(t, version2(block, slots), slots)
		}
		checkLikeReference(t, version2(block, 40, 0x8000fff001), 40)
	})
}

// FuzzGroup holds the parsing and decoding of any bytes as a group against the reference.
func FuzzGroup(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	var b GroupBuilder
	for columns := range int32(5) {
		g := build(&b, columns*30, 7, randomColumns(r, columns*30, 7))
		f.Add([]byte(g), 7)
	}
	groups, slots := groupsOfAllShapes(r)
	for i, g := range groups {
		f.Add([]byte(g), slots[i])
	}
	f.Fuzz(func(t *testing.T, data []byte, slots int) {
		if slots >= 1 && slots <= MaxSlots {
			checkLikeReference(t, data, slots)
		}
	})
}

// FuzzRoundTrip makes values of any bytes: eight of them a value, or two of
// them a number of hundredths.
func FuzzRoundTrip(f *testing.F) {
	r := rand.New(rand.NewPCG(3, 4))
	for _, s := range shapes {
		var b []byte
		for _, v := range s.make(r, 40) {
			b = appendBits(b, v)
		}
		f.Add(b, false)
		f.Add(b, true)
	}
	var b GroupBuilder
	f.Fuzz(func(t *testing.T, data []byte, hundredths bool) {
		values := valuesOf(data, hundredths)
		if len(values) == 0 {
			return
		}
		if g := checkBlock(t, "fuzz", &b, values); g != nil {
			checkParts(t, "fuzz", r, g, 0, values)
		}
	})
}

func appendBits(b []byte, v float64) []byte {
	for shift := 0; shift < 64; shift += 8 {
		b = append(b, byte(math.Float64bits(v)>>shift))
	}
	return b
}

func valuesOf(b []byte, hundredths bool) []float64 {
	size := 8
	if hundredths {
		size = 2
	}
	var values []float64
	for ; len(b) >= size && len(values) < MaxSlots; b = b[size:] {
		var x uint64
		for i := range size {
			x |= uint64(b[i]) << (8 * i)
		}
		switch {
		case !hundredths:
			values = append(values, math.Float64frombits(x))
		case x == math.MaxUint16:
			values = append(values, math.NaN())
		default:
			values = append(values, float64(x)/100)
		}
	}
	return values
}

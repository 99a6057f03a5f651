package chunk

import (
	"errors"
	"math"
	"math/rand/v2"
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
)

// checkLikeReference decodes any bytes, and holds the outcome against the
// reference.
func checkLikeReference(t testing.TB, block []byte) {
	t.Helper()
	want, refused := reference(block)
	info, err := stat(block)
	if err != nil {
		if !errors.Is(err, errCorrupt) {
			t.Fatalf("%x: %v is not errCorrupt", block, err)
		}
		if refused == nil {
			t.Fatalf("%x: %v, but the reference decodes it", block, err)
		}
		return
	}
	got := make([]float64, info.Slots)
	err = Decode(got, block)
	if err != nil && !errors.Is(err, errCorrupt) {
		t.Fatalf("%x: %v is not errCorrupt", block, err)
	}
	if (err == nil) != (refused == nil) {
		t.Fatalf("%x: %v, reference: %v", block, err, refused)
	}
	if err != nil {
		return
	}
	for i := range want {
		if math.Float64bits(got[i]) != math.Float64bits(want[i]) {
			t.Fatalf("%x: slot %d is %v, reference: %v", block, i, got[i], want[i])
		}
	}
	// Parts of it agree, wherever they begin.
	for from := 0; from < info.Slots; from += 1 + info.Slots/7 {
		part := make([]float64, min(9, info.Slots-from))
		if err := DecodeRange(part, block, from); err != nil {
			t.Fatalf("%x: from %d: %v", block, from, err)
		}
		for i := range part {
			if math.Float64bits(part[i]) != math.Float64bits(got[from+i]) {
				t.Fatalf("%x: slot %d of a part is %v, want %v", block, from+i, part[i], got[from+i])
			}
		}
	}
}

// samplesOfAllShapes returns an encoded block of each shape, with gaps and
// without.
func samplesOfAllShapes(r *rand.Rand) [][]byte {
	var e Encoder
	var blocks [][]byte
	for _, s := range shapes {
		for _, n := range []int{1, 2, 64} {
			values := s.make(r, n)
			blocks = append(blocks, e.Encode(nil, values))
			puncture(r, values, 0.2, 4)
			blocks = append(blocks, e.Encode(nil, values))
		}
	}
	return blocks
}

func TestTruncatedBlocks(t *testing.T) {
	for _, block := range samplesOfAllShapes(testkit.Rand(t)) {
		info, err := stat(block)
		if err != nil {
			t.Fatal(err)
		}
		slots := make([]float64, info.Slots)
		for n := range block {
			// A capacity as short as the length lets no read beyond it pass.
			b := slices.Clip(slices.Clone(block[:n]))
			for what, err := range map[string]error{
				"Decode":      Decode(slots, b),
				"DecodeRange": DecodeRange(slots[:1], b, 0),
				"AddTo":       AddTo(slots, b, 0),
			} {
				if !errors.Is(err, errCorrupt) {
					t.Fatalf("%v block of %d bytes cut to %d: %s: %v", info.Mode, len(block), n, what, err)
				}
			}
		}
		if err := Decode(slots, append(slices.Clone(block), 0)); !errors.Is(err, errCorrupt) {
			t.Fatalf("%v block with a byte more: %v", info.Mode, err)
		}
	}
}

// TestDamagedBlocks puts other bytes at every position.
func TestDamagedBlocks(t *testing.T) {
	r := testkit.Rand(t)
	for _, block := range samplesOfAllShapes(r) {
		for i := range block {
			for _, x := range []byte{1 << r.IntN(8), byte(r.Uint32())} {
				b := slices.Clone(block)
				b[i] ^= x
				checkLikeReference(t, b)
			}
		}
	}
}

func TestCorruptBlocks(t *testing.T) {
	for _, test := range []struct {
		name  string
		block []byte
	}{
		{"nothing", nil},
		{"unknown mode", []byte{0x0f, 3}},
		{"unused bit of the header", []byte{0x80, 3}},
		{"no number of slots", []byte{0x00}},
		{"no body", []byte{0x41}},
		{"zero gaps", []byte{0x11, 3, 0, 0, 0, 2}},
		{"more gaps than slots", []byte{0x11, 3, 5, 0xf8, 0, 2}},
		{"gaps only, but a mode", []byte{0x11, 1, 2, 0x18, 0, 2}},
		{"gap behind the last slot", []byte{0x11, 1, 1, 0x20, 0, 2}},
		{"gaps without end", []byte{0x11, 99, 1, 0, 0}},
		{"18 decimals", []byte{0x21, 18, 2}},
		{"number too long", append([]byte{0x21, 0}, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0)},
		{"width 65", append([]byte{0x02, 0, 0, 65, 0}, make([]byte, 9)...)},
		{"patch of width 65", append([]byte{0x02, 1, 0, 0x80, 0, 1, 0x08, 65, 0}, make([]byte, 9)...)},
		{"delta of one value", []byte{0x03, 0, 0, 2, 0, 0}},
		{"dictionary of one", []byte{0x04, 1, 0, 1, 2, 0, 0}},
		{"dictionary of 129", append([]byte{0x04, 1, 0, 129}, make([]byte, 500)...)},
		{"code beyond the dictionary", []byte{0x04, 0, 0, 3, 2, 1, 2, 0, 3}},
		{"raw and a byte more", append([]byte{0x05, 0}, make([]byte, 9)...)},
	} {
		t.Run(test.name, func(t *testing.T) {
			info, err := stat(test.block)
			if err == nil {
				err = Decode(make([]float64, info.Slots), test.block)
			}
			if !errors.Is(err, errCorrupt) {
				t.Errorf("%v, want errCorrupt", err)
			}
			checkLikeReference(t, test.block)
		})
	}
}

// FuzzDecode holds Decode of any bytes against the reference.
func FuzzDecode(f *testing.F) {
	for _, block := range samplesOfAllShapes(rand.New(rand.NewPCG(1, 2))) {
		f.Add(block)
	}
	f.Fuzz(func(t *testing.T, block []byte) { checkLikeReference(t, block) })
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
	var e Encoder
	f.Fuzz(func(t *testing.T, b []byte, hundredths bool) {
		values := valuesOf(b, hundredths)
		if len(values) == 0 {
			return
		}
		block := checkBlock(t, "fuzz", &e, values)
		checkParts(t, "fuzz", r, block, values)
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

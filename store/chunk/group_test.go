package chunk

import (
	"encoding/hex"
	"errors"
	"math"
	"math/rand/v2"
	"testing"

	"cc-metric-store/test/testkit"
)

// randomGroup returns a Group and, by column, the values that are in it.
func randomGroup(r *rand.Rand, columns int32, slots int) (Group, map[int32][]float64) {
	var b GroupBuilder
	b.Begin(columns)
	want := map[int32][]float64{}
	for c := range columns {
		values := make([]float64, slots)
		empty := r.IntN(3) == 0
		for i := range values {
			values[i] = math.NaN()
			if !empty && r.IntN(4) > 0 {
				values[i] = float64(r.IntN(1000)) / 10
				want[c] = values
			}
		}
		b.Add(c, values)
	}
	return b.Finish(), want
}

func TestGroup(t *testing.T) {
	r := testkit.Rand(t)
	for range 200 {
		columns, slots := int32(r.IntN(200)), 1+r.IntN(MaxSlots)
		g, want := randomGroup(r, columns, slots)
		if len(want) == 0 {
			if g != nil {
				t.Fatalf("a group of gaps is %x", g)
			}
			continue
		}
		parsed, err := ParseGroup(g, slots)
		if err != nil {
			t.Fatal(err)
		}
		if parsed.Columns() != columns {
			t.Fatalf("%d columns, want %d", parsed.Columns(), columns)
		}
		for c := range columns + 70 {
			block := parsed.Column(c)
			if (block != nil) != (want[c] != nil) {
				t.Fatalf("column %d of %d: %x", c, columns, block)
			}
			if block == nil {
				continue
			}
			got := make([]float64, slots)
			if err := Decode(got, block); err != nil {
				t.Fatal(err)
			}
			checkSame(t, "column", got, want[c])
		}
	}
}

// TestGroupColumns asks a Group for its columns in all ways, and copies some of
// them.
func TestGroupColumns(t *testing.T) {
	r := testkit.Rand(t)
	for range 200 {
		columns, slots := int32(r.IntN(200)), 1+r.IntN(MaxSlots)
		g, want := randomGroup(r, columns, slots)
		var b GroupBuilder
		b.Begin(columns + 5)
		next := int32(0)
		for c, block := range g.All() {
			for ; next < c; next++ {
				if want[next] != nil || g.Has(next) {
					t.Fatalf("column %d is left out", next)
				}
			}
			if next++; want[c] == nil || !g.Has(c) || string(block) != string(g.Column(c)) {
				t.Fatalf("column %d is %x", c, block)
			}
			if c%3 > 0 {
				b.AddEncoded(c, block)
			}
		}
		if g.Count() != len(want) || g.Has(columns) || g.Has(columns+100) {
			t.Fatalf("%d columns, want %d", g.Count(), len(want))
		}
		copied, err := b.Finish(), error(nil)
		if copied != nil {
			copied, err = ParseGroup(copied, slots)
		}
		if err != nil {
			t.Fatal(err)
		}
		for c := range columns + 5 {
			if got, wanted := copied.Column(c), g.Column(c); c%3 > 0 && string(got) != string(wanted) || c%3 == 0 && got != nil {
				t.Fatalf("copied column %d is %x, was %x", c, got, wanted)
			}
		}
		for range g.All() {
			break
		}
	}
}

func TestGroupGolden(t *testing.T) {
	var b GroupBuilder
	b.Begin(66)
	b.Add(1, []float64{64, gap, 64.5})
	b.Add(2, []float64{gap, gap, gap})
	b.Add(65, []float64{7, 7, 7})
	const want = "42000000" + "02000000" + "0200000000000000" + "0200000000000000" + "0b000000" + "0f000000" +
		"1202011021050001800202" + "0102000e"
	if got := hex.EncodeToString(b.Finish()); got != want {
		t.Errorf("got %s, want %s", got, want)
	}
}

// checkGroup parses any bytes: what is accepted can be read without a panic.
func checkGroup(t testing.TB, data []byte, slots int) {
	t.Helper()
	g, err := ParseGroup(data, slots)
	if err != nil {
		if !errors.Is(err, errCorrupt) {
			t.Fatalf("%x: %v is not errCorrupt", data, err)
		}
		return
	}
	values := make([]float64, slots)
	for c := range min(g.Columns(), 1000) {
		if block := g.Column(c); block != nil {
			if err := Decode(values, block); err != nil && !errors.Is(err, errCorrupt) {
				t.Fatalf("%x: column %d: %v", data, c, err)
			}
		}
	}
}

func TestGroupCorrupt(t *testing.T) {
	r := rand.New(rand.NewPCG(1, 2))
	g, _ := randomGroup(r, 80, 20)
	for n := range g {
		if _, err := ParseGroup(g[:n], 20); err == nil {
			t.Errorf("accepted %d of %d bytes", n, len(g))
		}
		for bit := range 8 {
			data := append([]byte(nil), g...)
			data[n] ^= 1 << bit
			checkGroup(t, data, 20)
		}
	}
	if _, err := ParseGroup(g, 21); err == nil {
		t.Error("accepted a group of other slots")
	}
	if _, err := ParseGroup(append(append([]byte(nil), g...), 0), 20); err == nil {
		t.Error("accepted a byte too many")
	}
}

func FuzzGroup(f *testing.F) {
	r := rand.New(rand.NewPCG(1, 2))
	for columns := range int32(5) {
		g, _ := randomGroup(r, columns*30, 7)
		f.Add([]byte(g))
	}
	f.Fuzz(func(t *testing.T, data []byte) { checkGroup(t, data, 7) })
}

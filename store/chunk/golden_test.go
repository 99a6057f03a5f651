package chunk

import (
	"encoding/hex"
	"math"
	"testing"
)

var (
	gap      = math.NaN()
	negative = math.Copysign(0, -1)
)

// golden holds a block of each mode and part of the format. A block written by
// an older program must always decode: a change here is a change of the format,
// which FORMAT.md says how to make.
var golden = []struct {
	name   string
	values []float64
	mode   bodyMode
	block  string // hexadecimal
}{
	{"empty", []float64{gap, gap, gap}, modeEmpty, "0002"},
	{"empty of 128", repeat(128, gap), modeEmpty, "40"},
	{"constant", repeat(256, 12.5), modeConstant, "6101fa01"},
	{"constant of many digits", repeat(64, math.Pi), modeConstant, "210fc2b4aba2e1d0940b"},
	{"constant bits", repeat(64, math.MaxFloat64), modeConstant, "2140feffffffffffffefff01"},
	{"constant with a gap", []float64{-3, gap, -3}, modeConstant, "110201100005"},
	{"frame", []float64{20.1, 19.9, 20.4, 20, 20.2, 19.8, 20.3}, modeFrame, "020601038c038b4514"},
	{"frame with gaps", []float64{1, gap, gap, 3, 2, gap, 2, 1, 3}, modeFrame, "12080330010002025808"},
	{"frame with a step", []float64{1500, 2250, 1750, 2000, 2500, 1750}, modeFrame, "020520fa0100030c58c400"},
	{"frame with a step below zero", []float64{-1501, -2251, -1751, -2001, -2501, -1751}, modeFrame, "020520fa01f9010315cc8401"},
	{"frame with patches", append(repeat(14, 0.5, 0.25, 0.75), 900.25, 0.5, -70), modeFrame, "02102219000caf041a91111ba11119b1111a91111ba11119b1111a911129af110000"},
	{"frame with outliers", append(repeat(20, 0.5, 0.1, 0.7), negative, 0.3, math.Inf(1)), modeFrame, "0216a102010223070000000000000080000000000000f07f0200b22ccbb22c14"},
	{"frame of bits", each(12, func(i int) float64 { return math.Sqrt(float64(1000 + i*7%12)) }), modeFrame, "020b402ecec88799c9dbcfbf8001000000000040029cd23612e7de5b5276810432f52f6491cbf656b92c1012964ecc194b5a81e2ff83ed292bd32f1038832b3551a00de650940853981aff0586a65b4976da50"},
	{"frame of float32", []float64{float64(float32(0.1)), float64(float32(0.2)), float64(float32(0.15))}, modeFrame, "02025d189ab3e6dc3f000000000080cdcc4c"},
	{"delta", []float64{1000, 1017, 1035, 1050, 1068, 1085, 1103, 1119, 1136}, modeDelta, "030800d00f021ece9e"},
	{"delta of bits", each(12, func(i int) float64 { return 2e16 + float64(i*1000+i%3)*4 }), modeDelta, "030b40808084fea6dee1d1860102cc0fcff33c"},
	{"delta with a patch", each(45, func(i int) float64 { return float64(i%30*100 + i%3) }), modeDelta, "032c000082c401cff33ccff33ccff33ccff301b40100ef2e"},
	{"dictionary", repeat(24, 1.0/3, 1.0/7, 1.0/3, 1.0/9), modeDictionary, "04174003b89c8ec7e3f1b8bc7f34ecf5baddaed7eb05000000000000d0344dd3344dd3262626262626"},
	{"example of FORMAT.md", []float64{64, gap, 64.5, 65, 65.5, 64, gap, 66}, modeFrame, "1207029900210500038002880602"},
	{"raw", []float64{math.Pi, -1e-300, 5e-324, math.MaxFloat64}, modeRaw, "0503182d4454fb21094059f3f8c21f6ea5810100000000000000ffffffffffffef7f"},
}

func repeat(n int, values ...float64) []float64 {
	return each(n, func(i int) float64 { return values[i%len(values)] })
}

func TestGolden(t *testing.T) {
	var e Encoder
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			want, err := hex.DecodeString(test.block)
			if err != nil {
				t.Fatal(err)
			}
			got := e.Encode(nil, test.values)
			if string(got) != string(want) {
				t.Errorf("encoded as %x, want %x", got, want)
			}
			if mode := bodyMode(got[0] & headerMode); mode != test.mode {
				t.Errorf("mode %v, want %v", mode, test.mode)
			}
			values := make([]float64, len(test.values))
			if err := Decode(values, want); err != nil {
				t.Fatal(err)
			}
			checkSame(t, "golden bytes", values, test.values)
		})
	}
}

package chunk

import (
	"encoding/hex"
	"math"
	"slices"
	"testing"

	"cc-metric-store/test/testkit"
)

var (
	gap      = math.NaN()
	negative = math.Copysign(0, -1)
)

// golden holds a block of each mode and part of the format, as version 1 wrote it and as version 2
// does: but for the first bytes, they are the same. A block written by an older program must always
// decode: a change here is a change of the format, which FORMAT.md says how to make.
var golden = []struct {
	name   string
	values []float64
	mode   bodyMode
	block1 string // version 1, hexadecimal; empty: it has no such block
	block  string // version 2
}{
	{"empty", []float64{gap, gap, gap}, modeEmpty, "0002", ""},
	{"empty of 128", repeat(128, gap), modeEmpty, "40", ""},
	{"constant", repeat(256, 12.5), modeConstant, "6101fa01", "0ffa01"},
	{"constant of many digits", repeat(64, math.Pi), modeConstant, "210fc2b4aba2e1d0940b", "010fc2b4aba2e1d0940b"},
	{"constant bits", repeat(64, math.MaxFloat64), modeConstant, "2140feffffffffffffefff01", "0140feffffffffffffefff01"},
	{"constant with a gap", []float64{-3, gap, -3}, modeConstant, "110201100005", "1e011005"},
	{"frame", []float64{20.1, 19.9, 20.4, 20, 20.2, 19.8, 20.3}, modeFrame, "020601038c038b4514", "07038c038b4514"},
	{"frame with gaps", []float64{1, gap, gap, 3, 2, gap, 2, 1, 3}, modeFrame, "12080330010002025808", "1603300102025808"},
	{"frame with a step", []float64{1500, 2250, 1750, 2000, 2500, 1750}, modeFrame, "020520fa0100030c58c400", "0220fa0100030c58c400"},
	{"frame with a step below zero", []float64{-1501, -2251, -1751, -2001, -2501, -1751}, modeFrame, "020520fa01f9010315cc8401", "0220fa01f9010315cc8401"},
	{"frame with patches", append(repeat(14, 0.5, 0.25, 0.75), 900.25, 0.5, -70), modeFrame, "02102219000caf041a91111ba11119b1111a91111ba11119b1111a911129af110000", "022219000caf041a91111ba11119b1111a91111ba11119b1111a911129af110000"},
	{"frame with outliers", append(repeat(20, 0.5, 0.1, 0.7), negative, 0.3, math.Inf(1)), modeFrame, "0216a102010223070000000000000080000000000000f07f0200b22ccbb22c14", "02a102010223070000000000000080000000000000f07f0200b22ccbb22c14"},
	{"frame of bits", each(12, func(i int) float64 { return math.Sqrt(float64(1000 + i*7%12)) }), modeFrame, "020b402ecec88799c9dbcfbf8001000000000040029cd23612e7de5b5276810432f52f6491cbf656b92c1012964ecc194b5a81e2ff83ed292bd32f1038832b3551a00de650940853981aff0586a65b4976da50", "02402ecec88799c9dbcfbf8001000000000040029cd23612e7de5b5276810432f52f6491cbf656b92c1012964ecc194b5a81e2ff83ed292bd32f1038832b3551a00de650940853981aff0586a65b4976da50"},
	{"frame of float32", []float64{float64(float32(0.1)), float64(float32(0.2)), float64(float32(0.15))}, modeFrame, "02025d189ab3e6dc3f000000000080cdcc4c", "025d189ab3e6dc3f000000000080cdcc4c"},
	{"delta", []float64{1000, 1017, 1035, 1050, 1068, 1085, 1103, 1119, 1136}, modeDelta, "030800d00f021ece9e", "0ad00f021ece9e"},
	{"delta of bits", each(12, func(i int) float64 { return 2e16 + float64(i*1000+i%3)*4 }), modeDelta, "030b40808084fea6dee1d1860102cc0fcff33c", "0340808084fea6dee1d1860102cc0fcff33c"},
	{"delta with a patch", each(45, func(i int) float64 { return float64(i%30*100 + i%3) }), modeDelta, "032c000082c401cff33ccff33ccff33ccff301b40100ef2e", "0a0082c401cff33ccff33ccff33ccff301b40100ef2e"},
	{"dictionary", repeat(24, 1.0/3, 1.0/7, 1.0/3, 1.0/9), modeDictionary, "04174003b89c8ec7e3f1b8bc7f34ecf5baddaed7eb05000000000000d0344dd3344dd3262626262626", "044003b89c8ec7e3f1b8bc7f34ecf5baddaed7eb05000000000000d0344dd3344dd3262626262626"},
	{"example of FORMAT.md", []float64{64, gap, 64.5, 65, 65.5, 64, gap, 66}, modeFrame, "1207029900210500038002880602", "12029900210500038002880602"},
	{"raw", []float64{math.Pi, -1e-300, 5e-324, math.MaxFloat64}, modeRaw, "0503182d4454fb21094059f3f8c21f6ea5810100000000000000ffffffffffffef7f", "05182d4454fb21094059f3f8c21f6ea5810100000000000000ffffffffffffef7f"},
	{"near decimals", each(16, func(i int) float64 { return moved(decimalsOf(1.01*float64(i*7%12), 2), int64(i%5-2)) }), modeFrame, "", "42431a6b8db5c65a22650004007092b416385a7092"},
	{"near decimals with gaps", each(16, func(i int) float64 { return []float64{moved(float64(i)/10, int64(i%5-2)), gap}[i%6/5] }), modeDelta, "", "53026106431aebb1166b01010001021002"},
	{"near decimals with outliers", each(24, func(i int) float64 { return []float64{moved(float64(i*7%12)/100, 1), math.Inf(1)}[i/23] }), modeFrame, "", "4200028201e301000000000000f07f04007092b416385a7092b41638aa"},
	{"near decimals with patches of both", each(40, func(i int) float64 { return moved(float64(i*7%12+i/39*1000)/100, int64(i%3+i/38*500)) }), modeFrame, "", "4282002449922449922449920402830e02e807020284007092b416385a7092b416385a7092b416385a700201e40100e20f"},
	{"near decimal constant", repeat(64, moved(0.3, 1)), modeConstant, "", "4100020106"},
	{"dictionary of near decimals", each(64, func(i int) float64 { return moved([]float64{0.1, 77777.7, 12345.6, 999999.9}[i*i%7%4], int64(i%2)) }), modeDictionary, "", "440100aaaaaaaaaaaaaaaa01030214fe880f0000209b8148215288142285482152881422854821"},
}

func repeat(n int, values ...float64) []float64 {
	return each(n, func(i int) float64 { return values[i%len(values)] })
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(text)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// checkGolden decodes the only column of g.
func checkGolden(t *testing.T, what string, g Group, want []float64) {
	t.Helper()
	g, err := ParseGroup(g, len(want))
	if err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	values := make([]float64, len(want))
	if err := g.DecodeRange(values, 0, 0); err != nil {
		t.Fatalf("%s: %v", what, err)
	}
	checkSame(t, what, values, want)
}

func TestGolden(t *testing.T) {
	var b GroupBuilder
	for _, test := range golden {
		t.Run(test.name, func(t *testing.T) {
			if test.block1 != "" {
				checkGolden(t, "version 1", version1(unhex(t, test.block1)), test.values)
			}
			g := groupOf(&b, test.values)
			if test.mode == modeEmpty {
				if g != nil {
					t.Errorf("encoded as %x", g)
				}
				return
			}
			got := blockOf(g)
			if hex.EncodeToString(got) != test.block {
				t.Errorf("encoded as %x, want %s", got, test.block)
			}
			if mode := modeOf(got); mode != test.mode {
				t.Errorf("mode %v, want %v", mode, test.mode)
			}
			checkGolden(t, "version 2", version2(unhex(t, test.block), len(test.values)), test.values)
		})
	}
}

// goldenGroups holds a group of each kind. version2 says that it is written so; the others are read.
var goldenGroups = []struct {
	name    string
	slots   int
	columns [][]float64 // nil: no values
	written bool
	group   string // hexadecimal
}{
	{"version 1", 3, goldenColumns(66, map[int][]float64{1: {64, gap, 64.5}, 65: {7, 7, 7}}), false,
		"42000000" + "02000000" + "0200000000000000" + "0200000000000000" + "0b000000" + "0f000000" +
			"1202011021050001800202" + "0102000e"},
	{"own gaps", 3, goldenColumns(66, map[int][]float64{1: {64, gap, 64.5}, 65: {7, 7, 7}}), true, "42000080020000000202020000000000000002000000000000000a0000000c000000120110210500018002020e0e"},
	{"shared gaps", 70, goldenColumns(8, map[int][]float64{0: goldenRamp(1, 3, 69), 1: goldenRamp(2, 3, 69), 2: goldenRamp(3, 3), 3: goldenRamp(4), 4: goldenRamp(5, 3, 69), 5: goldenRamp(6, 3, 69), 6: goldenRamp(7, 3, 69), 7: goldenRamp(8, 3, 69)}), true, "0800008008000000450108000000000000002000000000000000ff0000000000000000000000080010001a001e0026002e0036003e002a028002012000022a048002012000021a0131068002012000020a0800022a0a8002012000022a0c8002012000022a0e8002012000022a10800201200002"},
	{"narrow ends", 4, goldenColumns(67, map[int][]float64{0: {1, 1, 1, 1}, 2: {2, 2, 2, 2}, 3: {3, 3, 3, 3}, 4: {4, 4, 4, 4}, 63: {5, 5, 5, 5}, 66: {1, 2, 3, gap}}), true, "430000800600000003001d000000000000800400000000000000000000000a00000002000400060008000a0006000e020e040e060e080e0a160131020224"},
	{"wide ends", 4, goldenColumns(67, map[int][]float64{0: {1, 1, 1, 1}, 2: {2, 2, 2, 2}, 66: {1, 2, 3, gap}}), true, "430000800300000003020500000000000000040000000000000002000000040000000a0000000e020e04160131020224"},
}

func goldenColumns(n int, values map[int][]float64) [][]float64 {
	columns := make([][]float64, n)
	for c, v := range values {
		columns[c] = v
	}
	return columns
}

// goldenRamp returns 70 values with gaps.
func goldenRamp(from float64, gaps ...int) []float64 {
	return each(70, func(i int) float64 {
		if slices.Contains(gaps, i) {
			return gap
		}
		return from + float64(i)
	})
}

func TestGoldenGroups(t *testing.T) {
	for _, test := range goldenGroups {
		t.Run(test.name, func(t *testing.T) {
			want := make(map[int32][]float64)
			for c, values := range test.columns {
				if values != nil {
					want[int32(c)] = values
				}
			}
			if got := hex.EncodeToString(build(new(GroupBuilder), int32(len(test.columns)), test.slots, want)); test.written && got != test.group {
				t.Errorf("written as %s, want %s", got, test.group)
			}
			checkColumns(t, testkit.Rand(t), unhex(t, test.group), int32(len(test.columns)), test.slots, want)
		})
	}
}

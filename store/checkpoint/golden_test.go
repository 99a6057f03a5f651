package checkpoint

import (
	"encoding/hex"
	"fmt"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"

	"cc-metric-store/store/chunk"
)

// The files of goldenHosts. The checkpoint was written by version 1 of the format, before there
// were sparse blocks and eras. The blocks have version 1, too.
// Programs in use have such files: a change here needs another version, and a reader of these.
const (
	goldenVersion1 = `
		63636d7363010100b0000000c652f9f9487b22706f736974696f6e223a7b2273747265616d223a224c4f47222c226372
		6561746564223a22323032362d30352d30345430323a30323a30315a222c22656e747279223a3239382c22656e747279
		5f6174223a22323032362d30352d30345430333a30323a30315a227d2c227772697474656e223a22323032362d30352d
		30345430333a30323a30315a222c226d657472696373223a5b226c6f6164222c22706f776572222c2274656d70225d7d
		6000000009f889b06804616c6578056130363033ac0200020000000006736f636b657401310000013c03020000000101
		02023bf001040001083a010202000000000000f8bfa4035a02011c030000000100000001000000000000000800000002
		01221900010002000e000000ad635ebb6804616c657804676f6e65ab02019e000000d18378f6457b2268656164223a7b
		2273747265616d223a224c4f47222c2263726561746564223a22323032362d30352d30345430323a30323a30315a222c
		22656e747279223a3239382c22656e7472795f6174223a22323032362d30352d30345430333a30323a30315a227d2c22
		686f737473223a312c227365676d656e7473223a5b7b226964223a312c226279746573223a37342c2275736564223a36
		367d5d7d`
	goldenSegment = `
		63636d73730101003a000000126df8fc04616c65780561303630333c3b04030000000200000005000000000000000a00
		0000140000001203012022190002003412030120221900021034`
)

// goldenSparse is the checkpoint of version 2 with goldenHosts and a sparse block
// besides. Its segment is goldenSegment, its blocks have version 1.
const goldenSparse = `
		63636d7363020100b0000000c652f9f9487b22706f736974696f6e223a7b2273747265616d223a224c4f47222c226372
		6561746564223a22323032362d30352d30345430323a30323a30315a222c22656e747279223a3239382c22656e747279
		5f6174223a22323032362d30352d30345430333a30323a30315a227d2c227772697474656e223a22323032362d30352d
		30345430333a30323a30315a222c226d657472696373223a5b226c6f6164222c22706f776572222c2274656d70225d7d
		7b000000abc0e92a6804616c6578056130363033ac0200020000000006736f636b657401310000013c03020000000101
		02033bf001040001083a010202000000000000f8bfa4035a02011c030000000100000001000000000000000800000002
		0122190001000200c806f0010402020003000000000000f83f020000000000000000c00e000000ad635ebb6804616c65
		7804676f6e65ab02019e000000d18378f6457b2268656164223a7b2273747265616d223a224c4f47222c226372656174
		6564223a22323032362d30352d30345430323a30323a30315a222c22656e747279223a3239382c22656e7472795f6174
		223a22323032362d30352d30345430333a30323a30315a227d2c22686f737473223a312c227365676d656e7473223a5b
		7b226964223a312c226279746573223a37342c2275736564223a36367d5d7d`

// The files of totalsHosts with blocks of version 2. The segment has version 2, too.
const (
	goldenBlocks2 = `
		63636d7363020200b0000000c652f9f9487b22706f736974696f6e223a7b2273747265616d223a224c4f47222c226372
		6561746564223a22323032362d30352d30345430323a30323a30315a222c22656e747279223a3239382c22656e747279
		5f6174223a22323032362d30352d30345430333a30323a30315a227d2c227772697474656e223a22323032362d30352d
		30345430333a30323a30315a222c226d657472696373223a5b226c6f6164222c22706f776572222c2274656d70225d7d
		7c000000bbcd90996804616c6578056130363033ac0200020000000006736f636b657401310000013c03020000000101
		02033bf0010400010862010202000000000000f8bfa4035a02011d030000800100000001020100000000000000070000
		000222190001000200c806f0010402020003000000000000f83f020000000000000000c00e000000ad635ebb6804616c
		657804676f6e65ab0201a00000005ae1192d457b2268656164223a7b2273747265616d223a224c4f47222c2263726561
		746564223a22323032362d30352d30345430323a30323a30315a222c22656e747279223a3239382c22656e7472795f61
		74223a22323032362d30352d30345430333a30323a30315a227d2c22686f737473223a312c227365676d656e7473223a
		5b7b226964223a312c226279746573223a3131342c2275736564223a3130367d5d7d`
	goldenSegment2 = `
		63636d7373020200620000007d63c0b504616c65780561303630333c3b042c0300008002000000030205000000000000
		0009000000120000001201202219000200341201202219000210340100efcdab89674523010100008001000000030201
		0000000000000007000000022119000200e4`
)

// totalsHosts are sparseHosts with a total of the sealed block.
func totalsHosts() []*Host {
	hosts := sparseHosts()
	sum := func(_ int32, slot int) float64 { return 2.5 * float64(slot) }
	hosts[0].Grids[0].Blocks[0].Totals = chunk.NewKeyed([]uint64{0x0123456789abcdef}, group(1, 4, sum, 0))
	return hosts
}

func sparseHosts() []*Host {
	hosts := goldenHosts()
	g := &hosts[0].Grids[0]
	g.Blocks = append(g.Blocks, Block{Start: 420, End: 660, Slots: 4, Sparse: true, Patches: []Patch{{0, 3, 1.5}, {2, 0, -2}}})
	return hosts
}

func goldenHosts() []*Host {
	return []*Host{smallHost("alex", "a0603", 300), {Cluster: "alex", Name: "gone", Applied: 299, Gone: true}}
}

func unhex(t testing.TB, text string) []byte {
	t.Helper()
	b, err := hex.DecodeString(strings.Join(strings.Fields(text), ""))
	if err != nil {
		t.Fatal(err)
	}
	return b
}

// TestGoldenBytes writes the hosts.
func TestGoldenBytes(t *testing.T) {
	dir := t.TempDir()
	write(t, open(t, dir), 298, totalsHosts()...)
	for name, want := range map[string]string{"0000000000000001.checkpoint": goldenBlocks2, "0000000000000001.segment": goldenSegment2} {
		got, err := os.ReadFile(filepath.Join(dir, name))
		if err != nil {
			t.Fatal(err)
		}
		if string(got) != string(unhex(t, want)) {
			t.Errorf("%s is\n%s", name, hex.EncodeToString(got))
		}
	}
}

// TestGoldenIsRead reads the files as they were written once, by all versions.
func TestGoldenIsRead(t *testing.T) {
	testGoldenIsRead(t, goldenVersion1, goldenSegment, goldenHosts())
	testGoldenIsRead(t, goldenSparse, goldenSegment, sparseHosts())
	testGoldenIsRead(t, goldenBlocks2, goldenSegment2, totalsHosts())
}

func testGoldenIsRead(t *testing.T, golden, segment string, want []*Host) {
	t.Helper()
	dir := t.TempDir()
	for name, content := range map[string]string{"0000000000000001.checkpoint": golden, "0000000000000001.segment": segment} {
		if err := os.WriteFile(filepath.Join(dir, name), unhex(t, content), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d := open(t, dir)
	c, got, err := readAll(d, 1)
	if err != nil || len(c.Lost) > 0 {
		t.Fatal(err, c)
	}
	want[0].Grids[0].Blocks[0].Ref = got[0].Grids[0].Blocks[0].Ref
	for i := range want[0].Grids[0].Blocks {
		got, want := &got[0].Grids[0].Blocks[i], &want[0].Grids[0].Blocks[i]
		if g, w := describeValues(got.Values, got.Slots), describeValues(want.Values, want.Slots); fmt.Sprint(g) != fmt.Sprint(w) {
			t.Errorf("block %d has the values %v, want %v", i, g, w)
		}
		got.Values = want.Values // of another version
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("read %+v", got)
	}
	if !reflect.DeepEqual(c.Header, testHeader(298)) || c.End.Hosts != 1 || c.End.HighWater != testHeader(298).Position {
		t.Errorf("header %+v, end %+v", c.Header, c.End)
	}
}

package checkpoint

import (
	"encoding/hex"
	"os"
	"reflect"
	"testing"

	"cc-metric-store/store/chunk"
)

// goldenNames is the checkpoint of version 2 that writeNames writes: with the eras in
// its header, and names of metrics between the hosts. It has no segment. It says that blocks have
// version 1, of which it has none.
const goldenNames = `
	63636d7363020100230100005bca0f82487b22706f736974696f6e223a7b2273747265616d223a224c4f47222c226372
	6561746564223a22323032362d30352d30345430323a30323a30315a222c22656e747279223a3239382c22656e747279
	5f6174223a22323032362d30352d30345430333a30323a30315a227d2c227772697474656e223a22323032362d30352d
	30345430333a30323a30315a222c226d657472696373223a5b226c6f6164222c22706f776572222c2274656d70225d2c
	2265726173223a5b7b2273696e6365223a302c226d657472696373223a7b226c6f6164223a36302c22706f776572223a
	31307d7d2c7b2273696e6365223a313737373836333732313030303030303030312c226d657472696373223a7b226c6f
	6164223a33307d2c22616e79223a36307d5d7d0e0000007150605f6804616c657804676f6e65ab02010f0000004f1dbb
	836d5b226e6577222c226c6f6164225d380000005d1fb7766804616c6578056130363033ac02000100000000011e0202
	000400000101011d78040202010000000000000000400003000000000000f83f81000000b68fd74d457b226865616422
	3a7b2273747265616d223a224c4f47222c2263726561746564223a22323032362d30352d30345430323a30323a30315a
	222c22656e747279223a3239382c22656e7472795f6174223a22323032362d30352d30345430333a30323a30315a227d
	2c22686f737473223a312c227365676d656e7473223a5b5d7d`

func namedHosts() []*Host {
	return []*Host{{Cluster: "alex", Name: "gone", Applied: 299, Gone: true}, {
		Cluster: "alex", Name: "a0603", Applied: 300, Parts: []Part{{}},
		Grids: []Grid{{Frequency: 30, Columns: 2, Series: []Series{{0, 4, 0}, {0, 1, 1}}, Blocks: []Block{
			{Start: -15, End: 105, Slots: 4, Sparse: true, Patches: []Patch{{1, 0, 2}, {0, 3, 1.5}}},
		}}},
	}}
}

// writeNames writes a checkpoint in which metrics are met for the first time. Names
// that are there already are not written again.
func writeNames(t *testing.T, d *Dir) {
	t.Helper()
	h, hosts := testHeader(298), namedHosts()
	h.Eras = testEras()
	w, err := d.Begin(h)
	if err != nil {
		t.Fatal(err)
	}
	for _, err := range []error{
		w.Name(h.Metrics), w.Add(hosts[0]), w.Name([]string{"load", "power", "temp", "new", "load"}), w.Name(h.Metrics), w.Add(hosts[1]),
	} {
		if err != nil {
			t.Fatal(err)
		}
	}
	if _, err := w.Commit(h.Position); err != nil {
		t.Fatal(err)
	}
}

// TestGoldenNames writes and reads the names between the hosts.
func TestGoldenNames(t *testing.T) {
	d := open(t, t.TempDir())
	writeNames(t, d)
	got, err := os.ReadFile(d.Path(1))
	golden := unhex(t, goldenNames)
	golden[6] = chunk.Version
	if err != nil || string(got) != string(golden) {
		t.Errorf("%v, the checkpoint is\n%s", err, hex.EncodeToString(got))
	}
	for _, content := range [][]byte{golden, unhex(t, goldenNames)} {
		if err := os.WriteFile(d.Path(1), content, 0o600); err != nil {
			t.Fatal(err)
		}
		checkNamesAreRead(t, d)
	}
}

func checkNamesAreRead(t *testing.T, d *Dir) {
	t.Helper()
	var hosts []*Host
	c, err := d.Read(t.Context(), 1, 1, func(metrics []string, h *Host) error {
		if want := len(metrics); h.Gone != (want == 3) || !h.Gone && metrics[4] != "load" {
			t.Errorf("host %s has the metrics %v", h.Name, metrics)
		}
		hosts = append(hosts, h)
		return nil
	})
	if err != nil || !reflect.DeepEqual(hosts, namedHosts()) || !reflect.DeepEqual(c.Header.Eras, testEras()) {
		t.Errorf("%v: read %+v of %+v", err, hosts, c)
	}
}

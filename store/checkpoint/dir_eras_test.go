package checkpoint

import (
	"encoding/hex"
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"strings"
	"testing"
)

// goldenEras is the file of testEras, in version 1 of its format.
const goldenEras = `
	63636d73650101006c000000d1a5e232655b7b2273696e6365223a302c226d657472696373223a7b226c6f6164223a36
	302c22706f776572223a31307d7d2c7b2273696e6365223a313737373836333732313030303030303030312c226d6574
	72696373223a7b226c6f6164223a33307d2c22616e79223a36307d5d`

func testEras() []Era {
	return []Era{
		{Metrics: map[string]int64{"load": 60, "power": 10}},
		{Since: 1_777_863_721_000_000_001, Metrics: map[string]int64{"load": 30}, Any: 60},
	}
}

// TestEras writes the file with the eras, whose bytes are known, over another one, and
// reads it.
func TestEras(t *testing.T) {
	d := open(t, t.TempDir())
	if eras, err := d.ReadEras(); eras != nil || err != nil {
		t.Errorf("without a file: %v, %v", eras, err)
	}
	for _, eras := range [][]Era{testEras()[:1], testEras()} {
		if err := d.WriteEras(eras); err != nil {
			t.Fatal(err)
		}
		if got, err := d.ReadEras(); err != nil || !reflect.DeepEqual(got, eras) {
			t.Errorf("read %+v, %v", got, err)
		}
	}
	got, err := os.ReadFile(d.erasPath())
	if err != nil || string(got) != string(unhex(t, goldenEras)) {
		t.Errorf("%v, the file is\n%s", err, hex.EncodeToString(got))
	}
	out, err := dumpBytes(t, got)
	if err != nil || len(out) != 1 || !strings.Contains(out[0], `"load":60`) {
		t.Errorf("dump: %v, %s", err, out)
	}
	addForeign(t, d.path)
	checkNames(t, d.path, "ERAS")
}

// TestDamagedEras cuts the file, flips each of its bits, and has it hold what cannot
// be.
func TestDamagedEras(t *testing.T) {
	d := open(t, t.TempDir())
	golden := unhex(t, goldenEras)
	check := func(what string, content []byte) {
		t.Helper()
		if err := os.WriteFile(d.erasPath(), content, 0o600); err != nil {
			t.Fatal(err)
		}
		if eras, err := d.ReadEras(); !errors.Is(err, ErrDamaged) && !errors.Is(err, ErrVersion) {
			t.Errorf("%s: %+v, %v", what, eras, err)
		}
	}
	for n := range golden {
		check("cut", golden[:n])
		for bit := range 8 {
			content := append([]byte(nil), golden...)
			content[n] ^= 1 << bit
			check("flipped", content)
		}
	}
	check("longer", append(golden[:len(golden):len(golden)], 0))
	for name, eras := range map[string][]Era{
		"out of order":         {{Since: 2}, {Since: 1}},
		"an interval of 0 s":   {{Metrics: map[string]int64{"load": 0}}},
		"a negative interval":  {{Any: -1}},
		"two at the same time": {{Since: 2}, {Since: 2}},
	} {
		if err := d.WriteEras(eras); err != nil {
			t.Fatal(err)
		}
		if _, err := d.ReadEras(); !errors.Is(err, ErrDamaged) {
			t.Errorf("%s: %v", name, err)
		}
	}
	path, err := d.QuarantineEras()
	if err != nil || path != filepath.Join(d.path, "ERAS.damaged") {
		t.Error(path, err)
	}
}

// TestFurtherMetrics writes names of metrics between the hosts that have them.
func TestFurtherMetrics(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	w, err := d.Begin(testHeader(1))
	if err != nil {
		t.Fatal(err)
	}
	names := testHeader(1).Metrics
	for _, name := range []string{"a", "b", "c"} {
		names = append(names, "new-"+name)
		h := smallHost("c", name, 1)
		h.Grids[0].Series = []Series{{0, int32(len(names) - 1), 0}}
		for range 2 {
			if err := w.Name(names); err != nil {
				t.Fatal(err)
			}
		}
		if err := w.Add(h); err != nil {
			t.Fatal(err)
		}
	}
	out, err := w.Commit(testHeader(1).Position)
	if err != nil {
		t.Fatal(err)
	}
	got := map[string]string{}
	if _, err := d.Read(t.Context(), out.ID, 1, func(metrics []string, h *Host) error {
		got[h.Name] = metrics[h.Grids[0].Series[0].Metric]
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if want := map[string]string{"a": "new-a", "b": "new-b", "c": "new-c"}; !reflect.DeepEqual(got, want) {
		t.Errorf("read %v", got)
	}
	content, err := os.ReadFile(d.Path(out.ID))
	if err != nil {
		t.Fatal(err)
	}
	dump, err := dumpBytes(t, content)
	if err != nil || !strings.Contains(strings.Join(dump, ""), "new-c") {
		t.Errorf("dump: %v, %s", err, dump)
	}
}

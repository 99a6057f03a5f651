package original

import (
	"bytes"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"strings"
	"testing"
)

// TestCutFiles: of a file that is cut off anywhere, what comes before is read, no value is
// wrong, and the report says so.
func TestCutFiles(t *testing.T) {
	t.Parallel()
	for _, path := range []string{
		"json-delete-1/checkpoints/alex/a0102/1795631392.json",
		"wal-delete-5-kill/checkpoints/alex/a0102/1795631342.bin",
		"wal-delete-5-kill/checkpoints/fritz/f0201/current.wal",
	} {
		t.Run(filepath.Base(path), func(t *testing.T) {
			t.Parallel()
			whole, err := os.ReadFile(filepath.Join("testdata", path))
			if err != nil {
				t.Fatal(err)
			}
			name := filepath.Base(path)
			all, _ := importFiles(t, map[string][]byte{name: whole})
			dir := t.TempDir()
			before := 0
			for cut := 0; cut < len(whole); cut += 1 + len(whole)/300 {
				write(t, dir, "c/h/"+name, whole[:cut])
				got, report := importAll(t, dir, Config{})
				if n := report.Samples; int(n) < before {
					t.Errorf("%d samples of %d bytes, less than of fewer bytes", n, cut)
				} else {
					before = int(n)
				}
				for key, values := range got {
					for at, v := range values {
						if all[key][at] != v {
							t.Fatalf("%s at %d is %v in the first %d bytes, and %v in the whole", key, at, v, cut, all[key][at])
						}
					}
				}
				atRecord := strings.HasSuffix(name, ".wal") && len(report.Damaged()) == 0 && (cut == 0 || cut >= 4)
				if len(report.Damaged()) != 1 && !atRecord {
					t.Errorf("cut to %d bytes: the report has %q", cut, report.Damaged())
				}
			}
			if before == 0 {
				t.Error("nothing was read of any part")
			}
		})
	}
}

// TestDamagedRecords: a record that is damaged costs itself, and so does what a killed process
// left behind of one.
func TestDamagedRecords(t *testing.T) {
	t.Parallel()
	wal, ends := walHead(), []int{}
	for i := range 20 {
		wal = appendRecord(wal, int64(1000+i), "load", float32(i), "hwthread1")
		ends = append(ends, len(wal))
	}
	flip := func(at int) []byte {
		b := bytes.Clone(wal)
		b[at] ^= 0x10
		return b
	}
	for _, c := range []struct {
		name string
		file []byte
		want int
		says string
	}{
		{"magic of the file", flip(1), 20, "no write-ahead file"},
		{"magic of a record", flip(ends[3] + 2), 19, "a record begins with"},
		{"length", flip(ends[3] + 4), 19, ""},
		{"large length", flip(ends[3] + 7), 19, "claims"},
		{"value", flip(ends[4] - 6), 19, "checksum"},
		{"half a record between others", bytes.Join([][]byte{wal[:ends[9]+17], wal[ends[9]:]}, nil), 20, "1 places"},
		{"zeros between others", bytes.Join([][]byte{wal[:ends[9]], make([]byte, 4096), wal[ends[9]:]}, nil), 20, "4096 bytes in 1 places"},
		{"more zeros than are looked at at once", bytes.Join([][]byte{wal[:ends[9]], make([]byte, 1<<20), wal[ends[9]:]}, nil), 20, "1048576 bytes in 1 places"},
	} {
		got, report := importFiles(t, map[string][]byte{"current.wal": c.file})
		if n := len(got["load,cluster=c,hostname=h,type=hwthread,type-id=1"]); n != c.want {
			t.Errorf("%s: %d samples, want %d", c.name, n, c.want)
		}
		if text := strings.Join(report.Damaged(), "\n"); text == "" || !strings.Contains(text, c.says) || !strings.Contains(text, "current.wal") {
			t.Errorf("%s: the report says %q, want %q", c.name, text, c.says)
		}
	}
}

// TestHostileFiles: what a file claims takes no memory, and no more time than its length.
func TestHostileFiles(t *testing.T) {
	t.Parallel()
	huge := level{from: 1000, metrics: []metric{{"load", 1, 1000, []float32{1, 2, 3}}}}.binary()
	claim := bytes.LastIndex(huge, []byte{3, 0, 0, 0})
	copy(huge[claim:], []byte{0xff, 0xff, 0xff, 0xff}) // 4 G values
	many := level{from: 1000}.binary()
	copy(many[20:], []byte{0xff, 0xff, 0xff, 0xff}) // 4 G metrics
	children := level{from: 1000}.binary()
	copy(children[24:], []byte{0xff, 0xff, 0xff, 0xff})
	deep := []byte(strings.Repeat(`{"children":{"a":`, 100_000))
	skipped := []byte(`{"x":` + strings.Repeat("[", 1_000_000))
	magic := bytes.Repeat(appendRecord(nil, 0, "", 0)[:4], 300_000)
	long := append(appendRecord(walHead(), 1, "load", 1), 0xA1, 0xA7, 0x1D, 0xCC, 0xff, 0xff, 0xff, 0xff)
	for name, file := range map[string][]byte{
		"1.bin": huge, "2.bin": many, "3.bin": children, "4.json": deep, "5.json": skipped, "6.json": bytes.Repeat([]byte(`"`), 1<<20),
		"7.json": []byte(`{"metrics":{"` + strings.Repeat("a", 1<<20)), "8.json": []byte(`{"from":` + strings.Repeat("1", 1<<20)),
		"current.wal": append(walHead(), magic...), "9.json": nil, "10.bin": nil, "11.json": []byte("[]"), "12.json": []byte(`{"metrics":[]}`), "13.bin": long,
	} {
		var before, after runtime.MemStats
		runtime.ReadMemStats(&before)
		_, report := importFiles(t, map[string][]byte{name: file})
		runtime.ReadMemStats(&after)
		if len(report.Damaged()) != 1 {
			t.Errorf("%s: the report says %q", name, report.Damaged())
		}
		// Other tests allocate beside this one.
		if took := after.TotalAlloc - before.TotalAlloc; took > 400<<20 {
			t.Errorf("%s: %d MiB were allocated for %d bytes", name, took>>20, len(file))
		}
	}
}

// TestUnusualValues: gaps, values that no line holds, names that need care.
func TestUnusualValues(t *testing.T) {
	t.Parallel()
	nan, inf := float32(math.NaN()), float32(math.Inf(-1))
	l := level{from: 1000, metrics: []metric{{"lo ad,1", 10, 1000, []float32{nan, 1e-38, inf, 83.4, 0}}, {"a\nb", 10, 1000, []float32{1}}},
		children: []child{{"accelerator0 1,a=b", level{from: 1000, metrics: []metric{{"power", 10, 1010, []float32{7}}}}}}}
	for name, file := range map[string][]byte{"1000.bin": l.binary(), "1000.json": []byte(strings.ReplaceAll(l.json(), "-Inf", "-1e999"))} {
		got, report := importFiles(t, map[string][]byte{name: file})
		want := sent{
			`lo\ ad\,1,cluster=c,hostname=h,type=node`:                       {1010: 1e-38, 1030: 83.4, 1040: 0},
			`power,cluster=c,hostname=h,type=accelerator,type-id=0\ 1\,a\=b`: {1010: 7},
		}
		if fmt.Sprint(got) != fmt.Sprint(want) || report.Unusable != 2 || len(report.Damaged()) > 0 {
			t.Errorf("%s: got %v, want %v; %d values are unusable, damaged is %q", name, got, want, report.Unusable, report.Damaged())
		}
	}
}

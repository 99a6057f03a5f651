package original

import (
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestLevelKeys: the keys of levels are taken apart by the types that collectors send.
func TestLevelKeys(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		keys  string
		want  Part
		clear bool
	}{
		{"", Part{Type: "node"}, true},
		{"hwthread0", Part{Type: "hwthread", TypeID: "0"}, true},
		{"memoryDomain12", Part{Type: "memoryDomain", TypeID: "12"}, true},
		{"accelerator00000000:49:00.0", Part{Type: "accelerator", TypeID: "00000000:49:00.0"}, true},
		{"networkmlx5_0:1", Part{Type: "network", TypeID: "mlx5_0:1"}, true},
		{"filesystemhome mountm1", Part{Type: "filesystem", TypeID: "home", SubType: "mount", SubTypeID: "m1"}, true},
		{"accelerator3 nvlink5", Part{Type: "accelerator", TypeID: "3", SubType: "nvlink", SubTypeID: "5"}, true},
		{"socket", Part{Type: "socket"}, true},
		{"0", Part{Type: "node"}, false},
		{"coretemp4", Part{Type: "coretemp", TypeID: "4"}, false},
		{"hwthread0,64", Part{Type: "hwthread", TypeID: "0,64"}, false},
		{"core1-3 numa0.1", Part{Type: "core", TypeID: "1-3", SubType: "numa", SubTypeID: "0.1"}, false},
		{"fpga", Part{Type: "fpga"}, false},
		{"fpga0 lane17", Part{Type: "fpga", TypeID: "0", SubType: "lane", SubTypeID: "17"}, false},
		{"socket0 7", Part{Type: "socket", TypeID: "0", SubType: "7"}, false},
	} {
		if got, isClear := partOf(strings.Fields(c.keys)); got != c.want || isClear != c.clear {
			t.Errorf("%q is %+v, clear %v; want %+v, %v", c.keys, got, isClear, c.want, c.clear)
		}
	}
}

// TestOrderOfFiles: the later snapshot counts, and the write-ahead file goes before all; a
// binary snapshot goes before a JSON one of the same time, which is rounded.
func TestOrderOfFiles(t *testing.T) {
	t.Parallel()
	at := func(start int64, values ...float32) level {
		return level{from: start, metrics: []metric{{"load", 10, start, values}}}
	}
	got, report := importFiles(t, map[string][]byte{
		"1000.json": []byte(at(1000, 1, 1, 1, 1, 1, 1).json()), "1020.json": []byte(at(1020, 2, 2, 2, 2).json()), "1020.bin": at(1020, 3, 3, 3).binary(),
		"900.bin": at(900, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9, 9).binary(), "current.wal": appendRecord(walHead(), 1040, "load", 4),
	})
	want := map[int64]float64{1000: 1, 1010: 1, 1020: 3, 1030: 3, 1040: 4, 1050: 2}
	for at := int64(900); at < 1000; at += 10 {
		want[at] = 9
	}
	if have := got["load,cluster=c,hostname=h,type=node"]; fmt.Sprint(have) != fmt.Sprint(want) {
		t.Errorf("got %v, want %v; damaged: %q", have, want, report.Damaged())
	}
}

// TestSampleTimes: a sample gets the time at which it was sent, as long as a file of the host
// tells it.
func TestSampleTimes(t *testing.T) {
	t.Parallel()
	const series = "load,cluster=c,hostname=h,type=node"
	// Samples at 1012, 1072, ...: slots begin at 982, 1042, 1102. The second snapshot begins at
	// 1100, which is in the slot of 1072; the third one at 1110, in that of 1132.
	first := level{from: 1000, metrics: []metric{{"load", 60, 1012, []float32{1}}}}
	second := level{from: 1100, metrics: []metric{{"load", 60, 1100, []float32{2}}}}
	third := level{from: 1110, metrics: []metric{{"load", 60, 1110, []float32{3}}}}
	wal := appendRecord(walHead(), 1312, "load", 4)
	for _, c := range []struct {
		files map[string][]byte
		want  map[int64]float64
	}{
		{map[string][]byte{"1000.bin": first.binary(), "1100.bin": second.binary(), "1110.bin": third.binary()}, map[int64]float64{1012: 1, 1072: 2, 1132: 3}},
		{map[string][]byte{"1000.json": []byte(first.json()), "1100.json": []byte(second.json()), "1110.json": []byte(third.json())}, map[int64]float64{1012: 1, 1072: 2, 1132: 3}},
		{map[string][]byte{"1100.bin": second.binary(), "1110.bin": third.binary(), "current.wal": wal}, map[int64]float64{1072: 2, 1132: 3, 1312: 4}},
		{map[string][]byte{"1100.bin": second.binary()}, map[int64]float64{1100: 2}}, // nobody knows
	} {
		if got, _ := importFiles(t, c.files); fmt.Sprint(got[series]) != fmt.Sprint(c.want) {
			t.Errorf("got %v, want %v", got[series], c.want)
		}
	}
}

// TestShiftedTimes: demonstrations shift the times of snapshots: the names of files, from, and
// the starts of the outermost series. Fields may be in any order, and numbers be strings.
func TestShiftedTimes(t *testing.T) {
	t.Parallel()
	got, report := importFiles(t, map[string][]byte{"500000.json": []byte(`{"to":2000,"from":500000,
		"children":{"socket0":{"from":1000,"to":2000,"children":{},"metrics":{"power":{"data":[5,null,7],"start":"1060","frequency":"60"}}}},
		"metrics":{"load":{"data":[1,2],"frequency":60.0,"start":500000,"more":{"a":[1,{"b":"\"\u00e4"}],"c":true}}},"other":null}`)})
	want := sent{"load,cluster=c,hostname=h,type=node": {500000: 1, 500060: 2}, "power,cluster=c,hostname=h,type=socket,type-id=0": {500060: 5, 500180: 7}}
	if fmt.Sprint(got) != fmt.Sprint(want) || len(report.Damaged()) > 0 {
		t.Errorf("got %v, want %v; damaged: %q", got, want, report.Damaged())
	}
}

// TestOrderOfSamples: the samples of a snapshot come in order of time, also of one that is
// larger than what is held. Random series are compared with a plain map.
func TestOrderOfSamples(t *testing.T) {
	t.Parallel()
	random := testkit.Rand(t)
	large := &snapshot{}
	want, got := map[*Series]map[int64]float64{}, map[*Series]map[int64]float64{}
	last, ordered := int64(0), true
	large.emit = func(s Sample) error {
		ordered = ordered && s.Time >= last
		last = s.Time
		if got[s.Series] == nil {
			got[s.Series] = map[int64]float64{}
		}
		got[s.Series][s.Time] = s.Value
		return nil
	}
	for range 50 {
		s, at, step := &Series{}, 1000+random.Int64N(300), 1+random.Int64N(20)
		want[s] = map[int64]float64{}
		if err := large.begin(s, at, step, false); err != nil {
			t.Fatal(err)
		}
		for i := range random.Int64N(100) {
			v := random.Float64()
			want[s][at+i*step] = v
			if err := large.add(v); err != nil {
				t.Fatal(err)
			}
		}
		if random.IntN(10) == 0 {
			large.held = maxHeld - 1 // the next value is one too many
			last = 0
		}
	}
	if err := large.flush(); err != nil {
		t.Fatal(err)
	}
	for s, values := range want {
		if len(values) > 0 && fmt.Sprint(got[s]) != fmt.Sprint(values) {
			t.Errorf("got %v, want %v", got[s], values)
		}
	}
	stop := errors.New("stop")
	large.emit = func(Sample) error { return stop }
	if err := errors.Join(large.begin(&Series{}, 0, 1, false), large.add(1)); err != nil {
		t.Fatal(err)
	}
	if err := large.flush(); !errors.Is(err, stop) {
		t.Errorf("flush returns %v, want the error of who takes the samples", err)
	}
}

// TestFind: what is in a directory of the original, and beside it.
func TestFind(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	snapshot := []byte(level{from: 1000, metrics: []metric{{"load", 10, 1000, []float32{1}}, {"other", 10, 1000, []float32{1}}}}.json())
	for _, name := range []string{
		"checkpoints/a/h1/1000.json", "checkpoints/a/h1/2000.json.tmp", "checkpoints/a/h1/60/1000.avro", "checkpoints/a/h2/1000.json",
		"checkpoints/b/h1/1000.json", "checkpoints/b/1000.json", "checkpoints/b/h2/notes.txt", "checkpoints/00000001.checkpoint", "archive/a/1000.parquet", "checkpoints/b/h1/-1.json",
	} {
		write(t, dir, name, snapshot)
	}
	if err := syscall.Mkfifo(filepath.Join(dir, "checkpoints/a/h1/current.wal"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, from := range []string{dir, filepath.Join(dir, "checkpoints")} {
		got, report := importAll(t, from, Config{Known: func(metric string) (int64, bool) { return 60, metric == "load" }, Before: 1005})
		if len(got) != 4 || report.Files[JSON] != 4 || report.Unknown["other"] != 4 || len(report.Unclear()) != 1 || len(report.Intervals()) != 1 || len(report.Clusters) != 2 {
			t.Errorf("got %v, report %+v", got, report)
		}
		ignored := strings.Join(report.Ignored(), "\n")
		for _, name := range []string{"2000.json.tmp", "h1/60/", "notes.txt", "current.wal", "-1.json"} {
			if !strings.Contains(ignored, name) {
				t.Errorf("%s is not named as ignored: %s", name, ignored)
			}
		}
	}
	if _, report := importAll(t, dir, Config{Before: 1000}); report.Samples != 0 || report.Late != 8 {
		t.Errorf("of samples that are not wanted: %+v", report)
	}
	for _, low := range []string{"checkpoints/a", "checkpoints/a/h1"} {
		if _, err := Find(context.Background(), filepath.Join(dir, low)); err == nil || !strings.Contains(err.Error(), "that has the clusters in it") {
			t.Errorf("%s, which has no clusters in it: %v", low, err)
		}
	}
	if _, err := Find(context.Background(), filepath.Join(dir, "nothing")); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("a directory that is not there: %v", err)
	}
}

// TestNamesOfNoLine: what no line can name is reported for each host, and once for a host whose own name is at fault.
func TestNamesOfNoLine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := level{from: 1000, metrics: []metric{{"a", 1, 1000, []float32{1}}, {"b\\", 1, 1000, []float32{1}}}}.binary()
	for _, host := range []string{`h1\`, "h2", "h3", "h4\n"} {
		write(t, dir, "c/"+host+"/1000.bin", file)
	}
	_, report := importAll(t, dir, Config{})
	want := []string{`host "h1\\" of cluster "c"`, `series "b\\" of "c/h2"`, `series "b\\" of "c/h3"`, `host "h4\n" of cluster "c"`}
	got := report.Unclear()
	for i, words := range want {
		if len(got) != len(want) || !strings.Contains(got[i], words) {
			t.Fatalf("got %q, want %q", got, want)
		}
	}
	if report.Unusable != 6 {
		t.Errorf("%d samples are counted", report.Unusable)
	}
}

// TestProgress: how far a large file is read is told while it is read, and at its end all of it is behind the reader.
func TestProgress(t *testing.T) { // not beside TestHostileFiles, which measures memory
	values := make([]float32, 10_000)
	l := level{from: 1_760_000_000, metrics: []metric{{"a", 1, 1_760_000_000, values}, {"b", 1, 1_760_000_000, values}}}
	wal := walHead()
	for i := range 100_000 {
		wal = appendRecord(wal, int64(1_760_000_000+i), "a", 1)
	}
	for name, file := range map[string][]byte{"1760000000.json": []byte(l.json()), "1760000000.bin": l.binary(), "current.wal": wal} {
		dir := t.TempDir()
		write(t, dir, "c/h/"+name, file)
		tree, err := Find(t.Context(), dir)
		if err != nil {
			t.Fatal(err)
		}
		r, files := NewReader(tree, Config{}), []File(nil)
		if files, err = tree.Hosts[0].Files(); err != nil {
			t.Fatal(err)
		}
		seen := map[int64]bool{}
		if err := r.ReadHost(t.Context(), tree.Hosts[0], files, func(Sample) error { seen[r.BytesRead()] = true; return nil }); err != nil {
			t.Fatal(err)
		}
		if n := r.BytesRead(); n != tree.Bytes || len(seen) < 2 && name == "current.wal" || seen[0] {
			t.Errorf("%s: %d of %d bytes are behind the reader; it told %d numbers", name, n, tree.Bytes, len(seen))
		}
	}
}

// TestEnd: reading ends with ctx, and with the error of who takes the samples.
func TestEnd(t *testing.T) {
	t.Parallel()
	tree, err := Find(context.Background(), "testdata/wal-delete-5-kill")
	if err != nil {
		t.Fatal(err)
	}
	stop := errors.New("stop")
	ctx, cancel := context.WithCancel(context.Background())
	cancel()
	for _, c := range []struct {
		ctx  context.Context
		want error
	}{{ctx, context.Canceled}, {context.Background(), stop}} {
		for _, h := range tree.Hosts {
			files, _ := h.Files()
			for _, f := range files {
				r, left := NewReader(tree, Config{}), rand.IntN(10)
				err := r.ReadHost(c.ctx, h, []File{f}, func(Sample) error {
					if left--; left < 0 {
						return stop
					}
					return nil
				})
				if !errors.Is(err, c.want) || len(r.Report().Damaged()) > 0 {
					t.Errorf("%s: %v, want %v; damaged: %q", f.Path, err, c.want, r.Report().Damaged())
				}
			}
		}
	}
}

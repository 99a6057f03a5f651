package original

import (
	"bufio"
	"compress/gzip"
	"context"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// sent is what went into the original: the values of series, without their cluster and host in
// front of other tags, by time.
type sent map[string]map[int64]float64

// readSent reads lines of the line protocol.
func readSent(t *testing.T, folder string) sent {
	t.Helper()
	f, err := os.Open(filepath.Join("testdata", folder, "samples.lp.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer f.Close()
	z, err := gzip.NewReader(f)
	if err != nil {
		t.Fatal(err)
	}
	s := sent{}
	for lines := bufio.NewScanner(z); lines.Scan(); {
		s.addLine(t, lines.Text())
	}
	if len(s) < 20 {
		t.Fatalf("%d series in %s", len(s), folder)
	}
	return s
}

func (s sent) addLine(t *testing.T, line string) {
	t.Helper()
	key, rest, _ := strings.Cut(line, " value=")
	value, at, _ := strings.Cut(rest, " ")
	v, err := strconv.ParseFloat(value, 64)
	if err != nil {
		t.Fatal(err)
	}
	seconds, err := strconv.ParseInt(at, 10, 64)
	if err != nil {
		t.Fatal(err)
	}
	if s[key] == nil {
		s[key] = map[int64]float64{}
	}
	s[key][seconds] = v
}

// importAll reads all of a directory through its lines.
func importAll(t *testing.T, dir string, cfg Config) (sent, *Report) {
	t.Helper()
	tree, err := Find(context.Background(), dir)
	if err != nil {
		t.Fatal(err)
	}
	r, got := NewReader(tree, cfg), sent{}
	for _, h := range tree.Hosts {
		files, err := h.Files()
		if err != nil {
			t.Fatal(err)
		}
		err = r.ReadHost(context.Background(), h, files, func(s Sample) error {
			got.addLine(t, strings.TrimSuffix(string(s.AppendLine(nil)), "\n"))
			return nil
		})
		if err != nil {
			t.Fatal(err)
		}
	}
	r.Skip(tree.Archives) // which are read by another package
	if r.BytesRead() != tree.Bytes {
		t.Errorf("%d of %d bytes are behind the reader", r.BytesRead(), tree.Bytes)
	}
	return got, r.Report()
}

// TestFilesOfTheOriginal: each sample that the files hold is the one that was sent, at its
// time, as exactly as the format holds it; and they hold all that was sent, but for what the
// original dropped when it was killed or archived.
func TestFilesOfTheOriginal(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		folder    string
		same      func(got, want float64) bool
		from      int64 // of what the archive of the original has not taken
		lost      int64 // a time whose samples the original dropped: the last one, or that of a snapshot before it was killed
		end       int64 // of what it had written before it was killed
		killed    int
		wantFiles [kinds]int
	}{
		{"json-delete-1", func(got, want float64) bool { return math.Abs(got-want) <= 0.05+1e-9 }, 0, 1795631422, math.MaxInt64, 0, [kinds]int{12, 0, 0, 0}},
		{"wal-delete-5-kill", func(got, want float64) bool { return float32(got) == float32(want) }, 0, 1795631392, 1795631411, 3, [kinds]int{0, 6, 3, 0}},
		{"wal-archive-3", func(got, want float64) bool { return float32(got) == float32(want) }, 1795631415, 1795631511, math.MaxInt64, 0, [kinds]int{0, 12, 0, 0}},
	} {
		t.Run(c.folder, func(t *testing.T) {
			t.Parallel()
			want := readSent(t, c.folder)
			got, report := importAll(t, filepath.Join("testdata", c.folder), Config{})
			wrong, missing, n := 0, 0, 0
			for key, values := range got {
				for at, v := range values {
					if w, ok := want[key][at]; !ok || !c.same(v, w) {
						if wrong++; wrong < 10 {
							t.Errorf("%s at %d: %v, sent was %v (%v)", key, at, v, w, ok)
						}
					}
				}
			}
			for key, values := range want {
				for at := range values {
					if at < c.from || at == c.lost || at > c.end {
						continue
					}
					n++
					if _, ok := got[key][at]; !ok {
						if missing++; missing < 10 {
							t.Errorf("%s at %d is missing", key, at)
						}
					}
				}
			}
			t.Logf("%d samples read, %d must be there, %d wrong, %d missing", report.Samples, n, wrong, missing)
			if report.Files != c.wantFiles || len(report.Damaged()) > 0 || len(report.Unclear()) > 0 || report.Unusable > 0 {
				t.Errorf("the report is %+v", report)
			}
			killed := 0
			for name, one := range report.Clusters {
				if killed += one.Killed; one.Gaps != one.Killed || one.Gaps > 0 && (one.GapFrom >= c.lost || one.GapTo <= c.lost) {
					t.Errorf("gaps of %s: %+v", name, one)
				}
			}
			if killed != c.killed {
				t.Errorf("%d hosts were killed, want %d", killed, c.killed)
			}
		})
	}
}

// TestSnapshotWhileImported: what moves from the write-ahead file to a new snapshot while the files of
// the host are read is not missed.
func TestSnapshotWhileImported(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	write(t, dir, "c/h/1000.bin", level{from: 1000, metrics: []metric{{"m", 60, 1000, []float32{1, 2}}}}.binary())
	write(t, dir, "c/h/current.wal", appendRecord(walHead(), 1120, "m", 3))
	tree, err := Find(t.Context(), dir)
	if err != nil {
		t.Fatal(err)
	}
	files, err := tree.Hosts[0].Files()
	if err != nil {
		t.Fatal(err)
	}
	got := map[float64]bool{}
	if err := NewReader(tree, Config{}).ReadHost(t.Context(), tree.Hosts[0], files, func(s Sample) error {
		if len(got) == 0 { // the original makes a snapshot
			write(t, dir, "c/h/1120.bin", level{from: 1120, metrics: []metric{{"m", 60, 1120, []float32{3}}}}.binary())
			write(t, dir, "c/h/current.wal", walHead())
		}
		got[s.Value] = true
		return nil
	}); err != nil {
		t.Fatal(err)
	}
	if len(got) != 3 {
		t.Errorf("imported are %v", got)
	}
}

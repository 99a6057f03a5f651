package test

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"math"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// originalFolder is a folder with files of ClusterCockpit's metric store, and what must be
// answered of them.
type originalFolder struct {
	name string
	// same says that a value is the one that was sent, as exactly as the format holds it.
	same func(got, sent float64) bool
	// from is the first time that the files hold, lost one that they do not, as the original
	// dropped it, and end the last one.
	from, lost, end int64
	// samples is how many samples the files hold.
	samples int
}

func rounded(got, sent float64) bool { return math.Abs(got-sent) <= 0.05+1e-9 }
func single(got, sent float64) bool  { return float32(got) == float32(sent) }

func originalFolders() []originalFolder {
	return []originalFolder{
		{"json-delete-1", rounded, 1795631343, 1795631422, 1795631421, 2942},
		{"wal-delete-5-kill", single, 1795631343, 1795631392, 1795631411, 2476},
		{"wal-archive-3", single, 1795631415, 1795631511, 1795631510, 4014},
	}
}

func (f originalFolder) path() string {
	return filepath.Join("..", "ingest", "original", "testdata", f.name)
}

// withArchive is the folder with what its Parquet files hold as well: everything that was sent.
func (f originalFolder) withArchive() originalFolder {
	if f.name == "wal-archive-3" {
		f.from, f.samples = 1795631342, 6700
	}
	return f
}

// originalConfig has the metrics of those files.
func originalConfig() object {
	cfg := baseConfig()
	metrics := object{}
	for name, aggregation := range map[string]any{"cpu_load": nil, "mem_used": nil, "flops_any": "sum", "clock": "avg", "mem_bw": "sum", "acc_power": "sum", "nfs_read": "sum"} {
		metrics[name] = object{"frequency": 1, "aggregation": aggregation}
	}
	cfg["metrics"] = metrics
	return cfg
}

// originalSeries is a series, as its tags name it, with its samples.
type originalSeries struct {
	metric  string
	tags    map[string]string
	samples map[int64]float64
}

// sent returns what went into the original.
func (f originalFolder) sent(t *testing.T) map[string]originalSeries {
	t.Helper()
	file, err := os.Open(filepath.Join(f.path(), "samples.lp.gz"))
	if err != nil {
		t.Fatal(err)
	}
	defer file.Close()
	z, err := gzip.NewReader(file)
	if err != nil {
		t.Fatal(err)
	}
	all := map[string]originalSeries{}
	for lines := bufio.NewScanner(z); lines.Scan(); {
		words := strings.Fields(lines.Text())
		s, ok := all[words[0]]
		if !ok {
			tags := strings.Split(words[0], ",")
			s = originalSeries{tags[0], map[string]string{}, map[int64]float64{}}
			for _, tag := range tags[1:] {
				key, value, _ := strings.Cut(tag, "=")
				s.tags[key] = value
			}
			all[words[0]] = s
		}
		at, err := strconv.ParseInt(words[2], 10, 64)
		if err != nil {
			t.Fatal(err)
		}
		if s.samples[at], err = strconv.ParseFloat(strings.TrimPrefix(words[1], "value="), 64); err != nil {
			t.Fatal(err)
		}
	}
	return all
}

// answers asks for all series of a folder.
func (f originalFolder) answers(n *node, sent map[string]originalSeries) map[string][]*float64 {
	n.t.Helper()
	got := map[string][]*float64{}
	for key, s := range sent {
		q := object{"metric": s.metric, "host": s.tags["hostname"]}
		if s.tags["type"] != "node" {
			q["type"], q["type-ids"] = s.tags["type"], []string{s.tags["type-id"]}
		}
		if s.tags["stype"] != "" {
			q["subtype"], q["subtype-ids"] = s.tags["stype"], []string{s.tags["stype-id"]}
		}
		row := n.query(object{"cluster": s.tags["cluster"], "from": f.from, "to": f.end + 1, "queries": []object{q}})[0]
		if len(row) > 0 {
			got[key] = row[0].Data
		}
	}
	return got
}

// check returns an error unless all that the files hold is answered.
func (f originalFolder) check(n *node, sent map[string]originalSeries) error {
	n.t.Helper()
	checked := 0
	for key, cells := range f.answers(n, sent) {
		samples := sent[key].samples
		for i, v := range cells {
			at := f.from + int64(i)
			want, ok := samples[at]
			switch {
			case at == f.lost:
			case ok != (v != nil):
				return fmt.Errorf("%s at %d: an answer is there: %v; a sample was sent: %v", key, at, v != nil, ok)
			case ok && !f.same(*v, want):
				return fmt.Errorf("%s at %d: %v, sent was %v", key, at, *v, want)
			case ok:
				checked++
			}
		}
	}
	if checked != f.samples {
		return fmt.Errorf("%s: %d samples are answered, want %d", f.name, checked, f.samples)
	}
	return nil
}

// want reports what check finds.
func (f originalFolder) want(n *node) {
	n.t.Helper()
	if err := f.check(n, f.sent(n.t)); err != nil {
		n.t.Error(err)
	}
}

// copyInto copies the checkpoints of the folder, and returns the paths of the copies with what
// is in them.
func (f originalFolder) copyInto(t *testing.T, dir string) map[string]string {
	t.Helper()
	from := filepath.Join(f.path(), "checkpoints")
	if err := os.CopyFS(dir, os.DirFS(from)); err != nil {
		t.Fatal(err)
	}
	return readFiles(t, dir)
}

// readFiles returns the content of all files of the original in a directory, by path.
func readFiles(t *testing.T, dir string) map[string]string {
	t.Helper()
	paths, err := filepath.Glob(filepath.Join(dir, "*", "*", "*"))
	if err != nil || len(paths) == 0 {
		t.Fatalf("no files in %s: %v", dir, err)
	}
	files := map[string]string{}
	for _, path := range paths {
		text, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		files[path] = string(text)
	}
	return files
}

// runImport runs the program with -import and returns when it has ended. Its output is that of
// the node.
func runImport(t *testing.T, l launch, dir string, code int) *node {
	t.Helper()
	at, err := filepath.Abs(dir)
	if err != nil {
		t.Fatal(err)
	}
	l.args = append([]string{"-config", "config.json", "-loglevel", "info", "-import", at}, l.args...)
	n := run(t, l)
	if got := n.exitCode(); got != code {
		t.Fatalf("-import ends with %d, want %d:\n%s%s", got, code, n.stdout, n.log)
	}
	return n
}

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"testing"
)

// TestImportOfTheOriginalsArchive: every sample of its Parquet files is stored, as the shortest number that is the
// same float32, also of levels whose name lacks a part.
func TestImportOfTheOriginalsArchive(t *testing.T) {
	t.Parallel()
	f := originalFolders()[2]
	dir, err := filepath.Abs(filepath.Join(f.path(), "archive"))
	if err != nil {
		t.Fatal(err)
	}
	files, err := filepath.Glob(filepath.Join(dir, "*", "*.parquet"))
	if err != nil || len(files) != 4 {
		t.Fatal(files, err)
	}
	n := start(t, originalConfig())
	for _, file := range files {
		done := runImport(t, launch{dir: n.launch.dir, args: []string{"-addr", strings.TrimPrefix(n.URL, "http://")}}, file, 0)
		if !done.stdout.hasLine(`scope "mountm1"`, "type mount, type-id m1", "a level above it is not in the file") {
			t.Errorf("the report: %s", done.stdout)
		}
	}
	sent := map[string]float64{} // by the tags in the order of an export, and the time
	for _, s := range f.sent(t) {
		tags := fmt.Sprintf("%s,cluster=%s,hostname=%s", s.metric, s.tags["cluster"], s.tags["hostname"])
		switch {
		case s.tags["stype"] != "":
			tags += ",type=" + s.tags["stype"] + ",type-id=" + s.tags["stype-id"]
		case s.tags["type"] == "node":
			tags += ",type=node"
		default:
			tags += ",type=" + s.tags["type"] + ",type-id=" + s.tags["type-id"]
		}
		for at, v := range s.samples {
			sent[tags+" "+strconv.FormatInt(at, 10)] = v
		}
	}
	lines := 0
	for line := range strings.Lines(n.send("GET", "/api/export", "").body) {
		lines++
		key, rest, _ := strings.Cut(strings.TrimSpace(line), " value=")
		digits, at, _ := strings.Cut(rest, " ")
		got, err := strconv.ParseFloat(digits, 64)
		want, ok := sent[key+" "+at]
		if err != nil || !ok || !single(got, want) {
			t.Errorf("%q: sent was %v, %v", line, want, ok)
		}
		if short := strconv.FormatFloat(got, 'f', -1, 32); digits != short {
			t.Errorf("%q: %s is the same float32", line, short)
		}
	}
	if lines != 2686 {
		t.Errorf("%d samples are stored", lines)
	}
}

// TestExportOfTheOriginalsArchive: a node that has such files as its archive exports what they hold.
func TestExportOfTheOriginalsArchive(t *testing.T) {
	t.Parallel()
	l := launch{dir: t.TempDir(), config: archiving(originalConfig())}
	if err := os.CopyFS(filepath.Join(l.dir, "archive"), os.DirFS(filepath.Join(originalFolders()[2].path(), "archive"))); err != nil {
		t.Fatal(err)
	}
	n := begin(t, l)
	n.awaitReady()
	if lines := strings.Count(n.send("GET", "/api/export", "").body, "\n"); lines != 2686 {
		t.Errorf("%d samples are exported, of 2686", lines)
	}
	if lines := strings.Count(n.send("GET", "/api/export?metric=nfs_read&host=a0101", "").body, "\n"); lines == 0 {
		t.Error("a level whose name lacks a part is not exported")
	}
}

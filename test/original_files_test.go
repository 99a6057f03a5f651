package test

import (
	"fmt"
	"maps"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"
)

// TestStartWithFilesOfTheOriginal: who starts this program in the place of ClusterCockpit's
// metric store finds what that has left, and once. Its files stay as they are.
func TestStartWithFilesOfTheOriginal(t *testing.T) {
	t.Parallel()
	for _, f := range originalFolders() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			before := f.copyInto(t, filepath.Join(dir, "var", "checkpoints"))
			n := begin(t, launch{dir: dir, config: originalConfig()})
			n.awaitReady()
			n.wantLog("level=WARN", "files of ClusterCockpit's metric store", "metric-store.checkpoints.directory", "hosts=3")
			n.wantLog("level=WARN", "samples were imported")
			f.want(n)
			n.stop() // and writes a checkpoint
			n = n.restart()
			f.want(n)
			n.stop()
			if n.log.hasLine("ClusterCockpit") {
				t.Error("the files are imported again")
			}
			if after := readFiles(t, filepath.Join(dir, "var", "checkpoints")); !maps.Equal(after, before) {
				t.Error("files of the original have changed")
			}
		})
	}
}

// TestLiveSamplesBeforeOldOnes: the original may go on beside this program. What it writes of
// after the first start is not imported, as the same samples came here, more exactly.
func TestLiveSamplesBeforeOldOnes(t *testing.T) {
	t.Parallel()
	dir, now := t.TempDir(), time.Now().Unix()
	file := filepath.Join(dir, "var", "checkpoints", "alex", "a", "1760000040.json")
	if err := os.MkdirAll(filepath.Dir(file), 0o700); err != nil {
		t.Fatal(err)
	}
	write := func(start int64) {
		text := strings.ReplaceAll(`{"from":START,"to":0,"metrics":{"beat":{"frequency":1,"start":START,"data":[1.0,1.0]}},"children":{}}`, "START", strconv.FormatInt(start, 10))
		if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
	}
	write(now + 300)
	n := begin(t, launch{dir: dir, config: baseConfig()})
	n.awaitReady()
	n.write(line("a", "beat", 2, now+300))
	n.wantLog("samples of after the first start were left out", ": 2")
	n.want(hostMetric{"alex", "a", "beat"}, now+300, 2)
}

// TestImport: -import takes what the files hold, into a node that is stopped and into one that
// is running, and a second time changes nothing.
func TestImport(t *testing.T) {
	t.Parallel()
	for _, f := range originalFolders() {
		t.Run(f.name, func(t *testing.T) {
			t.Parallel()
			f = f.withArchive()
			dir, sent := t.TempDir(), f.sent(t)
			l := launch{dir: dir, config: originalConfig()}
			done := runImport(t, l, f.path(), 0)
			for _, words := range [][]string{{"samples were imported"}, {`cluster "alex":`, "of 2 hosts"}, {`cluster "fritz":`, "of 1 host,"}} {
				if !done.stdout.hasLine(words...) {
					t.Errorf("the report lacks %q:\n%s", words, done.stdout)
				}
			}
			if killed := done.stdout.hasLine("not stopped in order"); killed != strings.HasSuffix(f.name, "kill") {
				t.Errorf("the report says that the original was killed: %v", killed)
			}
			l.config = nil
			n := begin(t, l)
			n.awaitReady()
			if err := f.check(n, sent); err != nil {
				t.Error(err)
			}
			first := n.send("GET", "/api/debug/", "").body
			again := runImport(t, launch{dir: dir, args: []string{"-addr", strings.TrimPrefix(n.URL, "http://")}}, f.path(), 0)
			if !again.stdout.hasLine("into the node at " + n.URL) {
				t.Errorf("the node that runs is not found: %s", again.stdout)
			}
			if err := f.check(n, sent); err != nil {
				t.Error(err)
			}
			if second := n.send("GET", "/api/debug/", "").body; second != first {
				t.Errorf("a second import changes what is stored: %s, before: %s", clip(second), clip(first))
			}
			n.kill()
			n = n.restart()
			if err := f.check(n, sent); err != nil {
				t.Errorf("after a crash: %v", err)
			}
		})
	}
}

// TestImportBesideOwnArchive: Parquet files in the directory of the node's archive stay there alone,
// and are answered as they are.
func TestImportBesideOwnArchive(t *testing.T) {
	t.Parallel()
	f, dir := originalFolders()[2], t.TempDir()
	if err := os.CopyFS(filepath.Join(dir, "original"), os.DirFS(f.path())); err != nil {
		t.Fatal(err)
	}
	cfg := originalConfig()
	section(cfg, "metric-store")["cleanup"] = object{"mode": "archive", "directory": "original/archive"}
	done := runImport(t, launch{dir: dir, config: cfg}, filepath.Join(dir, "original"), 0)
	if !done.stdout.hasLine("Parquet files that were not imported: 4") || !done.stdout.hasLine(fmt.Sprint(f.samples), "samples were imported") {
		t.Errorf("the report says %s", done.stdout)
	}
	n := begin(t, launch{dir: dir})
	n.awaitReady()
	f.want(n)
	f = f.withArchive()
	sent := f.sent(t)
	f.samples = 0
	for key, s := range sent {
		if s.tags["stype"] != "" { // the files do not name the level above
			delete(sent, key)
			continue
		}
		for at := range s.samples {
			if f.from <= at && at <= f.end && at != f.lost {
				f.samples++
			}
		}
	}
	if err := f.check(n, sent); err != nil {
		t.Error(err)
	}
}

// TestImportRefused: what keeps an import from its work is said, and nothing is done.
func TestImportRefused(t *testing.T) {
	t.Parallel()
	folder, keys := originalFolders()[0], newKeyPair(t)
	cfg := originalConfig()
	section(cfg, "main")["jwt-public-key"] = keys.config()
	n := start(t, cfg)
	at := []string{"-addr", strings.TrimPrefix(n.URL, "http://")}
	runImport(t, launch{dir: n.launch.dir, args: at}, folder.path(), 1).wantLog("CC_TOKEN", "401")
	token := keys.token(t, jwt.MapClaims{"sub": "operator", "roles": []string{"api"}})
	runImport(t, launch{dir: n.launch.dir, args: at, env: []string{"CC_TOKEN=" + token}}, folder.path(), 0)
	runImport(t, launch{dir: n.launch.dir, args: at}, t.TempDir(), 1).wantLog("no files of ClusterCockpit's metric store")
	runImport(t, launch{dir: n.launch.dir}, folder.path(), 1).wantLog("-addr") // it runs at another address
	runImport(t, launch{dir: n.launch.dir}, filepath.Join(t.TempDir(), "nothing"), 1).wantLog("no such file")
}

// TestImportOfDamagedFiles: damage costs what cannot be read, is said, and keeps nothing else
// from being imported.
func TestImportOfDamagedFiles(t *testing.T) {
	t.Parallel()
	dir, from := t.TempDir(), t.TempDir()
	files := originalFolders()[1].copyInto(t, from)
	paths := slices.Sorted(maps.Keys(files))
	change := func(suffix, host string, with func(string) string) {
		for _, path := range paths {
			if strings.HasSuffix(path, suffix) && strings.Contains(path, host) {
				if err := os.WriteFile(path, []byte(with(files[path])), 0o600); err != nil {
					t.Fatal(err)
				}
				return
			}
		}
		t.Fatalf("no file %s of %s", suffix, host)
	}
	change(".wal", "a0101", func(s string) string { return s[:len(s)-5] })                         // cut
	change(".wal", "a0102", func(s string) string { return s[:3000] + "\xff\xff" + s[3002:] })     // a bad record
	change(".bin", "f0201", func(s string) string { return s[:20] + "\xff\xff\xff\xff" + s[24:] }) // 4 G metrics
	if err := os.WriteFile(filepath.Join(from, "alex", "a0101", "1795631367.json"), []byte(`{"from":`), 0o600); err != nil {
		t.Fatal(err)
	}
	done := runImport(t, launch{dir: dir, config: originalConfig()}, from, 0)
	for _, words := range [][]string{
		{"a0101/current.wal", "12527 bytes", "ends too early"}, {"a0102/current.wal", "checksum", "skipped"}, {"f0201/", ".bin", "at byte"}, {"1795631367.json", "ends too early"},
	} {
		if !done.stdout.hasLine(words...) {
			t.Errorf("the report lacks %q:\n%s", words, done.stdout)
		}
	}
	n := begin(t, launch{dir: dir})
	n.awaitReady()
	f := originalFolders()[1]
	got, missing := f.answers(n, f.sent(t)), 0
	for key, s := range f.sent(t) {
		for at, want := range s.samples {
			if at == f.lost || at > f.end {
				continue
			}
			if cells := got[key]; at-f.from >= int64(len(cells)) || cells[at-f.from] == nil {
				missing++
			} else if !single(*cells[at-f.from], want) {
				t.Errorf("%s at %d is %v, sent was %v", key, at, *cells[at-f.from], want)
			}
		}
	}
	// One file of 12 intervals, and two records, perhaps three.
	if missing < 2 || missing > 310 {
		t.Errorf("%d samples are missing", missing)
	}
}

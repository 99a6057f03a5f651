package test

import (
	"fmt"
	"io/fs"
	"math"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/golang-jwt/jwt/v5"

	"cc-metric-store/test/testkit"
)

// exported is what an export as line protocol has to give: the lines, in any order.
type exported []string

// oddSamples returns lines to write, and what an export has to say of them.
func oddSamples(t *testing.T) (body string, want exported) {
	rnd := testkit.Rand(t)
	values := []float64{0, math.Copysign(0, -1), 1e-308, 5e-324, math.MaxFloat64, -0.1, 0.30000000000000004, 12345678901234567, 1 << 60}
	hosts := []string{"", "f1", `a\,b\ c`, `q"uo'te`, "ümläut", `x\=y`, "%2C+"}
	parts := []string{
		"type=node", "type=hwthread,type-id=0", "type=hwthread,type-id=17", "stype=filesystem,stype-id=/home,type=disk,type-id=sda",
		`stype=a\ b,type=accelerator,type-id=00000000:49:00.0`, `type=ü\,,type-id="1"`,
	}
	var b strings.Builder
	for _, host := range hosts {
		tag := ""
		if host != "" {
			tag = ",hostname=" + host
		}
		for _, part := range parts {
			for _, start := range []int64{origin, -86_400_000, origin + 7_000_000*60} {
				for i := range int64(3 + rnd.IntN(200)) {
					if rnd.IntN(8) == 0 {
						continue
					}
					v := values[rnd.IntN(len(values))]
					if rnd.IntN(2) == 0 {
						v = rnd.NormFloat64()
					}
					if start > origin+1 {
						start = origin + 60*5000 // later than others, and not in the future
					}
					key := fmt.Sprintf(`my\ metric\,1,cluster=alex%s,%s value=`, tag, part)
					at := start + 60*i
					fmt.Fprintf(&b, "%s%s %d\n", key, strconv.FormatFloat(v, 'e', -1, 64), at)
					want = append(want, fmt.Sprintf("%s%v %d", key, strconv.FormatFloat(v, 'e', -1, 64), at))
				}
			}
		}
	}
	slices.Sort(want)
	return b.String(), want
}

// normal returns lines with all values in one form, in order.
func normal(t *testing.T, text string) (lines exported) {
	t.Helper()
	for line := range strings.Lines(text) {
		key, rest, ok := strings.Cut(strings.TrimSuffix(line, "\n"), " value=")
		digits, at, ok2 := strings.Cut(rest, " ")
		v, err := strconv.ParseFloat(digits, 64)
		if !ok || !ok2 || err != nil {
			t.Fatalf("%q is no line: %v", line, err)
		}
		lines = append(lines, fmt.Sprintf("%s value=%s %s", key, strconv.FormatFloat(v, 'e', -1, 64), at))
	}
	slices.Sort(lines)
	return lines
}

func (want exported) check(t *testing.T, what, text string) {
	t.Helper()
	got := normal(t, text)
	if slices.Equal(got, want) {
		return
	}
	for i := range min(len(got), len(want)) {
		if got[i] != want[i] {
			t.Errorf("%s: %d lines, want %d; the first other one is %q, want %q", what, len(got), len(want), got[i], want[i])
			return
		}
	}
	t.Errorf("%s: %d lines, want %d", what, len(got), len(want))
}

// exporting is a configuration that takes all metrics.
func exporting() object {
	cfg := archiving(baseConfig())
	cfg["metrics"] = object{"*": minute(), "cpu_load": minute()}
	return cfg
}

// runExport runs the program with -export, and returns its standard output.
func runExport(t *testing.T, code int, source string, args ...string) *node {
	t.Helper()
	n := run(t, launch{args: append([]string{"-export", source}, args...)})
	if got := n.exitCode(); got != code {
		t.Fatalf("-export %s %q ends with %d, want %d:\n%s", source, args, got, code, n.log)
	}
	return n
}

// TestBackUpAndRestore: what is exported of a running node, and imported into an empty one, is the same to the
// last bit, whatever the names, values and times, and wherever the samples are.
func TestBackUpAndRestore(t *testing.T) {
	t.Parallel()
	n := start(t, exporting())
	body, want := oddSamples(t)
	n.write(body)
	want.check(t, "GET", n.send("GET", "/api/export", "").body)
	want.check(t, "-export", runExport(t, 0, n.URL).stdout.String())
	dir := t.TempDir()
	names := []string{"backup.parquet", "backup.lp", "backup.lp.gz", "backup.lp.zst"}
	for _, name := range names {
		runExport(t, 0, n.URL, "-o", filepath.Join(dir, name))
	}
	n.stop()
	archived := n.forget() // all is in the archive alone
	want.check(t, "GET of the archive", archived.send("GET", "/api/export", "").body)
	runExport(t, 0, archived.URL, "-o", filepath.Join(dir, "archived.parquet"))
	archived.stop()
	want.check(t, "the archive's files", runExport(t, 0, filepath.Join(archived.launch.dir, "archive")).stdout.String())
	if left, err := filepath.Glob(filepath.Join(dir, ".*")); err != nil || len(left) > 0 {
		t.Errorf("left are %q", left)
	}
	for i, name := range append(names, "archived.parquet") {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			l := launch{dir: t.TempDir(), config: exporting()}
			path := filepath.Join(dir, name)
			if i == 0 { // into a node that is stopped
				runImport(t, l, path, 0)
				l.config = nil
			}
			n := begin(t, l)
			n.awaitReady()
			if i != 0 {
				runImport(t, launch{dir: l.dir, args: []string{"-addr", strings.TrimPrefix(n.URL, "http://")}}, path, 0)
			}
			want.check(t, "restored", n.send("GET", "/api/export", "").body)
			if i > 0 {
				return
			}
			n.stop()
			// The files of a checkpoint that is written at a stop.
			want.check(t, "a checkpoint", runExport(t, 0, filepath.Join(l.dir, "var", "checkpoints")).stdout.String())
			for _, path := range []string{"var", "var/checkpoints"} {
				listed := run(t, launch{args: []string{"-list", filepath.Join(l.dir, path)}})
				listed.wantExit(0)
				wantRow(t, listed, "total", "-", fmt.Sprint(len(want)))
			}
		})
	}
	listed := run(t, launch{args: []string{"-list", filepath.Join(dir, "backup.parquet")}})
	listed.wantExit(0)
	wantRow(t, listed, "alex", "7", "1", fmt.Sprint(len(want)))
	archive := run(t, launch{args: []string{"-list", filepath.Join(archived.launch.dir, "archive")}})
	archive.wantExit(0)
	wantRow(t, archive, "alex", "7", "1", fmt.Sprint(len(want)))
}

// wantRow checks that a line of a list begins with the first word and has the others.
func wantRow(t *testing.T, n *node, words ...string) {
	t.Helper()
	for line := range strings.Lines(n.stdout.String()) {
		fields := strings.Fields(line)
		if len(fields) == 0 || fields[0] != words[0] {
			continue
		}
		for _, w := range words[1:] {
			if w != "-" && !slices.Contains(fields, w) {
				t.Errorf("%q lacks %q", line, w)
			}
		}
		return
	}
	t.Errorf("no line %q in\n%s", words[0], n.stdout)
}

// TestExportOfSome: a selection, the other formats, and a token.
func TestExportOfSome(t *testing.T) {
	t.Parallel()
	keys := newKeyPair(t)
	n := start(t, withKey(keys.config()))
	token := "CC_TOKEN=" + keys.token(t, jwt.MapClaims{"sub": "operator", "roles": []string{"api"}})
	if a := n.send("POST", "/api/write?cluster=alex", ramp("a", 3)+ramp("b", 200)+line("a", "mem_used", 5, origin), "Authorization", "Bearer "+strings.TrimPrefix(token, "CC_TOKEN=")); a.status != 200 {
		t.Fatal(a.body)
	}
	runExport(t, 1, n.URL).wantLog("401", "CC_TOKEN")
	file := filepath.Join(t.TempDir(), "some.csv")
	some := func(code int, args ...string) *node {
		t.Helper()
		l := launch{env: []string{token}, args: append([]string{"-export", n.URL + "/"}, args...)}
		done := run(t, l)
		done.wantExit(code)
		return done
	}
	some(0, "-o", file, "-select", "cluster=alex,host=a", "-select", fmt.Sprintf("from=%d,metric=cpu_load,type=node", origin+60)).wantLog("some.csv: 3 lines")
	text, err := os.ReadFile(file)
	want := fmt.Sprintf("cluster,hostname,metric,type,type-id,stype,stype-id,time,value\nalex,a,cpu_load,node,,,,%d,1\nalex,a,cpu_load,node,,,,%d,2\n", origin+60, origin+120)
	if err != nil || string(text) != want {
		t.Errorf("%v, %q", err, text)
	}
	got := some(0, "-format", "jsonl", "-select", "host=a,to=2025-10-09T08:57:00Z").stdout.String()
	if want := fmt.Sprintf(`{"cluster":"alex","hostname":"a","metric":"cpu_load","interval":60,"start":%d,"values":[0,1,2]}`, origin); !strings.HasPrefix(got, want+"\n") || strings.Count(got, "\n") != 2 {
		t.Errorf("%s", got)
	}
	for _, c := range [][]string{{"there is no format", "-format", "xml"}, {"no regular file", "-o", t.TempDir()}, {"needs a name", "-format", "parquet"}, {"leave .gz out", "-o", "x.parquet.gz"}} {
		some(1, c[1:]...).wantLog(c[0])
	}
	empty := filepath.Join(t.TempDir(), "empty.parquet")
	some(0, "-o", empty, "-select", "host=nobody").wantLog("empty.parquet: 0 samples")
	listed := run(t, launch{args: []string{"-list", empty}})
	listed.wantExit(0)
	wantRow(t, listed, "total", "0")
	if text := runExport(t, 0, empty).stdout.String(); text != "" {
		t.Errorf("a file without samples has %q", text)
	}
	runImport(t, launch{dir: t.TempDir(), config: baseConfig()}, empty, 1).wantLog("not one sample was kept")
	run(t, launch{args: []string{"-export", "x", "-select", "hosts=a"}}).wantExit(2, "hosts")
	run(t, launch{args: []string{"-o", "x"}}).wantExit(2, "-export")
	run(t, launch{args: []string{"-export", "http://127.0.0.1:1", "-o", file}}).wantExit(1, "connection refused")
	if after, _ := os.ReadFile(file); string(after) != want {
		t.Error("an export that failed has changed the file")
	}
	run(t, launch{args: []string{"-export", filepath.Join(t.TempDir(), "none")}}).wantExit(1, "no such file")
}

// TestExportWhileWriting: exports beside writes and a retention pass have each sample of before once.
func TestExportWhileWriting(t *testing.T) {
	t.Parallel()
	n := start(t, exporting())
	var before strings.Builder
	for host := range 20 {
		before.WriteString(ramp(fmt.Sprintf("h%02d", host), 500))
	}
	n.write(before.String())
	want := normal(t, before.String())
	stop, done := make(chan struct{}), make(chan error, 1)
	go func() {
		for i := 500; ; i++ {
			select {
			case <-stop:
				done <- nil
				return
			default:
			}
			if a, err := n.try("POST", "/api/write?cluster=alex", line("h03", "cpu_load", float64(i), origin+60*int64(i%2000))+line("late", "x", 1, origin+int64(i)*60)); err != nil || a.status != 200 {
				done <- fmt.Errorf("%d %s: %w", a.status, a.body, err)
				return
			}
		}
	}()
	for range 3 {
		got := normal(t, n.send("GET", "/api/export?metric=cpu_load", "").body)
		seen := map[string]int{}
		for _, l := range got {
			key, _, _ := strings.Cut(l, " value=")
			seen[key+l[strings.LastIndexByte(l, ' '):]]++
		}
		for _, l := range want {
			key, _, _ := strings.Cut(l, " value=")
			if id := key + l[strings.LastIndexByte(l, ' '):]; seen[id] != 1 {
				t.Fatalf("%s is there %d times", id, seen[id])
			}
		}
	}
	close(stop)
	if err := <-done; err != nil {
		t.Error(err)
	}
}

// TestDamagedFilesAreNamed: what cannot be read of files is named, and costs the exit status, and nothing else.
func TestDamagedFilesAreNamed(t *testing.T) {
	t.Parallel()
	dir := filepath.Join(t.TempDir(), "archive")
	if err := os.CopyFS(dir, os.DirFS(filepath.Join("..", "store", "archive", "testdata", "original"))); err != nil {
		t.Fatal(err)
	}
	var paths []string
	if err := filepath.WalkDir(dir, func(path string, e fs.DirEntry, err error) error {
		if err == nil && strings.HasSuffix(path, ".parquet") {
			paths = append(paths, path)
		}
		return err
	}); err != nil || len(paths) < 2 {
		t.Fatal(paths, err)
	}
	listed := run(t, launch{args: []string{"-list", dir}})
	listed.wantExit(0)
	wantRow(t, listed, "alex", "2")
	whole := strings.Count(runExport(t, 0, dir).stdout.String(), "\n")
	if err := os.Truncate(paths[0], 1000); err != nil {
		t.Fatal(err)
	}
	name := filepath.Base(paths[0])
	n := run(t, launch{args: []string{"-list", dir}})
	n.wantExit(1, name)
	if !n.stdout.hasLine("total") {
		t.Errorf("the other files are not listed: %s", n.stdout)
	}
	rest := runExport(t, 1, dir)
	rest.wantLog(name)
	if left := strings.Count(rest.stdout.String(), "\n"); left == 0 || left >= whole {
		t.Errorf("%d of %d samples are exported", left, whole)
	}
	runImport(t, launch{dir: t.TempDir(), config: originalConfig()}, paths[0], 1).wantLog(name)
	run(t, launch{args: []string{"-list", t.TempDir()}}).wantExit(1, "no files")
	cut := filepath.Join(t.TempDir(), "cut.lp.gz")
	if err := os.WriteFile(cut, []byte("\x1f\x8b\x08\x00\x00\x00\x00\x00"), 0o600); err != nil {
		t.Fatal(err)
	}
	runImport(t, launch{dir: t.TempDir(), config: baseConfig()}, cut, 1).wantLog("cut.lp.gz")
}

// TestListOfClusterNamedArchive: a cluster of an archive is listed once, whatever its name is.
func TestListOfClusterNamedArchive(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	for _, cluster := range []string{"alex", "archive"} {
		if err := os.CopyFS(filepath.Join(dir, cluster), os.DirFS(filepath.Join(originalFolders()[2].path(), "archive", "alex"))); err != nil {
			t.Fatal(err)
		}
	}
	n := run(t, launch{args: []string{"-list", dir}})
	n.wantExit(0)
	wantRow(t, n, "alex", "4", "2")
	if count := strings.Count(n.stdout.String(), "total"); count != 1 {
		t.Errorf("there are %d lists: %s", count, n.stdout)
	}
}

// TestListOfTheOriginal: its checkpoints are listed, cluster by cluster.
func TestListOfTheOriginal(t *testing.T) {
	t.Parallel()
	for _, f := range originalFolders() {
		path, err := filepath.Abs(filepath.Join(f.path(), "checkpoints"))
		if err != nil {
			t.Fatal(err)
		}
		n := run(t, launch{args: []string{"-list", path}})
		n.wantExit(0)
		if !n.stdout.hasLine("checkpoints of the original") {
			t.Errorf("%s: %s", f.name, n.stdout)
		}
		wantRow(t, n, "alex", "2", "7")
		wantRow(t, n, "total", "3")
	}
}

// TestListOfTheOriginalWithArchive: its archive has a list of its own, and counts in no other.
func TestListOfTheOriginalWithArchive(t *testing.T) {
	t.Parallel()
	path, err := filepath.Abs(originalFolders()[2].path())
	if err != nil {
		t.Fatal(err)
	}
	n := run(t, launch{args: []string{"-list", path}})
	n.wantExit(0)
	_, checkpoints, ok := strings.Cut(n.stdout.String(), "checkpoints of the original")
	if !ok {
		t.Fatal(n.stdout)
	}
	var files, bytes []int
	for line := range strings.Lines(checkpoints) {
		if fields := strings.Fields(line); len(fields) == 8 && fields[0] != "cluster" {
			f, _ := strconv.Atoi(fields[1])
			b, _ := strconv.Atoi(fields[7])
			files, bytes = append(files, f), append(bytes, b)
		}
	}
	if len(files) != 3 || files[0]+files[1] != files[2] || bytes[0]+bytes[1] != bytes[2] || files[2] != 12 {
		t.Errorf("the total is not the sum of alex and fritz:\n%s", checkpoints)
	}
}

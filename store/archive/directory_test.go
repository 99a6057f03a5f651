package archive

import (
	"errors"
	"io/fs"
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"runtime"
	"slices"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// oneSeries is a series of n samples that begin at a time.
func oneSeries(host string, start int64, values ...float64) []series {
	return []series{{host, "power", Part{}, Block{start, start + 10*int64(len(values)), 10}, values}}
}

// TestNames: no file is ever written over, files are read in the order of their writing, also after
// another start, and whatever a cluster is called, it stays in its directory.
func TestNames(t *testing.T) {
	t.Parallel()
	directory := t.TempDir()
	for _, cluster := range []string{"fritz", "", ".", "..", "../x", "a/b", "%", "a%2Fb", "ü\x00", ".partial", strings.Repeat("long/", 100), strings.Repeat("long/", 100) + "!"} {
		a := openArchive(t, Config{Directory: directory})
		for i := range 3 {
			info := put(t, a, cluster, 5-int64(i/2), oneSeries("h", 100, float64(i)), nil)
			if want := []string{"5.parquet", "5-1.parquet", "4.parquet"}[i]; filepath.Base(info.Path) != want || filepath.Dir(filepath.Dir(info.Path)) != directory {
				t.Errorf("cluster %q: file %d is %s, want %s", cluster, i, info.Path, want)
			}
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
		a, err := Open(Config{Directory: directory})
		if err != nil {
			t.Fatal(err)
		}
		var got []float64
		if err := a.Read(t.Context(), &Selection{Cluster: cluster, Host: "h", To: 1000}, func(r *Rows) error {
			got = append(got, r.Values...)
			return nil
		}); err != nil || len(got) != 3 || got[0] != 2 || got[1] != 1 || got[2] != 0 {
			t.Errorf("cluster %q: %v %v", cluster, got, err)
		}
		put(t, a, cluster, 5, oneSeries("h", 100, 7), nil)
		if files := a.state.Load().clusters[cluster].files; filepath.Base(files[3].info.Path) != "5-2.parquet" || files[3].sequence <= files[2].sequence {
			t.Errorf("cluster %q: the newest file is %+v", cluster, files[3])
		}
		if err := a.Close(); err != nil {
			t.Fatal(err)
		}
	}
}

// TestNothingIsWritten: no samples make no file, and what is given up leaves nothing behind.
func TestNothingIsWritten(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{})
	if info := put(t, a, "c", 1, oneSeries("h", 0, math.NaN(), math.NaN()), nil); info != (FileInfo{}) {
		t.Errorf("a file without samples: %+v", info)
	}
	w, err := a.NewWriter("c", 1)
	if err != nil {
		t.Fatal(err)
	}
	if err := w.Add("h", "m", Part{}, Block{0, 10, 10}, []float64{1}); err != nil || w.Rows() != 1 {
		t.Error(w.Rows(), err)
	}
	w.Abort()
	if _, err := w.Commit(); err == nil {
		t.Error("a file that was given up can be committed")
	}
	if entries, err := os.ReadDir(filepath.Join(a.directory, "c")); err != nil || len(entries) > 0 {
		t.Errorf("%v is left: %v", entries, err)
	}
	if _, ok := a.Newest("c"); ok {
		t.Error("there is a newest sample")
	}
}

// TestWrongOrder: what would break the order of a file is refused, and nothing of the file stays.
func TestWrongOrder(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{})
	good := key{"h", "m", Part{Type: "socket", ID: "1"}, 10, 100}
	for name, k := range map[string]key{
		"host": {"g", "z", Part{Type: "z"}, 10, 200}, "metric": {"h", "a", Part{Type: "z"}, 10, 200}, "part": {"h", "m", Part{Type: "socket", ID: "0"}, 10, 200},
		"frequency": {"h", "m", good.part, 5, 200}, "block": {"h", "m", good.part, 10, 90}, "twice": good,
		"no frequency": {"i", "m", Part{}, 0, 100}, "the host": {"i", "m", Part{Type: "node"}, 10, 100}, "long": {strings.Repeat("i", maxName+1), "m", Part{}, 10, 100},
	} {
		w, err := a.NewWriter("c", 1)
		if err != nil {
			t.Fatal(err)
		}
		if err := w.Add(good.host, good.metric, good.part, Block{100, 125, 10}, []float64{1, 2, 3}); err != nil {
			t.Fatal(err)
		}
		if err := w.Add(k.host, k.metric, k.part, Block{k.start, 300, k.frequency}, []float64{1}); err == nil {
			t.Errorf("%s: accepted", name)
		}
		if _, err := w.Commit(); err == nil || len(a.Files()) > 0 {
			t.Errorf("%s: committed, %v", name, err)
		}
	}
}

// TestClean: files go by age and by size, the oldest first.
func TestClean(t *testing.T) {
	t.Parallel()
	now := time.Unix(8_000, 0)
	a := openArchive(t, Config{Keep: 2500 * time.Second, Now: func() time.Time { return now }})
	for i := range 4 {
		put(t, a, "c", int64(i), oneSeries("h", 6000+int64(i)*1000, 1, 2), nil) // 6005 and 6015, ...
	}
	bytes := a.Stats().Bytes
	want := func(removed, left int) {
		t.Helper()
		n, err := a.Clean(t.Context())
		if err != nil || n != removed || len(a.Files()) != left || a.Stats().Files != int64(left) {
			t.Errorf("%d files are removed, %+v left: %v", n, a.Files(), err)
		}
		found, _, err := findFiles(a.directory, false)
		if err != nil || len(found) != left {
			t.Errorf("%v are there: %v", found, err)
		}
	}
	want(0, 4)
	now = time.Unix(6015+2500, 0)
	want(0, 4)
	now = now.Add(time.Second)
	want(1, 3)
	a.maxBytes = bytes/4*2 + 10
	want(1, 2)
	if n, ok := a.Newest("c"); !ok || n != 9016 {
		t.Errorf("the newest is %d", n)
	}
	if s := a.Stats(); s.Oldest != 8005 || s.Newest != 9015 || s.Rows != 4 {
		t.Errorf("%+v", s)
	}
	now = now.Add(10 * 365 * 24 * time.Hour) // the clock leaps ahead
	want(0, 2)
	put(t, a, "c", 9, oneSeries("h", 12_000, 1, 2), nil)
	want(2, 1)
	a.maxBytes = 1
	want(1, 0)
	if _, ok := a.Newest("c"); ok {
		t.Error("there is a newest sample")
	}
}

// TestHeldFrom: late samples in a file that stays do not stand for those that went with others.
func TestHeldFrom(t *testing.T) {
	t.Parallel()
	now := time.Unix(9_000, 0)
	a := openArchive(t, Config{Keep: time.Hour, Now: func() time.Time { return now }})
	put(t, a, "c", 1, oneSeries("h", 6000, 1, 2), nil) // 6005 and 6015
	put(t, a, "c", 2, append(oneSeries("h", 1000, 3), oneSeries("i", 9000, 4)...), nil)
	held := func(want int64) {
		t.Helper()
		if from, ok := a.HeldFrom(); !ok || from != want {
			t.Errorf("held from %d, want %d", from, want)
		}
	}
	held(9000 - 3600) // what was before may have been removed by another process
	a.keep = 0
	held(1005)
	a.maxBytes = a.Stats().Bytes - 1
	if n, err := a.Clean(t.Context()); n != 1 || err != nil {
		t.Fatal(n, err)
	}
	held(6016)
}

// TestRemovedMeanwhile: a file that somebody removed is no error.
func TestRemovedMeanwhile(t *testing.T) {
	t.Parallel()
	lines := &testkit.LogBuffer{}
	a := openArchive(t, Config{Logger: slog.New(slog.NewTextHandler(lines, nil))})
	info := put(t, a, "c", 1, oneSeries("h", 0, 1), nil)
	put(t, a, "c", 2, oneSeries("h", 0, 2), nil)
	if err := os.Remove(info.Path); err != nil {
		t.Fatal(err)
	}
	if got := all(t, a, "c", "h"); len(got) != 1 {
		t.Error(got)
	}
	// With the next pass nobody counts on it any more.
	if n, err := a.Clean(t.Context()); n != 0 || err != nil {
		t.Errorf("%d files were removed, %v", n, err)
	}
	from, _ := a.HeldFrom()
	if st := a.Stats(); st.Files != 1 || from <= info.Last || !lines.Contains(info.Path) {
		t.Errorf("%+v, held from %d, logged: %s", st, from, lines)
	}
	if _, err := a.Clean(t.Context()); err != nil || strings.Count(lines.String(), info.Path) != 1 {
		t.Errorf("%v, logged: %s", err, lines)
	}
}

// TestNameComesAgain: a file that has the name of one that somebody has removed is read, and not what was there before.
func TestNameComesAgain(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{})
	info := put(t, a, "c", 1, oneSeries("h", 0, 1, 2, 3), nil)
	if got := all(t, a, "c", "h"); len(got) != 3 { // it is open now
		t.Fatal(got)
	}
	if err := os.RemoveAll(a.directory); err != nil {
		t.Fatal(err)
	}
	if again := put(t, a, "c", 1, oneSeries("h", 1000, 4), nil); again.Path != info.Path {
		t.Fatal(again.Path)
	}
	if got, st := all(t, a, "c", "h"), a.Stats(); len(got) != 1 || st.Files != 1 || st.Rows != 1 {
		t.Errorf("%v, %+v", got, st)
	}
}

// TestOneWriter: a second process, or a second archive in this one, is told who has the directory.
func TestOneWriter(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{})
	if _, err := Open(Config{Directory: a.directory}); err == nil || !strings.Contains(err.Error(), "in use by the process") {
		t.Errorf("a second one opens: %v", err)
	}
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	openArchive(t, Config{Directory: a.directory})
	if err := a.Read(t.Context(), &Selection{Cluster: "c", To: 1}, func(*Rows) error { return nil }); err != nil {
		t.Error(err) // nothing to read
	}
	if _, err := a.NewWriter("c", 1); !errors.Is(err, errClosed) {
		t.Error(err)
	}
}

// TestDirectoryReplaced: a directory that somebody has removed is made and locked anew, one that another process has is left
// alone, and nothing is written where the right file system is away.
func TestDirectoryReplaced(t *testing.T) {
	t.Parallel()
	parent := t.TempDir()
	dir := filepath.Join(parent, "archive")
	a := openArchive(t, Config{Directory: dir})
	put(t, a, "c", 1, oneSeries("h", 0, 1), nil)
	for _, replace := range []func() error{
		func() error { return os.RemoveAll(dir) },
		func() error { return os.Remove(filepath.Join(dir, lockName)) },
		func() error { return errors.Join(os.Rename(dir, filepath.Join(parent, "away")), os.Mkdir(dir, 0o700)) },
	} {
		if err := replace(); err != nil {
			t.Fatal(err)
		}
		put(t, a, "c", 2, oneSeries("h", 1000, 2), nil)
		if _, err := Open(Config{Directory: dir}); err == nil || !strings.Contains(err.Error(), "in use by the process") {
			t.Errorf("a second one opens: %v", err)
		}
	}
	if err := os.RemoveAll(dir); err != nil {
		t.Fatal(err)
	}
	other := openArchive(t, Config{Directory: dir})
	if _, err := a.NewWriter("c", 3); err == nil || !strings.Contains(err.Error(), "in use by the process") {
		t.Errorf("it writes into the directory of another one: %v", err)
	}
	if err := other.Close(); err != nil {
		t.Fatal(err)
	}
	put(t, a, "c", 3, oneSeries("h", 2000, 3), nil)

	// A directory on another file system, in place of this one.
	elsewhere, err := os.Open("/proc")
	if err != nil {
		t.Fatal(err)
	}
	lock := a.lock
	a.lock = elsewhere
	if _, err := a.NewWriter("c", 4); err == nil || !strings.Contains(err.Error(), "file system") || !strings.Contains(err.Error(), dir) {
		t.Errorf("error %v", err)
	}
	elsewhere.Close()
	a.lock = lock
	put(t, a, "c", 4, oneSeries("h", 3000, 4), nil)
}

// TestTooSmallDisk: a bound that is larger than the disk is told at the start, and later once whenever that becomes so.
func TestTooSmallDisk(t *testing.T) {
	t.Parallel()
	lines := &testkit.LogBuffer{}
	a := openArchive(t, Config{MaxBytes: 1 << 60, Logger: slog.New(slog.NewTextHandler(lines, nil))})
	told := func(want int) {
		t.Helper()
		if _, err := a.Clean(t.Context()); err != nil {
			t.Fatal(err)
		}
		if n := strings.Count(lines.String(), "the disk of the archive is full before"); n != want {
			t.Errorf("it is told %d times, want %d: %s", n, want, lines)
		}
	}
	told(1)
	a.maxBytes = 1
	told(1)
	a.maxBytes = 1 << 60
	told(2)
	a.maxBytes = 0
	told(2)
}

// TestRoomOfADiskThatHangs: nobody waits for the disk, and what it said before is not told for long.
func TestRoomOfADiskThatHangs(t *testing.T) {
	t.Parallel()
	var later atomic.Int64 // seconds
	a := openArchive(t, Config{Now: func() time.Time { return time.Unix(later.Load(), 0) }})
	first := a.Room()
	if first <= 0 {
		t.Errorf("%d bytes are free", first)
	}
	testkit.Eventually(t, "the answer", func() bool {
		a.room.mu.Lock()
		defer a.room.mu.Unlock()
		return a.room.began.IsZero()
	})
	hangs := make(chan struct{})
	a.room.ask = func() (int64, error) {
		<-hangs
		return 7, nil
	}
	for range 2 {
		if a.Room() <= 0 {
			t.Error("what the disk said last is forgotten at once")
		}
	}
	later.Add(60)
	if free := a.Room(); free != -1 {
		t.Errorf("%d bytes are free, as the disk said a minute ago", free)
	}
	close(hangs)
	testkit.Eventually(t, "the disk's new answer", func() bool { return a.Room() == 7 })
}

// TestConfigFaults: all faults are told at once.
func TestConfigFaults(t *testing.T) {
	t.Parallel()
	_, err := Open(Config{Keep: -1, MaxBytes: -1, Readers: -1, MaxGroups: -1})
	if err == nil || strings.Count(err.Error(), "\n") != 4 {
		t.Errorf("%v", err)
	}
}

// TestAfterACrash: what was not complete is removed; what is damaged or foreign is told, left alone and left out.
func TestAfterACrash(t *testing.T) {
	t.Parallel()
	a := openArchive(t, Config{})
	info := put(t, a, "c", 1, oneSeries("h", 0, 1), nil)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	whole, err := os.ReadFile(info.Path)
	if err != nil {
		t.Fatal(err)
	}
	cluster := filepath.Dir(info.Path)
	for name, data := range map[string][]byte{
		"123" + partialSuffix: whole, "2.parquet": whole[:len(whole)-1], "3.parquet": nil, "4.parquet": []byte("PAR1PAR1PAR1"), "notes.txt": []byte("mine"),
		"yesterday.parquet": whole,
	} {
		if err := os.WriteFile(filepath.Join(cluster, name), data, 0o640); err != nil {
			t.Fatal(err)
		}
	}
	var log testkit.LogBuffer
	a = openArchive(t, Config{Directory: a.directory, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if len(a.Files()) != 1 || a.Stats().Left != 4 {
		t.Errorf("%+v %+v", a.Files(), a.Stats())
	}
	for _, name := range []string{"2.parquet", "3.parquet", "4.parquet", "yesterday.parquet"} {
		if _, err := os.Stat(filepath.Join(cluster, name)); err != nil || !log.Contains(name) {
			t.Errorf("%s: %v, log:\n%s", name, err, log.String())
		}
	}
	if _, err := os.Stat(filepath.Join(cluster, "123"+partialSuffix)); !errors.Is(err, os.ErrNotExist) {
		t.Errorf("the partial file: %v", err)
	}
	if got := all(t, a, "c", "h"); len(got) != 1 {
		t.Error(got)
	}
}

// TestOddDirectory: what may be in the directory of an archive beside clusters, such as a disk of its own has,
// and what is no file keep no archive from being opened.
func TestOddDirectory(t *testing.T) {
	a := openArchive(t, Config{})
	info := put(t, a, "c", 1, oneSeries("h", 0, 1), nil)
	if err := a.Close(); err != nil {
		t.Fatal(err)
	}
	for _, name := range []string{"lost+found", "secret", "c/4.parquet", "c/x.parquet.partial/y"} {
		if err := os.MkdirAll(filepath.Join(a.directory, name), 0o700); err != nil {
			t.Fatal(err)
		}
	}
	if err := syscall.Mkfifo(filepath.Join(a.directory, "c", "5.parquet"), 0o600); err != nil {
		t.Fatal(err)
	}
	becomeOther(t, a.directory, "lost+found", "secret")
	var log testkit.LogBuffer
	a = openArchive(t, Config{Directory: a.directory, Logger: slog.New(slog.NewTextHandler(&log, nil))})
	if len(a.Files()) != 1 || a.Stats().Left != 4 {
		t.Errorf("%+v %+v\n%s", a.Files(), a.Stats(), log.String())
	}
	for _, name := range []string{"secret", "4.parquet", "5.parquet", "x.parquet.partial"} {
		if !log.Contains(name) {
			t.Errorf("nothing is said about %s:\n%s", name, log.String())
		}
	}
	if log.Contains("lost+found") {
		t.Errorf("lost+found is expected:\n%s", log.String())
	}
	if files, err := List(a.directory); len(files) != 1 || err == nil || !strings.Contains(err.Error(), "secret") {
		t.Errorf("%+v %v", files, err)
	}
	if err := os.Remove(info.Path); err != nil {
		t.Fatal(err)
	}
	if err := syscall.Mkfifo(info.Path, 0o600); err != nil { // in its place, while the archive is open
		t.Fatal(err)
	}
	s := &Selection{Cluster: "c", Host: "h", To: 1000}
	if err := a.Read(t.Context(), s, func(*Rows) error { return nil }); err == nil || !strings.Contains(err.Error(), info.Path) {
		t.Errorf("%v", err)
	}
}

// becomeOther makes the files of this goroutine, until the test ends, those of a user who may not read
// some directories.
func becomeOther(t *testing.T, directory string, unreadable ...string) {
	t.Helper()
	for _, name := range unreadable {
		path := filepath.Join(directory, name)
		if err := os.Chmod(path, 0); err != nil {
			t.Fatal(err)
		}
		t.Cleanup(func() { _ = os.Chmod(path, 0o700) })
	}
	if os.Getuid() != 0 {
		return
	}
	const other = 65534
	if err := os.Chmod(filepath.Dir(directory), 0o755); err != nil {
		t.Fatal(err)
	}
	err := filepath.WalkDir(directory, func(path string, e fs.DirEntry, err error) error {
		if slices.Contains(unreadable, e.Name()) {
			return fs.SkipDir
		}
		return errors.Join(err, os.Chown(path, other, other))
	})
	if err != nil {
		t.Fatal(err)
	}
	runtime.LockOSThread() // what follows is about this thread alone
	_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, other, 0, 0)
	t.Cleanup(func() {
		_, _, _ = syscall.RawSyscall(syscall.SYS_SETFSUID, 0, 0, 0)
		runtime.UnlockOSThread()
	})
}

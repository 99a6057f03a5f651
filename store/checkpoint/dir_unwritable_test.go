package checkpoint

import (
	"errors"
	"os"
	"os/exec"
	"os/signal"
	"path/filepath"
	"reflect"
	"slices"
	"strings"
	"syscall"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestNoDirectory has a file where the directory should be made.
func TestNoDirectory(t *testing.T) {
	parent := filepath.Join(t.TempDir(), "parent")
	dir := filepath.Join(parent, "checkpoints")
	if err := os.WriteFile(parent, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	d := open(t, dir)
	if len(d.Found()) != 0 || d.Newest() != 0 {
		t.Errorf("found %v", d.Found())
	}
	if _, err := d.Begin(testHeader(1)); !errors.Is(err, syscall.ENOTDIR) || !strings.Contains(err.Error(), dir) {
		t.Errorf("begin: %v", err)
	}
	if err := os.Remove(parent); err != nil {
		t.Fatal(err)
	}
	write(t, d, 1, smallHost("c", "h", 1))
	if _, got, err := readAll(d, 1); err != nil || len(got) != 1 {
		t.Error(err, got)
	}
	if _, err := Open(dir); err == nil {
		t.Error("the directory is not locked")
	}
}

// TestLateDirectory has the directory turn up with checkpoints after the start, as
// a file system that is mounted late. What is in the store was made without them:
// it must not replace them.
func TestLateDirectory(t *testing.T) {
	parent, late := filepath.Join(t.TempDir(), "parent"), t.TempDir()
	before := open(t, late)
	write(t, before, 1, smallHost("c", "h", 1))
	write(t, before, 2, smallHost("c", "h", 2))
	before.Close()
	want := names(t, late)

	if err := os.WriteFile(parent, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	dir := filepath.Join(parent, "checkpoints")
	d := open(t, dir)
	if err := os.Remove(parent); err != nil {
		t.Fatal(err)
	}
	if err := os.CopyFS(dir, os.DirFS(late)); err != nil {
		t.Fatal(err)
	}
	for range 2 {
		if _, err := d.Begin(testHeader(9)); err == nil || !strings.Contains(err.Error(), "restart") {
			t.Fatalf("begin: %v", err)
		}
	}
	if got := names(t, dir); !slices.Equal(got, want) {
		t.Errorf("files %v, want %v", got, want)
	}
}

// limitFiles bounds the size of the files that this process writes.
func limitFiles(t *testing.T, bytes uint64) {
	t.Helper()
	var l syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Fatal(err)
	}
	if l.Cur = l.Max; bytes != 0 {
		l.Cur = bytes
	}
	if err := syscall.Setrlimit(syscall.RLIMIT_FSIZE, &l); err != nil {
		t.Fatal(err)
	}
}

// TestFullDisk runs itself in a process whose files may not grow beyond a size.
func TestFullDisk(t *testing.T) {
	const child = "CHECKPOINT_FULL_DISK"
	if os.Getenv(child) == "" {
		c := exec.Command(os.Args[0], "-test.run=^TestFullDisk$", "-test.v")
		c.Env = append(os.Environ(), child+"=1")
		if out, err := c.CombinedOutput(); err != nil || !strings.Contains(string(out), "--- PASS: TestFullDisk") {
			t.Fatalf("%v\n%s", err, out)
		}
		return
	}
	signal.Ignore(syscall.SIGXFSZ)
	r := testkit.Rand(t)
	dir := t.TempDir()
	d := open(t, dir)
	first := smallHost("c", "first", 1)
	write(t, d, 1, first)
	want := names(t, dir)

	// 1.6 MB of sealed values and as many open ones.
	noise := func(int32, int) float64 { return r.NormFloat64() }
	var present []int32
	for c := range int32(800) {
		present = append(present, c)
	}
	large := func() *Host {
		h := smallHost("c", "large", 2)
		h.Grids[0].Columns = 800
		h.Grids[0].Blocks = []Block{
			{Start: 0, End: 60 * 256, Slots: 256, Values: group(800, 256, noise, present...), Patches: []Patch{}},
			{Start: 60 * 256, End: 60 * 512, Slots: 256, Open: true, Values: group(800, 256, noise, present...), Patches: []Patch{}},
		}
		return h
	}
	fill := func(hosts ...*Host) error {
		w, err := d.Begin(testHeader(2))
		if err != nil {
			return err
		}
		for _, h := range hosts {
			if err := w.Add(h); err != nil {
				w.Abort()
				return err
			}
		}
		_, err = w.Commit(testHeader(2).Position)
		return err
	}
	for _, tt := range []struct {
		limit uint64
		hosts []*Host
	}{
		{1, nil}, {10, []*Host{smallHost("c", "small", 2)}}, {300, []*Host{smallHost("c", "small", 2)}}, // when it is complete
		{100_000, []*Host{large()}}, {1_000_000, []*Host{first, large()}}, // before
	} {
		limitFiles(t, tt.limit)
		err := fill(tt.hosts...)
		limitFiles(t, 0)
		if !errors.Is(err, syscall.EFBIG) || !strings.Contains(err.Error(), dir) {
			t.Errorf("up to %d bytes: %v", tt.limit, err)
		}
		if got := names(t, dir); !slices.Equal(got, want) {
			t.Errorf("up to %d bytes: files %v, want %v", tt.limit, got, want)
		}
		if _, got, err := readAll(d, 1); err != nil || !reflect.DeepEqual(got, []*Host{first}) {
			t.Errorf("up to %d bytes: the checkpoint before: %v", tt.limit, err)
		}
	}
	h := large()
	if out := write(t, d, 3, first, h); out.ID != 2 {
		t.Errorf("checkpoint %d", out.ID)
	}
	if c, got, err := readAll(d, 2); err != nil || len(c.Lost) > 0 || !reflect.DeepEqual(got, []*Host{first, h}) {
		t.Error(err, c)
	}
}

package checkpoint

import (
	"errors"
	"os"
	"path/filepath"
	"reflect"
	"slices"
	"strconv"
	"strings"
	"testing"
)

// foreignFiles are such as the program that wrote JSON kept below the same
// directory, and others that are not ours.
func foreignFiles() []string {
	return []string{
		"alex/a0603/1700000000.json", "alex/a0603/current.wal", "alex/0000000000000001.checkpoint", "0000000000000001/x.segment",
		"7.checkpoint", "+000000000000001.checkpoint", "0000000000000001.checkpoint.bak", "notes.tmp", "0000000000000001.segment~",
	}
}

func addForeign(t *testing.T, dir string) {
	t.Helper()
	for _, name := range foreignFiles() {
		path := filepath.Join(dir, name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
	}
}

// checkNames wants these files in the directory, LOCK, and those of addForeign.
func checkNames(t *testing.T, dir string, want ...string) {
	t.Helper()
	want = append(append(want, lockName), foreignFiles()...)
	slices.Sort(want)
	got := names(t, dir)
	slices.Sort(got)
	if !slices.Equal(got, want) {
		t.Errorf("the directory has\n%q, want\n%q", got, want)
	}
	for _, name := range foreignFiles() {
		if content, err := os.ReadFile(filepath.Join(dir, name)); err != nil || string(content) != name {
			t.Errorf("%s was changed: %q, %v", name, content, err)
		}
	}
}

// TestTwoAreKept writes many checkpoints, whose hosts share segments.
func TestTwoAreKept(t *testing.T) {
	dir := t.TempDir()
	addForeign(t, dir)
	d := open(t, dir)
	a, b := smallHost("c", "a", 1), smallHost("c", "b", 1)
	write(t, d, 1, a, b)
	checkNames(t, dir, "0000000000000001.checkpoint", "0000000000000001.segment")
	write(t, d, 2, a, b)
	if out := write(t, d, 3, a, b, smallHost("c", "d", 1)); out.ID != 3 || d.Newest() != 3 {
		t.Errorf("checkpoint %d, the newest is %d", out.ID, d.Newest())
	}
	checkNames(t, dir, "0000000000000001.segment", "0000000000000002.checkpoint", "0000000000000003.checkpoint", "0000000000000003.segment")
	if got := a.Grids[0].Blocks[0].Ref.Segment; got != 1 {
		t.Errorf("the block moved to segment %d", got)
	}
	write(t, d, 4)
	write(t, d, 5)
	checkNames(t, dir, "0000000000000004.checkpoint", "0000000000000005.checkpoint")
	d.Close()
	if next := open(t, dir); !slices.Equal(next.Found(), []uint64{5, 4}) || next.next != 6 {
		t.Errorf("found %v, the next one is %d", next.Found(), next.next)
	}
}

// TestSegmentIsWrittenAnew needs less and less of a segment.
func TestSegmentIsWrittenAnew(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	a, b, c := smallHost("c", "a", 1), smallHost("c", "b", 1), smallHost("c", "c", 1)
	write(t, d, 1, a, b, c)
	write(t, d, 2, a, b)
	write(t, d, 3, a)
	if got := a.Grids[0].Blocks[0].Ref.Segment; got != 1 {
		t.Fatalf("moved to segment %d although most of segment 1 was needed", got)
	}
	write(t, d, 4, a)
	if got := a.Grids[0].Blocks[0].Ref.Segment; got != 4 {
		t.Errorf("the block is still in segment %d", got)
	}
	if _, got, err := readAll(d, 3); err != nil || len(got) != 1 {
		t.Errorf("the checkpoint before is gone: %v", err)
	}
	write(t, d, 5, a)
	if c, got, err := readAll(d, 5); err != nil || len(c.Lost) > 0 || !reflect.DeepEqual(got, []*Host{a}) {
		t.Error(err, c)
	}
	if got := names(t, dir); slices.Contains(got, "0000000000000001.segment") {
		t.Errorf("segment 1 is not needed: %v", got)
	}
}

// TestDamagedSegment loses a block, quarantines its segment and writes what else
// is in it anew.
func TestDamagedSegment(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	write(t, d, 1, smallHost("c", "a", 1), smallHost("c", "b", 1))
	d.Close()
	segment := filepath.Join(dir, "0000000000000001.segment")
	content, err := os.ReadFile(segment)
	if err != nil {
		t.Fatal(err)
	}
	content[len(content)-1] ^= 1 // in the block of b
	if err := os.WriteFile(segment, content, 0o600); err != nil {
		t.Fatal(err)
	}
	d = open(t, dir)
	c, got, err := readAll(d, 1)
	if err != nil || len(c.Lost) != 1 {
		t.Fatal(err, c)
	}
	if l := c.Lost[0]; l.Cluster != "c" || l.Host != "b" || l.Start != -30 || l.End != 210 || l.Segment != 1 || !errors.Is(l.Err, ErrDamaged) {
		t.Errorf("lost %+v", l)
	}
	if len(got) != 2 || len(got[0].Grids[0].Blocks) != 2 || len(got[1].Grids[0].Blocks) != 1 {
		t.Errorf("read %+v", got)
	}
	d.Keep(1, c)
	d.MarkDamaged(c.Lost)
	write(t, d, 2, got...)
	write(t, d, 3, got...)
	if files := names(t, dir); !slices.Contains(files, "0000000000000001.segment.damaged") || slices.Contains(files, "0000000000000001.segment") {
		t.Errorf("files %v", files)
	}
	if c, again, err := readAll(d, 3); err != nil || len(c.Lost) > 0 || !reflect.DeepEqual(again, got) {
		t.Error(err, c)
	}
	path, err := d.Quarantine(3)
	if err != nil || path != d.Path(3)+".damaged" {
		t.Errorf("%s, %v", path, err)
	}
	d.Close()
	if d = open(t, dir); d.next != 4 || !slices.Equal(d.Found(), []uint64{2}) {
		t.Errorf("found %v, the next one is %d", d.Found(), d.next)
	}
}

// TestNewerVersionIsKept goes back to this version of the program for a while:
// what the newer one wrote stays.
func TestNewerVersionIsKept(t *testing.T) {
	dir := t.TempDir()
	addForeign(t, dir)
	d := open(t, dir)
	write(t, d, 1, smallHost("c", "a", 1))
	write(t, d, 2, smallHost("c", "a", 1))
	d.Close()
	for _, name := range []string{"0000000000000002.checkpoint", "0000000000000002.segment"} {
		path := filepath.Join(dir, name)
		content, err := os.ReadFile(path)
		if err != nil {
			t.Fatal(err)
		}
		content[5]++
		if err := os.WriteFile(path, content, 0o600); err != nil {
			t.Fatal(err)
		}
	}
	d = open(t, dir)
	if _, _, err := readAll(d, 2); !errors.Is(err, ErrVersion) {
		t.Fatal(err)
	}
	for range 4 {
		write(t, d, 3, smallHost("c", "a", 1))
	}
	checkNames(t, dir, "0000000000000002.checkpoint", "0000000000000002.segment", "0000000000000005.checkpoint", "0000000000000005.segment",
		"0000000000000006.checkpoint", "0000000000000006.segment")
}

func TestLock(t *testing.T) {
	dir := t.TempDir()
	d := open(t, dir)
	_, err := Open(dir)
	if err == nil || !strings.Contains(err.Error(), "pid "+strconv.Itoa(os.Getpid())) {
		t.Errorf("a second one: %v", err)
	}
	d.Close()
	d.Close()
	open(t, dir)
}

func TestCleanMarkIsUsedOnce(t *testing.T) {
	d := open(t, t.TempDir())
	if _, ok := d.ConsumeCleanMark(); ok {
		t.Error("clean from the beginning")
	}
	if err := d.WriteCleanMark(42); err != nil {
		t.Fatal(err)
	}
	if id, ok := d.ConsumeCleanMark(); !ok || id != 42 {
		t.Errorf("%d, %v", id, ok)
	}
	if _, ok := d.ConsumeCleanMark(); ok {
		t.Error("taken twice")
	}
	if err := os.WriteFile(filepath.Join(d.path, cleanName), []byte("x"), 0o600); err != nil {
		t.Fatal(err)
	}
	if _, ok := d.ConsumeCleanMark(); ok {
		t.Error("a damaged mark counts")
	}
}

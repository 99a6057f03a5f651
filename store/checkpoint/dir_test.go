package checkpoint

import (
	"os"
	"path/filepath"
	"testing"
)

// TestDirectoryThatComesLater opens a directory below a file, which is no
// directory with checkpoints until the file has made way for one that has. The
// next checkpoint is to be the newest.
func TestDirectoryThatComesLater(t *testing.T) {
	place := filepath.Join(t.TempDir(), "var")
	if err := os.WriteFile(place, nil, 0o600); err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(place, "checkpoints")
	d, err := Open(path)
	if err != nil {
		t.Fatal(err)
	}
	defer d.Close()
	if _, err := d.Begin(Header{}); err == nil {
		t.Fatal("began a checkpoint below a file")
	}
	if err := os.Remove(place); err != nil {
		t.Fatal(err)
	}
	if err := os.MkdirAll(path, 0o700); err != nil {
		t.Fatal(err)
	}
	if err := os.WriteFile(d.Path(57), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	w, err := d.Begin(Header{})
	if err != nil {
		t.Fatal(err)
	}
	out, err := w.Commit(Position{})
	if err != nil {
		t.Fatal(err)
	}
	if out.ID != 58 || d.Newest() != 58 {
		t.Errorf("checkpoint %d, newest %d, want 58", out.ID, d.Newest())
	}
}

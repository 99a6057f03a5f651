package checkpoint

import (
	"context"
	"os"
	"path/filepath"
	"syscall"
	"testing"
)

// TestOddFiles: pipes, and files that say that they are larger than the memory, have the
// names of ours. A start neither waits for one nor reads all of the other.
func TestOddFiles(t *testing.T) {
	for name, create := range map[string]func(path string) error{
		"a pipe":      func(path string) error { return syscall.Mkfifo(path, 0o600) },
		"a directory": func(path string) error { return os.MkdirAll(path, 0o700) },
		"an endless":  func(path string) error { return os.Symlink("/dev/zero", path) },
		"a huge file": func(path string) error {
			if err := os.WriteFile(path, nil, 0o600); err != nil {
				return err
			}
			return os.Truncate(path, 1<<40)
		},
	} {
		t.Run(name, func(t *testing.T) {
			d := open(t, t.TempDir())
			for _, file := range []string{cleanName, erasName, fileName(7, checkpointSuffix)} {
				if err := create(filepath.Join(d.path, file)); err != nil {
					t.Fatal(err)
				}
			}
			if _, ok := d.ConsumeCleanMark(); ok {
				t.Error("it counts as clean")
			}
			if eras, err := d.ReadEras(); err == nil {
				t.Errorf("eras: %v", eras)
			}
			if _, err := d.Read(context.Background(), 7, 1, func([]string, *Host) error { return nil }); err == nil {
				t.Error("a checkpoint is read")
			}
		})
	}
}

package embedded

import (
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strings"
)

// lockName is the file in the directory whose lock says that it is in use.
const lockName = "LOCK"

// lockDirectory creates the directory if need be, and locks it until the file is closed or the
// process ends. nats-server has no such lock, and two processes in one directory destroy the
// log.
func lockDirectory(dir string) (*os.File, error) {
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return nil, fmt.Errorf("create directory %s (nats.embedded.directory): %w", dir, err)
	}
	path := filepath.Join(dir, lockName)
	f, err := os.OpenFile(path, os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, fmt.Errorf("lock directory %s (nats.embedded.directory): %w", dir, err)
	}
	if err := tryLock(f); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 32))
		f.Close()
		return nil, fmt.Errorf("directory %s is in use by another process (pid %s): stop it, or give this one a directory of its own (nats.embedded.directory): %w",
			dir, strings.TrimSpace(string(owner)), err)
	}
	// The text has a fixed length and overwrites the old one: truncating the file would wait
	// for the disk. The lock holds even if the disk has no room for it.
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-20d\n", os.Getpid()), 0)
	return f, nil
}

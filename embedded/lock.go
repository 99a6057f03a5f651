package embedded

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
)

// lockName is the file in the directory whose lock says that it is in use.
const lockName = "LOCK"

// lockDirectory creates the directory and locks it until the file is closed or
// the process ends. nats-server itself has no such guard, and two processes in
// one directory destroy the log.
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
			dir, owner, err)
	}
	if err := errors.Join(f.Truncate(0), writePID(f)); err != nil {
		f.Close()
		return nil, fmt.Errorf("lock directory %s (nats.embedded.directory): %w", dir, err)
	}
	return f, nil
}

func writePID(f *os.File) error {
	_, err := f.WriteAt([]byte(strconv.Itoa(os.Getpid())), 0)
	return err
}

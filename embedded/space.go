package embedded

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"

	"github.com/nats-io/nats-server/v2/server"
)

const (
	// A log that could not be written is opened again when there is this much
	// room: with less it would be full at once.
	roomToWrite = 64 << 20
	// The trial that shows that the directory takes data.
	trialBytes = 1 << 20
)

// defaultMaxStore returns three quarters of what there is for the log. What it
// takes already counts: otherwise each start would find less.
func defaultMaxStore(dir string) (int64, error) {
	free, err := freeBytes(dir)
	if err != nil {
		return 0, err
	}
	used := int64(0)
	err = filepath.WalkDir(filepath.Join(dir, server.JetStreamStoreDir), func(_ string, d fs.DirEntry, err error) error {
		if errors.Is(err, fs.ErrNotExist) {
			return nil // the first start
		}
		if err != nil {
			return err
		}
		if info, err := d.Info(); err == nil && info.Mode().IsRegular() {
			used += info.Size()
		}
		return nil
	})
	if err != nil {
		return 0, fmt.Errorf("measure the log: %w", err)
	}
	return max((free+used)/4*3, smallestStore), nil
}

// writable returns nil if the directory takes data, in an amount with which it
// is worth the while to go on, otherwise what is to be done. Only writing tells:
// a quota, a file system that was mounted read-only and a bad disk leave the
// free space as it is.
func writable(dir string) error {
	free, err := freeBytes(dir)
	if err != nil {
		return err
	}
	if free < roomToWrite {
		return fmt.Errorf("%d MiB are free on the file system of %s: free %d MiB", free>>20, dir, roomToWrite>>20)
	}
	f, err := os.OpenFile(filepath.Join(dir, "TRIAL"), os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return fmt.Errorf("make %s writable: %w", dir, err)
	}
	_, err = f.Write(make([]byte, trialBytes))
	if err = errors.Join(err, f.Sync(), f.Close(), os.Remove(f.Name())); err != nil {
		return fmt.Errorf("make %s writable: %w", dir, err)
	}
	return nil
}

// Streams returns the names of the streams in the directory, whether the server
// runs or not.
func (s *Server) Streams() []string {
	paths, _ := filepath.Glob(filepath.Join(s.cfg.Directory, server.JetStreamStoreDir, "*", "streams", "*")) // the pattern is a good one
	names := make([]string, len(paths))
	for i, p := range paths {
		names[i] = filepath.Base(p)
	}
	return names
}

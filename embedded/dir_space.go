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
	// A log that could not be written is opened again when so many bytes are free: with less, the
	// disk would be full at once.
	roomToWrite = 64 << 20
	// The size of the file that shows that the directory can be written.
	trialBytes = 1 << 20
)

// defaultMaxStore returns three quarters of what the file system has for the log, which is its
// free space and the size of the log. before is what was chosen at an earlier start, 0 if there
// was none. It stays while it fits: the free space changes from start to start, and the limits
// of the streams should not. If others fill the disk, the limit stays above the size of the log,
// so that no entry is dropped for that.
func defaultMaxStore(dir string, before int64) (int64, error) {
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
	return chooseMaxStore(free, used, before), nil
}

// chooseMaxStore does the arithmetic of defaultMaxStore.
func chooseMaxStore(free, used, before int64) int64 {
	all := free + used
	if before > 0 && before <= all/8*7 && before > all/8*3 {
		return before
	}
	return max(all/4*3, used/8*9+smallestStore)
}

// writable returns nil if the directory can be written and has enough free space to go on.
// Otherwise the error says what to do. It writes a file to find out: the free space does not show
// a quota, a read-only file system or a bad disk.
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

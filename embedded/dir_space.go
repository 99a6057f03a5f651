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

// defaultMaxStore returns three quarters of what there is for the log, which is the
// free space and what the log takes. What was chosen before, 0 for nothing, stays
// while it fits: the free space is another one at each start, and no setting of the
// log has to change for that. Nothing that the log holds is dropped for a disk that
// others fill.
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

func chooseMaxStore(free, used, before int64) int64 {
	all := free + used
	if before > 0 && before <= all/8*7 && before > all/8*3 {
		return before
	}
	return max(all/4*3, used/8*9+smallestStore)
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

package checkpoint

import (
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
)

// The mark of a clean stop is a file with the ID of the checkpoint that was written last.

// WriteCleanMark records that nothing happened after the checkpoint: it is not older than any
// answer that was given.
func (d *Dir) WriteCleanMark(id uint64) error {
	path := filepath.Join(d.path, cleanName)
	f, err := os.OpenFile(path+temporarySuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return err
	}
	_, err = fmt.Fprintln(f, id)
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return err
	}
	if err := os.Rename(path+temporarySuffix, path); err != nil {
		return err
	}
	return syncDir(d.path)
}

// ConsumeCleanMark returns the checkpoint after which nothing happened, and removes the mark:
// from now on something may happen. It returns false if there is no mark that can be removed.
func (d *Dir) ConsumeCleanMark() (id uint64, ok bool) {
	path := filepath.Join(d.path, cleanName)
	file, err := openFile(path)
	if err != nil {
		return 0, false
	}
	defer file.Close()
	text, err := io.ReadAll(io.LimitReader(file, 32)) // more is no ID
	if err != nil {
		return 0, false
	}
	if remove(path) != nil || syncDir(d.path) != nil {
		return 0, false
	}
	id, err = strconv.ParseUint(strings.TrimSpace(string(text)), 10, 64)
	return id, err == nil
}

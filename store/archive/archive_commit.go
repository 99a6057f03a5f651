package archive

import (
	"errors"
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
)

// ErrGivenUp is returned by Writer.CommitIf for a file that is not to be.
var ErrGivenUp = errors.New("the file was given up")

// commit completes the file of a writer, gives it its name and shows it to readers, if may calls the function
// that does. Files come one after the other, in the order of their sequence.
func (a *Archive) commit(w *Writer, may func(show func()) bool) error {
	a.mu.Lock()
	defer a.mu.Unlock()
	if a.closed.Load() {
		return errClosed
	}
	f := w.file
	if err := f.finish(w.rows, w.hosts, a.sequence+1); err != nil {
		return err
	}
	partial := f.file.Name()
	path, time, number, err := freeName(filepath.Dir(partial), w.before)
	if err != nil {
		return err
	}
	if err := os.Rename(partial, path); err != nil {
		return err
	}
	if err := syncDirectory(filepath.Dir(path)); err != nil {
		// It may be there after a crash or not. The samples are still the caller's.
		return errors.Join(err, os.Remove(path))
	}
	w.info.Path, w.info.Rows, w.info.Bytes, w.info.Hosts = path, w.rows, f.offset, w.hosts
	added := &file{info: w.info, sequence: a.sequence + 1, time: time, number: number, hosts: bounds{w.firstHost, w.last.host, true}, longest: w.longest}
	s := a.state.Load()
	// Somebody may have removed a file that had the name.
	a.cache.forget(path)
	others := slices.DeleteFunc(s.files(), func(f *file) bool { return f.info.Path == path })
	shown := newState(append(others, added), s.stats.Left)
	if !may(func() { a.state.Store(shown) }) {
		w.info = FileInfo{}
		if err := errors.Join(os.Remove(path), syncDirectory(filepath.Dir(path))); err != nil {
			return fmt.Errorf("give the file up: %w", err)
		}
		return ErrGivenUp
	}
	f.file.Close() // all is on disk
	f.file = nil
	a.sequence++
	return nil
}

// freeName returns the first path that does not exist yet. Only the owner of the lock makes files.
func freeName(directory string, time int64) (path string, t, n int64, err error) {
	for n := range int64(1 << 20) {
		name := strconv.FormatInt(time, 10)
		if n > 0 {
			name += "-" + strconv.FormatInt(n, 10)
		}
		path := filepath.Join(directory, name+fileSuffix)
		if _, err := os.Lstat(path); errors.Is(err, fs.ErrNotExist) {
			return path, time, n, nil
		} else if err != nil {
			return "", 0, 0, err
		}
	}
	return "", 0, 0, fmt.Errorf("there are too many files for the time %d", time)
}

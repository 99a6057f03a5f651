package checkpoint

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"syscall"
)

const (
	checkpointSuffix = ".checkpoint"
	segmentSuffix    = ".segment"
	temporarySuffix  = ".tmp"
	damagedSuffix    = ".damaged"
	lockName         = "LOCK"
	cleanName        = "CLEAN"
)

func fileName(id uint64, suffix string) string { return fmt.Sprintf("%016d%s", id, suffix) }

// fileID returns the ID of a file with the suffix.
func fileID(name, suffix string) (id uint64, ok bool) {
	digits, ok := strings.CutSuffix(name, suffix)
	if !ok || len(digits) != 16 {
		return 0, false
	}
	if _, err := fmt.Sscanf(digits, "%d", &id); err != nil || fileName(id, suffix) != name {
		return 0, false
	}
	return id, true
}

// An output is flushed to the disk each time that so many bytes were written. So little is left
// to wait for at the end, and writes of the log to the same disk do not wait for all of it.
const syncBytes = 8 << 20

// output is a new file, which has a temporary name until it is complete.
type output struct {
	path string // when complete
	file *os.File
	buf  *bufio.Writer
	size int64
	sent int64 // bytes that were flushed to the disk
}

// createOutput creates the file under its temporary name and writes the header.
func createOutput(path string, kind byte) (*output, error) {
	file, err := os.OpenFile(path+temporarySuffix, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, err
	}
	o := &output{path: path, file: file, buf: bufio.NewWriterSize(file, 1<<18)}
	if err := o.write(fileHeader(kind)); err != nil {
		o.discard()
		return nil, err
	}
	return o, nil
}

func (o *output) write(parts ...[]byte) error {
	for _, p := range parts {
		if _, err := o.buf.Write(p); err != nil {
			return err
		}
		o.size += int64(len(p))
	}
	if o.size-o.sent >= syncBytes {
		return o.sync()
	}
	return nil
}

func (o *output) sync() error {
	o.sent = o.size
	if err := o.buf.Flush(); err != nil {
		return err
	}
	return o.file.Sync()
}

// complete flushes the file and gives it its name. The caller syncs the directory.
func (o *output) complete() error {
	if err := o.sync(); err != nil {
		return err
	}
	if err := o.file.Close(); err != nil {
		return err
	}
	return os.Rename(o.path+temporarySuffix, o.path)
}

// discard removes the file, under whichever name it has.
func (o *output) discard() {
	_ = o.file.Close()
	_ = os.Remove(o.path + temporarySuffix)
	_ = os.Remove(o.path)
}

// syncDir makes the names in a directory durable.
func syncDir(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	defer d.Close()
	return d.Sync()
}

// lockedError says that another process has locked the directory.
type lockedError struct{ owner string }

func (e *lockedError) Error() string {
	return "it is in use by another process (pid " + e.owner + "): stop that one, or give this one a directory of its own (metric-store.checkpoints.directory)"
}

// lockDir locks the directory for this process, until the file is closed or the process ends.
func lockDir(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 32)) // for the message alone
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &lockedError{strings.TrimSpace(string(owner))}
		}
		return nil, err
	}
	// The text has a fixed length and overwrites the old one: closing a file that was
	// truncated would wait for the disk. The lock holds even if the disk has no room for it.
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-20d\n", os.Getpid()), 0)
	return f, nil
}

// remove removes a file. It is no error if there is none.
func remove(path string) error {
	if err := os.Remove(path); err != nil && !errors.Is(err, fs.ErrNotExist) {
		return err
	}
	return nil
}

// openFile opens a regular file, and nothing else: opening a pipe could block for ever.
func openFile(path string) (*os.File, error) {
	info, err := os.Stat(path)
	if err == nil && !info.Mode().IsRegular() {
		err = fmt.Errorf("%s is not a regular file: %w", path, ErrDamaged)
	}
	if err != nil {
		return nil, err
	}
	return os.Open(path)
}

package archive

import (
	"crypto/sha256"
	"errors"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"syscall"
)

const (
	fileSuffix    = ".parquet"
	partialSuffix = ".parquet.partial"
	lockName      = "LOCK"
	// maxDirectory bounds the name of a cluster's directory, in bytes. File systems take 255.
	maxDirectory = 200
)

// escapeName makes the name of a directory from that of a cluster: bytes other than letters, digits, '.',
// '_' and '-', and a dot at the beginning, become % and two hexadecimal digits, and the empty name a
// single %. Of what is longer than maxDirectory after that, the end becomes %% and a hash of the name.
func escapeName(name string) string {
	if name == "" {
		return "%"
	}
	escaped := escapeBytes(name)
	if len(escaped) > maxDirectory {
		sum := sha256.Sum256([]byte(name))
		escaped = fmt.Sprintf("%s%%%%%x", escaped[:maxDirectory-34], sum[:16])
	}
	return escaped
}

func escapeBytes(name string) string {
	var b strings.Builder
	for i := range len(name) {
		c := name[i]
		isPlain := c >= 'a' && c <= 'z' || c >= 'A' && c <= 'Z' || c >= '0' && c <= '9' || c == '_' || c == '-' || c == '.' && i > 0
		if isPlain {
			b.WriteByte(c)
		} else {
			fmt.Fprintf(&b, "%%%02X", c)
		}
	}
	return b.String()
}

// unescapeName is the cluster that a directory is called after, for files that do not say it. What escapeName
// does not write stays as it is.
func unescapeName(name string) string {
	if name == "%" {
		return ""
	}
	var b strings.Builder
	for i := 0; i < len(name); i++ {
		if name[i] == '%' && i+2 < len(name) {
			if c, err := strconv.ParseUint(name[i+1:i+3], 16, 8); err == nil {
				b.WriteByte(byte(c))
				i += 2
				continue
			}
		}
		b.WriteByte(name[i])
	}
	return b.String()
}

// parseName returns the time and the number in the name of a file.
func parseName(name string) (time, number int64, ok bool) {
	name, ok = strings.CutSuffix(name, fileSuffix)
	if !ok {
		return 0, 0, false
	}
	if time, err := strconv.ParseInt(name, 10, 64); err == nil {
		return time, 0, true
	}
	i := strings.LastIndexByte(name, '-')
	if i < 0 {
		return 0, 0, false
	}
	time, err := strconv.ParseInt(name[:i], 10, 64)
	number, err2 := strconv.ParseInt(name[i+1:], 10, 64)
	return time, number, err == nil && err2 == nil && number > 0
}

// LockedError says that another process has the directory.
type LockedError struct{ Process string }

func (e *LockedError) Error() string {
	return fmt.Sprintf("it is in use by the process %s: stop that, or choose another directory", e.Process)
}

// lockDirectory locks the directory for this process until the file is closed.
func lockDirectory(path string) (*os.File, error) {
	f, err := os.OpenFile(filepath.Join(path, lockName), os.O_RDWR|os.O_CREATE, 0o640)
	if err != nil {
		return nil, err
	}
	if err := syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB); err != nil {
		owner, _ := io.ReadAll(io.LimitReader(f, 32)) // for the message alone
		f.Close()
		if errors.Is(err, syscall.EWOULDBLOCK) {
			return nil, &LockedError{strings.TrimSpace(string(owner))}
		}
		return nil, fmt.Errorf("lock it: %w", err)
	}
	// The text has a fixed length, so that nothing is truncated. The lock holds without it.
	_, _ = f.WriteAt(fmt.Appendf(nil, "%-20d\n", os.Getpid()), 0)
	return f, nil
}

// keepLock makes sure that the directory is still the one that is locked. One that somebody has removed, or emptied, is made
// and locked anew. On another file system than before it is not: the right one is away then, and what is written below
// the place where it was would be hidden when it is back. a.mu is held.
func (a *Archive) keepLock() error {
	locked, err := a.lock.Stat()
	if err != nil {
		return err
	}
	if now, err := os.Stat(filepath.Join(a.directory, lockName)); err == nil && os.SameFile(now, locked) {
		return nil
	}
	if err := os.MkdirAll(a.directory, 0o750); err != nil {
		return err
	}
	now, err := os.Stat(a.directory)
	if err != nil {
		return err
	}
	if device(now) != device(locked) {
		return errors.New("it is not on the file system that it was on at the start: see whether that is mounted; if it is to be here, start this program again")
	}
	lock, err := lockDirectory(a.directory)
	if err != nil {
		return err
	}
	a.lock.Close()
	a.lock = lock
	return nil
}

// device is the file system that a file is on.
func device(info os.FileInfo) uint64 { return uint64(info.Sys().(*syscall.Stat_t).Dev) }

func syncDirectory(path string) error {
	d, err := os.Open(path)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

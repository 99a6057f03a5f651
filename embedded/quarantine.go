package embedded

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"time"
)

// quarantineName is the directory for files that the server cannot run with. This
// program never reads or removes anything in it.
const quarantineName = "quarantine"

// quarantine moves a file or directory into the quarantine, because the server or its
// stream does not start with it, and tells the operator.
func (s *Server) quarantine(path, why string) error {
	to, err := s.quarantinePath(path)
	if err == nil {
		err = os.Rename(path, to)
	}
	if err != nil {
		return fmt.Errorf("set %s aside, as %s: %w", path, why, err)
	}
	s.cfg.Logger.Error("set aside what keeps the embedded log from working; look at it and remove it", "path", path, "why", why, "now", to)
	return nil
}

// quarantinePath returns an unused path in the quarantine for the file or directory at path.
func (s *Server) quarantinePath(path string) (string, error) {
	dir := filepath.Join(s.cfg.Directory, quarantineName)
	for n := 2; exists(dir) && !isDir(dir); n++ {
		dir = filepath.Join(s.cfg.Directory, fmt.Sprint(quarantineName, n))
	}
	if err := os.MkdirAll(dir, 0o750); err != nil {
		return "", err
	}
	// The name says where it was, as blocks of all streams have the same names.
	name := filepath.Base(path)
	if parent := filepath.Base(filepath.Dir(path)); parent == messagesName || parent == consumersName {
		name = filepath.Base(filepath.Dir(filepath.Dir(path))) + "-" + parent + "-" + name
	} else if _, ours := s.ourStream(parent); ours {
		name = parent + "-" + name
	}
	to := filepath.Join(dir, name+"-"+time.Now().UTC().Format("20060102T150405"))
	for n := 2; exists(to); n++ {
		to = fmt.Sprint(filepath.Join(dir, name+"-"+time.Now().UTC().Format("20060102T150405")), "-", n)
	}
	return to, nil
}

// needDir quarantines whatever is at the path if it is no directory.
func (s *Server) needDir(path string) error {
	if !exists(path) || isDir(path) {
		return nil
	}
	return s.quarantine(path, "it is not a directory")
}

// needFile quarantines whatever is at the path if it is no regular file.
func (s *Server) needFile(path string) error {
	info, err := os.Stat(path)
	if err == nil && info.Mode().IsRegular() || !exists(path) {
		return nil
	}
	return s.quarantine(path, "it is not a regular file")
}

// mostText bounds the small files that are read whole.
const mostText = 16 << 20

// readText reads a small regular file. It does not open anything else: a pipe could block it for
// ever.
func readText(path string) ([]byte, error) {
	info, err := os.Stat(path)
	switch {
	case err != nil:
		return nil, err
	case !info.Mode().IsRegular():
		return nil, fmt.Errorf("%s %w", path, errNoFile)
	case info.Size() > mostText:
		return nil, fmt.Errorf("%s has %d bytes: it %w", path, info.Size(), errNoFile)
	}
	return os.ReadFile(path)
}

// errNoFile is wrapped by the errors of what readText does not read.
var errNoFile = errors.New("is not a small regular file")

package main

import (
	"bufio"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"strconv"
	"strings"
	"time"

	"cc-metric-store/ingest/original"
)

// importStateName is a file beside our checkpoints, in the directory that has the files of the
// original as well. It has a line for each thing that happened:
//
//	cc-metric-store import 1
//	started <Unix seconds>
//	imported <size> <time of the change, Unix nanoseconds> <quoted path>
//	complete
//
// It is appended to, and synced, when the samples of a file are in the log. A line that is not
// whole counts as none.
const (
	importStateName = "IMPORTED"
	importStateHead = "cc-metric-store import 1"
	// maxStateLine bounds a line.
	maxStateLine = 64 << 10
)

// importState is what is known of an import that a start began. A nil one knows of nothing and
// records nothing. It is used by one goroutine at a time.
type importState struct {
	path     string
	started  time.Time // of the first start
	complete bool
	imported map[string]bool // by a line of the file
}

// readImportState returns nil if no import has begun.
func readImportState(dir string) (*importState, error) {
	s := &importState{path: filepath.Join(dir, importStateName), imported: map[string]bool{}}
	f, err := os.Open(s.path)
	if errors.Is(err, fs.ErrNotExist) {
		return nil, nil
	}
	if err != nil {
		return nil, err
	}
	defer f.Close()
	lines := bufio.NewReaderSize(f, maxStateLine)
	for n := 0; ; n++ {
		line, err := lines.ReadSlice('\n')
		if errors.Is(err, io.EOF) {
			break
		}
		if err != nil {
			return nil, fmt.Errorf("read %s: %w", s.path, err)
		}
		if err := s.take(strings.TrimSuffix(string(line), "\n"), n == 0); err != nil {
			return nil, fmt.Errorf("read %s: line %d: %w", s.path, n+1, err)
		}
	}
	if s.started.IsZero() {
		return nil, nil // it was not written to its end: nothing has begun
	}
	return s, nil
}

func (s *importState) take(line string, first bool) error {
	word, rest, _ := strings.Cut(line, " ")
	switch {
	case first:
		if line != importStateHead {
			return fmt.Errorf("there is %.50q and not %q", line, importStateHead)
		}
	case word == "started":
		seconds, err := strconv.ParseInt(rest, 10, 64)
		if err != nil {
			return err
		}
		s.started = time.Unix(seconds, 0)
	case word == "imported":
		s.imported[rest] = true
	case word == "complete":
		s.complete = true
	}
	return nil
}

// beginImportState records that an import begins now.
func beginImportState(dir string) (*importState, error) {
	s := &importState{path: filepath.Join(dir, importStateName), started: time.Unix(time.Now().Unix(), 0), imported: map[string]bool{}}
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE|os.O_TRUNC, 0o640)
	if err != nil {
		return nil, err
	}
	_, err = fmt.Fprintf(f, "%s\nstarted %d\n", importStateHead, s.started.Unix())
	if err = errors.Join(err, f.Sync(), f.Close()); err != nil {
		return nil, err
	}
	return s, syncDirectory(dir)
}

func syncDirectory(dir string) error {
	d, err := os.Open(dir)
	if err != nil {
		return err
	}
	return errors.Join(d.Sync(), d.Close())
}

// key is what a file is known by: one that has changed since is another one.
func (s *importState) key(f original.File) string {
	path, err := filepath.Rel(filepath.Dir(s.path), f.Path)
	if err != nil {
		path = f.Path
	}
	return fmt.Sprintf("%d %d %q", f.Size, f.Modified.UnixNano(), path)
}

// without returns the files that were not imported.
func (s *importState) without(files []original.File) []original.File {
	if s == nil {
		return files
	}
	var left []original.File
	for _, f := range files {
		if !s.imported[s.key(f)] {
			left = append(left, f)
		}
	}
	return left
}

// record records that all samples of the files are in the log.
func (s *importState) record(files []original.File) error {
	if s == nil || len(files) == 0 {
		return nil
	}
	var b strings.Builder
	for _, f := range files {
		fmt.Fprintf(&b, "imported %s\n", s.key(f))
	}
	return s.append(b.String())
}

// end records that everything was imported.
func (s *importState) end() error {
	if s == nil {
		return nil
	}
	s.complete = true
	return s.append("complete\n")
}

func (s *importState) append(lines string) error {
	f, err := os.OpenFile(s.path, os.O_WRONLY|os.O_CREATE|os.O_APPEND, 0o640)
	if err != nil {
		return fmt.Errorf("record what was imported: %w", err)
	}
	// What a crash has left of a line ends here.
	_, err = f.WriteString("\n" + lines)
	return errors.Join(err, f.Sync(), f.Close())
}

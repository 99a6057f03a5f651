package archive

import (
	"errors"
	"fmt"
	"os"
	"path/filepath"
	"strings"
)

// maxTime bounds times in files, in Unix seconds: some ten thousand years.
const maxTime = 1 << 38

// load finds the files of all clusters.
func (a *Archive) load() error {
	if a.readOnly {
		return a.loadAll()
	}
	found, err := findFiles(a.directory, true)
	if err != nil {
		return err
	}
	var files []*file
	left := int64(0)
	for _, path := range found {
		f, err := inspectOne(path)
		if _, _, ok := parseName(filepath.Base(path)); err == nil && !ok {
			err = errors.New("its name is not a time: call it <Unix seconds>.parquet")
		}
		if err != nil {
			left++
			a.logger.Warn("leave a file of the archive out", "error", fmt.Errorf("read archive file %s: %w", path, err))
			continue
		}
		if f != nil {
			a.sequence = max(a.sequence, f.sequence)
			files = append(files, f)
		}
	}
	a.state.Store(newState(files, left))
	return nil
}

// loadAll finds all files that can be read, of whatever name, in the directory or at the path.
func (a *Archive) loadAll() error {
	if _, err := os.Stat(a.directory); err != nil {
		return err
	}
	files, faults := listFiles(a.directory)
	for _, err := range faults {
		a.logger.Warn("leave a file of the archive out", "error", err)
	}
	a.state.Store(newState(files, int64(len(faults))))
	return nil
}

// findFiles returns the paths of all files in the directories of an archive. If it is ours, it removes
// what a crash has left incomplete.
func findFiles(directory string, isOurs bool) ([]string, error) {
	clusters, err := os.ReadDir(directory)
	if err != nil {
		return nil, err
	}
	var paths []string
	for _, c := range clusters {
		inside := filepath.Join(directory, c.Name())
		if info, err := os.Stat(inside); err != nil || !info.IsDir() {
			if !isOurs && strings.HasSuffix(inside, fileSuffix) { // the directory of one cluster
				paths = append(paths, inside)
			}
			continue
		}
		entries, err := os.ReadDir(inside)
		if err != nil {
			return nil, err
		}
		for _, e := range entries {
			path := filepath.Join(inside, e.Name())
			if strings.HasSuffix(e.Name(), partialSuffix) && isOurs {
				if err := os.Remove(path); err != nil {
					return nil, fmt.Errorf("remove an incomplete file: %w", err)
				}
			} else if strings.HasSuffix(e.Name(), fileSuffix) {
				paths = append(paths, path)
			}
		}
	}
	return paths, nil
}

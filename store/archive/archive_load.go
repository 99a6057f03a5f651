package archive

import (
	"errors"
	"fmt"
	"io/fs"
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
	found, faults, err := findFiles(a.directory, true)
	if err != nil {
		return err
	}
	for _, fault := range faults {
		a.logger.Warn("leave a part of the archive out", "error", fault)
	}
	var files []*file
	left := int64(len(faults))
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

// lostAndFound is what a file system of its own has beside the clusters, for its owner alone.
const lostAndFound = "lost+found"

// findFiles returns the paths of all files in the directories of an archive, and what keeps it from some. If
// it is ours, it removes what a crash has left incomplete.
func findFiles(directory string, isOurs bool) (paths []string, faults []error, err error) {
	clusters, err := os.ReadDir(directory)
	if err != nil {
		return nil, nil, err
	}
	for _, c := range clusters {
		inside := filepath.Join(directory, c.Name())
		if info, err := os.Stat(inside); err != nil || !info.IsDir() || c.Name() == lostAndFound {
			if !isOurs && strings.HasSuffix(inside, fileSuffix) { // the directory of one cluster
				paths = append(paths, inside)
			}
			continue
		}
		entries, err := os.ReadDir(inside)
		if errors.Is(err, fs.ErrPermission) {
			faults = append(faults, fmt.Errorf("find files: %w", err))
			continue
		}
		if err != nil {
			return nil, nil, err
		}
		for _, e := range entries {
			path := filepath.Join(inside, e.Name())
			if strings.HasSuffix(e.Name(), partialSuffix) && isOurs {
				if err := os.Remove(path); err != nil {
					faults = append(faults, fmt.Errorf("remove an incomplete file: %w", err))
				}
			} else if strings.HasSuffix(e.Name(), fileSuffix) {
				paths = append(paths, path)
			}
		}
	}
	return paths, faults, nil
}

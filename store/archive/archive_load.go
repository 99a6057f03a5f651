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
		f, err := inspect(path)
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

// inspect reads what a file holds. It returns nil for a file without rows.
func inspect(path string) (f *file, err error) {
	defer func() {
		if p := recover(); p != nil {
			err = fmt.Errorf("it is damaged: %v", p)
		}
	}()
	open, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer open.file.Close()
	m := open.meta
	if m.rows == 0 {
		return nil, nil
	}
	f = &file{sequence: m.sequence}
	f.info = FileInfo{Path: path, Rows: m.rows, Bytes: m.size, Hosts: m.hosts, Foreign: m.version == 0}
	f.time, f.number, _ = parseName(filepath.Base(path))
	f.info.Cluster = unescapeName(filepath.Base(filepath.Dir(path)))
	isFirst := true
	for i := range m.groups {
		g := &m.groups[i]
		if g.rows == 0 {
			continue
		}
		times, cluster, hosts := g.chunks[columnTimestamp].bounds, g.chunks[columnCluster].bounds, g.chunks[columnHost].bounds
		if !times.known {
			return nil, errors.New("it does not say from when its samples are, in statistics of the column timestamp")
		}
		if intervals := g.chunks[columnFrequency].bounds; intervals.known {
			f.longest = max(f.longest, m.int(columnFrequency, intervals.max))
		}
		first, last := m.int(columnTimestamp, times.min), m.int(columnTimestamp, times.max)
		if first < -maxTime || last > maxTime {
			return nil, fmt.Errorf("it claims to have samples from %d to %d: it is damaged, or these are no seconds", first, last)
		}
		if isFirst && cluster.known {
			f.info.Cluster = cluster.min
		}
		if cluster.known && (cluster.min != cluster.max || cluster.min != f.info.Cluster) {
			return nil, fmt.Errorf("it has samples of more than one cluster, %.100q and %.100q: write a file for each", f.info.Cluster, cluster.max)
		}
		if isFirst {
			f.info.First, f.info.Last, f.hosts = first, last, hosts
			isFirst = false
			continue
		}
		f.info.First, f.info.Last = min(f.info.First, first), max(f.info.Last, last)
		f.hosts.known = f.hosts.known && hosts.known
		f.hosts.min, f.hosts.max = min(f.hosts.min, hosts.min), max(f.hosts.max, hosts.max)
	}
	return f, nil
}

package archive

import (
	"errors"
	"fmt"
	"path/filepath"

	"github.com/parquet-go/parquet-go/format"
)

// inspectOne reads what a file of one cluster holds. It returns nil for a file without rows.
func inspectOne(path string) (*file, error) {
	files, err := inspect(path)
	switch {
	case err != nil || len(files) == 0:
		return nil, err
	case len(files) > 1:
		return nil, severalClusters(files[0].info.Cluster, files[1].info.Cluster)
	}
	return files[0], nil
}

func severalClusters(a, b string) error {
	return fmt.Errorf("it has samples of more than one cluster, %.100q and %.100q: write a file for each", a, b)
}

// inspect reads what a file holds: one file for each cluster, of which several are only in those that
// Create has made. It returns none for a file without rows.
func inspect(path string) (files []*file, err error) {
	defer func() {
		if p := recover(); p != nil {
			files, err = nil, fmt.Errorf("it is damaged: %v", p)
		}
	}()
	open, err := openFile(path)
	if err != nil {
		return nil, err
	}
	defer open.file.Close()
	m := open.meta
	var f *file
	for i := range m.groups {
		g := &m.groups[i]
		if g.rows == 0 {
			continue
		}
		name := unescapeName(filepath.Base(filepath.Dir(path)))
		if f != nil {
			name = f.info.Cluster
		}
		times, cluster, hosts := g.chunks[columnTimestamp].bounds, g.chunks[columnCluster].bounds, g.chunks[columnHost].bounds
		if !times.known {
			return nil, errors.New("it does not say from when its samples are, in statistics of the column timestamp")
		}
		first, last := m.int(columnTimestamp, times.min), m.int(columnTimestamp, times.max)
		if first < -maxTime || last > maxTime {
			return nil, fmt.Errorf("it claims to have samples from %d to %d: it is damaged, or these are no seconds", first, last)
		}
		if cluster.known {
			if name = cluster.min; name != cluster.max {
				return nil, severalClusters(name, cluster.max)
			}
		}
		if f == nil || f.info.Cluster != name {
			if f != nil && (f.info.Cluster > name || m.version == 0) {
				return nil, severalClusters(f.info.Cluster, name)
			}
			f = m.newFile(path, name)
			f.info.First, f.info.Last, f.hosts = first, last, hosts
			files = append(files, f)
		} else {
			f.info.First, f.info.Last = min(f.info.First, first), max(f.info.Last, last)
			f.hosts.known = f.hosts.known && hosts.known
			f.hosts.min, f.hosts.max = min(f.hosts.min, hosts.min), max(f.hosts.max, hosts.max)
		}
		if intervals := g.chunks[columnFrequency].bounds; intervals.known {
			f.longest = max(f.longest, m.int(columnFrequency, intervals.max))
		}
		f.info.Rows += g.rows
		f.info.Bytes += g.size()
	}
	m.share(files)
	return files, nil
}

func (m *fileMeta) newFile(path, cluster string) *file {
	f := &file{sequence: m.sequence}
	f.info = FileInfo{Path: path, Cluster: cluster, Foreign: m.version == 0, Single: m.types[columnValue] == format.Float}
	f.time, f.number, _ = parseName(filepath.Base(path))
	return f
}

// size is what the pages of a row group take.
func (g *groupMeta) size() (size int64) {
	for c := range g.chunks {
		size += g.chunks[c].end - g.chunks[c].start
	}
	return size
}

// share says what the clusters of a file have of its bytes and hosts.
func (m *fileMeta) share(files []*file) {
	if len(files) == 1 {
		files[0].info.Bytes, files[0].info.Hosts = m.size, m.hosts
		return
	}
	left := m.size
	for _, f := range files {
		f.isShared = true
		left -= f.info.Bytes
	}
	if len(files) > 0 {
		files[0].info.Bytes += max(left, 0) // the page index and the footer
	}
}

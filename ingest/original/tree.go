package original

import (
	"context"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"os"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"time"
)

const (
	// maxHosts bounds the hosts of a tree: the store takes as many.
	maxHosts = 400_000
	// maxEntries bounds the entries of a directory that are looked at.
	maxEntries = 200_000
)

// Tree is what was found in a directory.
type Tree struct {
	Dir   string
	Hosts []Host // by cluster and name
	// Archives are the Parquet files, by their path.
	Archives []File
	Files    int
	Bytes    int64

	ignored list
	failed  list // directories
}

// Host is a host with its files.
type Host struct {
	Cluster, Name string
	Dir           string
	// Unclear says that a name is missing in its path: that of the host or of the cluster.
	Unclear bool
}

// File is a file of a host.
type File struct {
	Path     string
	Kind     Kind
	Time     int64 // Unix seconds, of a snapshot: by its name
	Size     int64
	Modified time.Time
}

// Find looks for the files of the original in a directory: that of its checkpoints or of its archive, or one
// that has them as its directories "checkpoints" and "archive". It fails if the directory cannot be read or is one of
// a cluster or a host, and with the error of ctx.
func Find(ctx context.Context, dir string) (*Tree, error) {
	t := &Tree{Dir: dir}
	entries, err := readDir(dir)
	if err != nil {
		return nil, fmt.Errorf("look for files of ClusterCockpit's metric store: %w", err)
	}
	roots := []string{dir}
	if slices.ContainsFunc(entries, func(e fs.DirEntry) bool { return e.Name() == "checkpoints" && isDir(dir, e) }) {
		roots = []string{filepath.Join(dir, "checkpoints")}
		for _, e := range entries {
			switch {
			case e.Name() == "checkpoints":
			case e.Name() == "archive" && isDir(dir, e):
				roots = append(roots, filepath.Join(dir, "archive"))
			default:
				t.ignore(filepath.Join(dir, e.Name()), isDir(dir, e))
			}
		}
	}
	for _, root := range roots {
		if err := t.findClusters(ctx, root); err != nil {
			return nil, err
		}
	}
	if len(t.Hosts) > 0 && !slices.ContainsFunc(t.Hosts, func(h Host) bool { return !h.Unclear }) {
		return nil, fmt.Errorf("look for files of ClusterCockpit's metric store in %s: they are not in CLUSTER/HOST below it: give the directory that has the clusters in it", dir)
	}
	slices.SortFunc(t.Hosts, func(a, b Host) int { return strings.Compare(a.Dir, b.Dir) })
	return t, nil
}

func (t *Tree) findClusters(ctx context.Context, root string) error {
	var nameless []File
	for _, cluster := range t.list(root) {
		path := filepath.Join(root, cluster.Name())
		if !isDir(root, cluster) {
			// Others are not noted: our own checkpoints may be there.
			if f, ok := newFile(root, cluster); ok {
				if f.Kind != Parquet {
					nameless = append(nameless, f)
				}
			}
			continue
		}
		var own []File // in the directory of the cluster itself
		for _, host := range t.list(path) {
			if err := ctx.Err(); err != nil {
				return err
			}
			below := filepath.Join(path, host.Name())
			if !isDir(path, host) {
				if f, ok := newFile(path, host); ok && f.Kind == Parquet {
					t.Archives = append(t.Archives, f)
					t.Files++
					t.Bytes += f.Size
				} else if ok {
					own = append(own, f)
				} else {
					t.ignore(below, false)
				}
				continue
			}
			files, _ := t.filesOf(below, true)
			if err := t.addHost(Host{Cluster: cluster.Name(), Name: host.Name(), Dir: below}, files); err != nil {
				return err
			}
		}
		if err := t.addHost(Host{Cluster: cluster.Name(), Dir: path, Unclear: true}, own); err != nil {
			return err
		}
	}
	return t.addHost(Host{Dir: root, Unclear: true}, nameless)
}

func (t *Tree) addHost(h Host, files []File) error {
	if len(files) == 0 {
		return nil
	}
	if len(t.Hosts) == maxHosts {
		return fmt.Errorf("look for files of ClusterCockpit's metric store in %s: there are more than %d hosts: import one cluster after the other", t.Dir, maxHosts)
	}
	t.Hosts = append(t.Hosts, h)
	t.Files += len(files)
	for _, f := range files {
		t.Bytes += f.Size
	}
	return nil
}

// Files returns the files of a host in the order in which they count: the snapshots by their
// time, then what was written since. The later one counts where two have the same slot.
func (h Host) Files() ([]File, error) {
	var t Tree
	files, err := t.filesOf(h.Dir, false)
	return files, err
}

// newer returns the snapshots that are later than all of these files.
func (h Host) newer(files []File) []File {
	latest := int64(-1)
	for _, f := range files {
		if f.Kind != WAL {
			latest = max(latest, f.Time)
		}
	}
	all, err := h.Files()
	if err != nil {
		return nil // the directory went, after its files were read
	}
	return slices.DeleteFunc(all, func(f File) bool { return f.Kind == WAL || f.Time <= latest })
}

// filesOf lists the files of a directory, and notes the others if it is to.
func (t *Tree) filesOf(dir string, note bool) (files []File, err error) {
	entries, err := readDir(dir)
	if err != nil {
		t.failed.add(err.Error())
		return nil, err
	}
	for _, e := range entries {
		if f, ok := newFile(dir, e); ok && f.Kind != Parquet {
			files = append(files, f)
		} else if note {
			t.ignore(filepath.Join(dir, e.Name()), isDir(dir, e))
		}
	}
	slices.SortFunc(files, func(a, b File) int {
		switch {
		case (a.Kind == WAL) != (b.Kind == WAL):
			return int(a.Kind) - int(b.Kind)
		case a.Time < b.Time:
			return -1
		case a.Time > b.Time:
			return 1
		}
		return int(a.Kind) - int(b.Kind) // the more exact one is the later one
	})
	return files, nil
}

// IsCheckpoint reports whether a file has the name of a checkpoint of the original.
func IsCheckpoint(name string) bool {
	if name == "current.wal" {
		return true
	}
	suffix := filepath.Ext(name)
	_, err := strconv.ParseUint(strings.TrimSuffix(name, suffix), 10, 63)
	return err == nil && (suffix == ".json" || suffix == ".bin")
}

// newFile returns false for what is no file of samples. What is no regular file is not opened.
func newFile(dir string, e fs.DirEntry) (f File, ok bool) {
	f.Path = filepath.Join(dir, e.Name())
	name, suffix := e.Name(), filepath.Ext(e.Name())
	switch {
	case name == "current.wal":
		f.Kind = WAL
	case suffix == ".json":
		f.Kind = JSON
	case suffix == ".bin":
		f.Kind = Binary
	case suffix == ".parquet":
		f.Kind = Parquet
	default:
		return f, false
	}
	if f.Kind == JSON || f.Kind == Binary {
		var err error
		if f.Time, err = strconv.ParseInt(strings.TrimSuffix(name, suffix), 10, 64); err != nil || f.Time < 0 || f.Time > maxTime {
			return f, false
		}
	}
	info, err := os.Stat(f.Path)
	if err != nil || !info.Mode().IsRegular() {
		return f, false
	}
	f.Size, f.Modified = info.Size(), info.ModTime()
	return f, true
}

// ignore notes what is not read.
func (t *Tree) ignore(path string, dir bool) {
	if dir {
		path += string(filepath.Separator)
	}
	t.ignored.add(path)
}

// list returns the entries of a directory, and notes if it cannot be read.
func (t *Tree) list(dir string) []fs.DirEntry {
	entries, err := readDir(dir)
	if err != nil {
		t.failed.add(err.Error())
	}
	return entries
}

// readDir returns the entries of a directory, by name. More than maxEntries are an error.
func readDir(path string) ([]fs.DirEntry, error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, err
	}
	defer f.Close()
	entries, err := f.ReadDir(maxEntries + 1)
	if err != nil && !errors.Is(err, io.EOF) {
		return nil, err
	}
	if len(entries) > maxEntries {
		return nil, fmt.Errorf("read %s: it has more than %d entries", path, maxEntries)
	}
	slices.SortFunc(entries, func(a, b fs.DirEntry) int { return strings.Compare(a.Name(), b.Name()) })
	return entries, nil
}

// isDir follows links.
func isDir(dir string, e fs.DirEntry) bool {
	if e.Type()&fs.ModeSymlink == 0 {
		return e.IsDir()
	}
	info, err := os.Stat(filepath.Join(dir, e.Name()))
	return err == nil && info.IsDir()
}

package checkpoint

import (
	"io/fs"
	"path/filepath"
	"regexp"
	"strings"
)

const (
	// foreignDepth is the largest depth of a file: cluster, host, perhaps an interval, file.
	foreignDepth = 4
	// foreignLooks bounds the entries of directories that are read, and so the time.
	foreignLooks = 200_000
)

// Foreign describes files of the metric store of ClusterCockpit.
type Foreign struct {
	// Hosts is how many hosts have such files. Complete says that all were counted.
	Hosts    int
	Complete bool
	// Example is one of the files.
	Example string
}

// Foreign looks for files of ClusterCockpit's metric store, which has the same default
// directory. It does not look beside files of ours: then this is not the first start.
func (d *Dir) Foreign() Foreign {
	f := Foreign{Complete: true}
	if d.next > 1 {
		return f
	}
	name := regexp.MustCompile(`^([0-9]+(_[0-9]+)?\.(json|bin|avro)|current\.wal)$`)
	looks := 0
	// Directories that cannot be read are skipped.
	_ = filepath.WalkDir(d.path, func(path string, e fs.DirEntry, err error) error {
		if looks++; looks > foreignLooks {
			f.Complete = false
			return fs.SkipAll
		}
		if err != nil {
			return nil
		}
		below, _ := filepath.Rel(d.path, path)
		depth := strings.Count(below, string(filepath.Separator)) + 1
		if e.IsDir() {
			if depth >= foreignDepth {
				return fs.SkipDir
			}
			return nil
		}
		if depth < foreignDepth-1 || !name.MatchString(e.Name()) {
			return nil
		}
		if f.Hosts++; f.Example == "" {
			f.Example = path
		}
		return fs.SkipDir // the rest of the host's directory
	})
	return f
}

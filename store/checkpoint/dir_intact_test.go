package checkpoint

import (
	"os"
	"path/filepath"
	"reflect"
	"testing"
)

// TestGoneFiles removes files of a running program in each way: that is noticed, and
// the next checkpoint is whole.
func TestGoneFiles(t *testing.T) {
	for name, take := range map[string]func(t *testing.T, dir string) error{
		"directory": func(_ *testing.T, dir string) error { return os.RemoveAll(dir) },
		"parent":    func(_ *testing.T, dir string) error { return os.RemoveAll(filepath.Dir(dir)) },
		"renamed":   func(_ *testing.T, dir string) error { return os.Rename(dir, dir+".old") },
		"replaced": func(_ *testing.T, dir string) error {
			if err := os.Rename(dir, dir+".old"); err != nil {
				return err
			}
			return os.Mkdir(dir, 0o700)
		},
		"checkpoint": func(_ *testing.T, dir string) error {
			return os.Remove(filepath.Join(dir, fileName(1, checkpointSuffix)))
		},
		"segment": func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, fileName(1, segmentSuffix))) },
		"half a segment": func(_ *testing.T, dir string) error {
			path := filepath.Join(dir, fileName(1, segmentSuffix))
			info, err := os.Stat(path)
			if err != nil {
				return err
			}
			return os.Truncate(path, info.Size()/2)
		},
		"lock": func(_ *testing.T, dir string) error { return os.Remove(filepath.Join(dir, lockName)) },
	} {
		t.Run(name, func(t *testing.T) {
			dir := filepath.Join(t.TempDir(), "parent", "checkpoints")
			d := open(t, dir)
			host := smallHost("c", "h", 1)
			write(t, d, 1, host)
			if err := d.Intact(); err != nil {
				t.Fatal(err)
			}
			if err := take(t, dir); err != nil {
				t.Fatal(err)
			}
			if d.Intact() == nil {
				t.Fatal("nothing is missed")
			}
			out := write(t, d, 2, host)
			if err := d.Intact(); err != nil {
				t.Error(err)
			}
			contents, hosts, err := readAll(d, out.ID)
			if err != nil || len(contents.Lost) > 0 || !reflect.DeepEqual(hosts, []*Host{host}) {
				t.Error(err, contents.Lost)
			}
			if _, err := Open(dir); err == nil {
				t.Error("the directory is not locked")
			}
		})
	}
}

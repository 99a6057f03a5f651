package embedded

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestOverlongFiles: a file of the log says that it is larger than the memory. Its entries stay,
// and nothing tries to read the rest.
func TestOverlongFiles(t *testing.T) {
	site := makeSite(t)
	blocks, err := filepath.Glob(streamPath(site.crashed, "msgs", "*.blk"))
	if err != nil || len(blocks) == 0 {
		t.Fatal(blocks, err)
	}
	for i, path := range append(blocks, streamPath(site.crashed, "msgs", "999.blk"), streamPath(site.crashed, "msgs", indexName),
		streamPath(site.crashed, "meta.inf"), streamPath(site.crashed, "obs", "c", "meta.inf"), streamPath(site.crashed, "..", "OTHER", "meta.inf")) {
		t.Run(fmt.Sprint(i), func(t *testing.T) {
			dir := t.TempDir()
			copyDir(t, site.crashed, dir)
			rel, err := filepath.Rel(site.crashed, path)
			if err != nil {
				t.Fatal(err)
			}
			path := filepath.Join(dir, rel)
			if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
				t.Fatal(err)
			}
			f, err := os.OpenFile(path, os.O_CREATE|os.O_WRONLY, 0o600)
			if err == nil {
				err = f.Truncate(1 << 40)
			}
			if err != nil {
				t.Fatal(err)
			}
			if err := f.Close(); err != nil {
				t.Fatal(err)
			}
			s, _ := startLogged(t, dir)
			wantAll(t, s)
		})
	}
}

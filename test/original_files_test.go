package test

import (
	"os"
	"path/filepath"
	"testing"
)

// TestFilesOfTheOriginal: who comes from ClusterCockpit's metric store hears that
// its samples are not read. The files stay as they are.
func TestFilesOfTheOriginal(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	var files []string
	for _, name := range []string{"alex/a0101/1795631342.json", "alex/a0101/1795631367.json", "fritz/f0201/1795631342.bin", "fritz/f0201/current.wal"} {
		path := filepath.Join(dir, "var", "checkpoints", name)
		if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(path, []byte(name), 0o600); err != nil {
			t.Fatal(err)
		}
		files = append(files, path)
	}
	n := begin(t, launch{dir: dir, config: baseConfig()})
	n.awaitReady()
	n.wantLog("level=WARN", "ClusterCockpit's metric store", "not read", "metric-store.checkpoints.directory", dir+"/var/checkpoints", "hosts=2", "1795631342.json")
	n.write(ramp("a", 3))
	n.stop() // and writes a checkpoint
	n = n.restart()
	n.wantRamp("a", 3)
	if n.log.hasLine("level=WARN", "ClusterCockpit") {
		t.Error("the warning comes again when there are checkpoints")
	}
	for _, path := range files {
		if text, err := os.ReadFile(path); err != nil || filepath.Join(dir, "var", "checkpoints", string(text)) != path {
			t.Errorf("%s has changed: %q, %v", path, text, err)
		}
	}
}

package test

import (
	"bytes"
	"encoding/json"
	"fmt"
	"os"
	"os/exec"
	"path/filepath"
	"strings"
	"time"
)

// checkpointConfig has a checkpoint written each second.
func checkpointConfig(cfg object) object {
	section(cfg, "metric-store")["checkpoint-interval"] = "1s"
	return cfg
}

// checkpointFiles returns the files of the checkpoint directory whose name has
// the suffix, ascending.
func (n *node) checkpointFiles(suffix string) (paths []string) {
	dir := filepath.Join(n.launch.dir, "var/checkpoints")
	entries, _ := os.ReadDir(dir) // without a directory there are none
	for _, e := range entries {
		if strings.HasSuffix(e.Name(), suffix) {
			paths = append(paths, filepath.Join(dir, e.Name()))
		}
	}
	return paths
}

// newestFile returns the newest of them, empty if there is none.
func (n *node) newestFile(suffix string) string {
	paths := n.checkpointFiles(suffix)
	if len(paths) == 0 {
		return ""
	}
	return paths[len(paths)-1]
}

// awaitCheckpoint returns when a checkpoint holds all that is in the store now.
func (n *node) awaitCheckpoint() {
	n.t.Helper()
	now := time.Now()
	n.write(line("another", "cpu_load", 1, origin)) // else there may be nothing to write
	n.waitFor("a checkpoint", func() error {
		path := n.newestFile(".checkpoint")
		if path == "" {
			return fmt.Errorf("there is none")
		}
		dump, err := exec.Command(n.cmd.Path, "-dump", path).Output()
		if err != nil {
			return fmt.Errorf("dump %s: %w", path, err) // the one after it may have replaced it
		}
		var first struct{ Header struct{ Written time.Time } }
		if err := json.NewDecoder(bytes.NewReader(dump)).Decode(&first); err != nil {
			return fmt.Errorf("dump %s: %w", path, err)
		}
		if begun := first.Header.Written; begun.Before(now) {
			return fmt.Errorf("%s was begun at %v, before %v", path, begun, now)
		}
		return nil
	})
}

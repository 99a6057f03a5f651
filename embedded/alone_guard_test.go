package embedded

import (
	"io/fs"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats.go"
)

// tree returns the size and the time of each file that a server without a cluster has made.
func tree(t *testing.T, dir string) map[string]stamp {
	t.Helper()
	out := map[string]stamp{}
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil {
			return err
		}
		if path == filepath.Join(dir, ClusterName) {
			return filepath.SkipDir
		}
		if info, err := d.Info(); err == nil && !d.IsDir() && d.Name() != leftName {
			out[path] = stamp{info.Size(), info.ModTime().UnixNano()}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// TestLogOfATimeWithoutACluster: it is left behind only if all of it is kept elsewhere, and never
// touched.
func TestLogOfATimeWithoutACluster(t *testing.T) {
	site := makeSite(t)
	all := func(_ string, _ time.Time, last uint64) bool { return last <= messages }
	tests := []struct {
		name, dir string
		covered   func(string, time.Time, uint64) bool
		refusal   string // empty: it starts
	}{
		{"after a crash", site.crashed, all, "was not stopped in order"},
		{"no checkpoint", site.stopped, nil, "no checkpoint holds"},
		{"an older checkpoint", site.stopped, func(_ string, _ time.Time, last uint64) bool { return last < messages }, "no checkpoint holds"},
		{"all is in a checkpoint", site.stopped, all, ""},
		{"again, with other checkpoints", site.stopped, nil, ""},
	}
	cfg := clusterConfigs(t)[0]
	for _, test := range tests {
		before := tree(t, test.dir)
		cfg.Directory, cfg.Covered = test.dir, test.covered
		s, err := New(cfg)
		if err != nil {
			t.Fatal(err)
		}
		err = s.Start(t.Context())
		s.Stop()
		switch {
		case test.refusal == "" && err != nil:
			t.Errorf("%s: %v", test.name, err)
		case test.refusal != "" && (err == nil || !strings.Contains(err.Error(), test.refusal) || !strings.Contains(err.Error(), "start once without nats.embedded.cluster")):
			t.Errorf("%s: error %v, want %q", test.name, err, test.refusal)
		}
		after := tree(t, test.dir)
		if len(after) != len(before) {
			t.Errorf("%s: %d files, before %d", test.name, len(after), len(before))
		}
		for path, was := range before {
			if after[path] != was {
				t.Errorf("%s: %s is changed", test.name, path)
			}
		}
	}
	// The program runs without a cluster for a while, and takes more.
	alone, _ := startLogged(t, site.stopped)
	if _, err := connect(t, "", nats.InProcessServer(alone)).Publish(t.Context(), "s", message(messages)); err != nil {
		t.Fatal(err)
	}
	alone.Stop()
	cfg.Directory, cfg.Covered = site.stopped, all
	s, err := New(cfg)
	if err == nil {
		err = s.Start(t.Context())
	}
	if err == nil || !strings.Contains(err.Error(), "no checkpoint holds") {
		t.Errorf("what came since was left behind: %v", err)
	}
	// Nothing was there, or the directory is an empty one.
	cfg.Directory = t.TempDir()
	if err := os.Mkdir(filepath.Join(cfg.Directory, "jetstream"), 0o700); err != nil {
		t.Fatal(err)
	}
	start(t, cfg)
}

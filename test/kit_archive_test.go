package test

import (
	"fmt"
	"io/fs"
	"os"
	"path/filepath"
	"testing"

	"cc-metric-store/store/archive"
)

// archiving is the configuration with an archive. Nothing is older than the retention yet.
func archiving(cfg object) object {
	section(cfg, "metric-store")["cleanup"] = object{"mode": "archive", "directory": "archive"}
	return cfg
}

// forget restarts a node with a retention of a minute: a pass follows at once. It returns when
// memory is empty.
func (n *node) forget() *node {
	n.t.Helper()
	again := n.begin("1m")
	again.awaitReady()
	again.awaitEmpty()
	return again
}

// begin starts the node again, with another retention.
func (n *node) begin(retention string) *node {
	n.t.Helper()
	section(n.launch.config.(object), "metric-store")["retention-in-memory"] = retention
	return begin(n.t, n.launch)
}

func (n *node) awaitEmpty() {
	n.t.Helper()
	n.waitFor("all samples to leave memory", func() error {
		if held := n.metric("series"); held > 0 {
			return fmt.Errorf("%v series are in memory", held)
		}
		return nil
	})
}

// archivedSample names a sample in an archive.
type archivedSample struct {
	cluster, host, metric string
	part                  archive.Part
	time                  int64
}

// readArchive returns what all files of the node's archive hold. No sample may be there twice.
func (n *node) readArchive() map[archivedSample]float64 {
	n.t.Helper()
	all := map[archivedSample]float64{}
	twice := 0
	err := archive.Scan(n.t.Context(), filepath.Join(n.launch.dir, "archive"), archive.ScanSelection{}, func(cluster, host string, r *archive.Rows) error {
		for i, at := range r.Times {
			key := archivedSample{cluster, host, r.Metric, r.Part, at}
			if _, ok := all[key]; ok {
				twice++
			}
			all[key] = r.Values[i]
		}
		return nil
	})
	if err != nil {
		n.t.Fatal(err)
	}
	if twice > 0 {
		n.t.Errorf("%d samples are twice in the archive", twice)
	}
	return all
}

// archiveBytes returns the size of all files in the node's archive, also of those that are not
// finished.
func (n *node) archiveBytes() (size int64) {
	_ = filepath.WalkDir(filepath.Join(n.launch.dir, "archive"), func(_ string, e fs.DirEntry, err error) error {
		if err != nil || e.IsDir() {
			return nil // it may have been removed meanwhile
		}
		if info, err := e.Info(); err == nil {
			size += info.Size()
		}
		return nil
	})
	return size
}

// copyNode returns a node that is not started, with a copy of all files of one that has ended.
func copyNode(t *testing.T, n *node) *node {
	t.Helper()
	l := n.launch
	l.dir = t.TempDir()
	if err := os.CopyFS(l.dir, os.DirFS(n.launch.dir)); err != nil {
		t.Fatal(err)
	}
	return &node{t: t, launch: l}
}

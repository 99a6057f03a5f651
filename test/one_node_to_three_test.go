package test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
)

// TestFromOneNodeToThree: the log of a node without a cluster is never put at risk. A start with
// others refuses as long as it has what no checkpoint holds.
func TestFromOneNodeToThree(t *testing.T) {
	configs := clusterConfigs(t, nil)
	alone := checkpointConfig(baseConfig())
	n := start(t, alone)
	n.write(ramp("a", 50))
	dir := n.launch.dir
	n.kill()

	refused := run(t, launch{dir: dir, config: configs[0]})
	refused.wantExit(1, "start once without nats.embedded.cluster")

	n = begin(t, launch{dir: dir, config: alone})
	n.awaitReady()
	n.wantRamp("a", 50)
	n.stop()
	before := filesOf(t, filepath.Join(dir, "nats"))

	nodes := []*node{begin(t, launch{dir: dir, config: configs[0]})}
	// Without the others it is not ready, but answers from its checkpoint.
	nodes[0].waitFor("queries to be answered", func() error {
		if a := nodes[0].send("POST", "/api/query", anyQuery); a.status != 200 {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	})
	nodes[0].wantRamp("a", 50)
	if a := nodes[0].send("GET", "/readyz", ""); a.status != 503 {
		t.Errorf("alone in a cluster of three: %d %s", a.status, a.body)
	}
	for _, cfg := range configs[1:] {
		other := t.TempDir()
		if err := os.CopyFS(filepath.Join(other, "var/checkpoints"), os.DirFS(filepath.Join(dir, "var/checkpoints"))); err != nil {
			t.Fatal(err)
		}
		nodes = append(nodes, begin(t, launch{dir: other, config: cfg}))
	}
	for _, n := range nodes {
		n.awaitReady()
	}
	nodes[1].write(ramp("b", 20))
	for _, n := range nodes {
		n.wantRamp("a", 50)
		n.await(hostMetric{"alex", "b", "cpu_load"}, origin+60*19, 19)
		n.wantRamp("b", 20)
	}
	for path, was := range before {
		if now, ok := filesOf(t, filepath.Join(dir, "nats"))[path]; !ok || now != was {
			t.Errorf("%s was changed", path)
		}
	}
}

// filesOf returns sizes and times of the files in the directory of a log, but for those of a
// cluster.
func filesOf(t *testing.T, dir string) map[string]string {
	t.Helper()
	out := map[string]string{}
	err := filepath.WalkDir(dir, func(path string, d os.DirEntry, err error) error {
		if err == nil && d.IsDir() && d.Name() == "cluster" {
			return filepath.SkipDir
		}
		if err != nil || d.IsDir() {
			return err
		}
		info, err := d.Info()
		if err == nil {
			out[path] = fmt.Sprint(info.Size(), info.ModTime())
		}
		return err
	})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

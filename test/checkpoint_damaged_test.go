package test

import (
	"os"
	"path/filepath"
	"testing"

	"cc-metric-store/test/testkit"
)

// TestDamagedCheckpoints flips a byte of the files of a program that was killed:
// it says where, and all is there again with the help of the log, which reaches
// back to the checkpoint before in any case, and further if it is told to.
func TestDamagedCheckpoints(t *testing.T) {
	t.Parallel()
	newest := func(n *node, suffix string) []string {
		files := n.checkpointFiles(suffix)
		return files[len(files)-1:]
	}
	for _, c := range []struct {
		name string
		cfg  object
		// files returns those that are damaged.
		files func(n *node) []string
		says  []string // a line of the log beside each file's name
	}{
		{"newest", baseConfig(), func(n *node) []string { return newest(n, ".checkpoint") }, []string{"level=ERROR", "a checkpoint is damaged: it is set aside"}},
		{"both", keepLog(baseConfig()), func(n *node) []string { return n.checkpointFiles(".checkpoint") }, []string{"level=ERROR", "a checkpoint is damaged: it is set aside"}},
		{"segment", keepLog(baseConfig()), func(n *node) []string { return n.checkpointFiles(".segment")[:1] }, []string{"level=ERROR", "blocks of a host cannot be read"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			t.Parallel()
			rnd := testkit.Rand(t)
			n := start(t, checkpointConfig(c.cfg))
			hosts := []string{"a", "b"}
			for _, host := range hosts {
				n.write(ramp(host, 400)) // sealed blocks and open ones
				n.awaitCheckpoint()
			}
			n.kill()
			if got := len(n.checkpointFiles(".checkpoint")); got < 2 {
				t.Fatalf("%d checkpoints, want two or more", got)
			}
			files := c.files(n)
			for _, path := range files {
				data, err := os.ReadFile(path)
				if err != nil {
					t.Fatal(err)
				}
				const head = 64 // of a file, which another version may have written
				at := head + rnd.IntN(len(data)-head)
				data[at] ^= 1 << rnd.IntN(8)
				if err := os.WriteFile(path, data, 0o600); err != nil {
					t.Fatal(err)
				}
			}
			n = n.restart()
			for _, path := range files {
				n.wantLog(append(c.says, filepath.Base(path))...)
			}
			for _, host := range hosts {
				n.wantRamp(host, 400)
			}
			n.write(ramp("c", 400))
			n.awaitCheckpoint()
			n.kill()
			n = n.restart()
			for _, host := range append(hosts, "c") {
				n.wantRamp(host, 400)
			}
			if n.log.hasLine("level=ERROR") {
				t.Error("the damage is still there after new checkpoints")
			}
		})
	}
}

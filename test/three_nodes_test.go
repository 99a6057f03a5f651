package test

import (
	"fmt"
	"math/rand/v2"
	"os"
	"path/filepath"
	"strings"
	"syscall"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// TestThreeNodes: whatever hits one of three nodes that keep the log together, nothing that was
// acknowledged is lost, somebody answers, and all answer alike afterwards. STRESS does far more of
// it.
func TestThreeNodes(t *testing.T) {
	h := &hits{rnd: testkit.Rand(t), c: startCluster(t)}
	h.l = h.c.collect()
	h.l.during(t, "quiet", func() {})
	kills := 1
	if stressed() {
		kills = 20
	}
	for range kills {
		h.l.during(t, "kill -9 of the leader", func() { h.kill(h.c.leader()) })
		h.l.during(t, "kill -9 of a follower", func() { h.kill(h.follower()) })
	}
	for range min(kills, 3) {
		rolling := h.l.during(t, "rolling restart", h.restartAll)
		if rolling.noReady > 0 {
			t.Errorf("in a rolling restart no node was ready for %v", rolling.noReady)
		}
	}
	h.l.during(t, "a cable is pulled for 20 s", func() { h.unplug(h.rnd.IntN(3), 100) })
	if stressed() {
		h.stress(t)
	}
	for _, n := range h.c.nodes {
		if skipped := n.metric("log_skipped_entries_total"); skipped > 0 {
			t.Errorf("%s skipped %v entries of the log", n.URL, skipped)
		}
	}
}

// hits is what happens to the nodes of a cluster under load.
type hits struct {
	rnd *rand.Rand
	c   *cluster
	l   *collecting
}

// follower returns the number of a node that does not lead the log.
func (h *hits) follower() int { return (h.c.leader() + 1 + h.rnd.IntN(2)) % 3 }

// kill ends a node, which comes back when the others have gone on.
func (h *hits) kill(i int) {
	h.c.nodes[i].kill()
	h.l.awaitAcked(2 * collectors)
	h.c.restart(i)
	h.c.awaitWhole()
}

// restartAll stops one node after the other, in order, and starts it again.
func (h *hits) restartAll() {
	for _, i := range h.rnd.Perm(3) {
		h.c.nodes[i].stop()
		h.c.restart(i)
		h.c.awaitWhole()
	}
}

// unplug pulls the cable of a node until so many messages of each collector are acknowledged.
func (h *hits) unplug(i int, messages int64) {
	h.c.unplug(i)
	h.l.awaitAcked(messages * collectors / 2)
	h.c.plug(i)
	h.c.awaitWhole()
}

// stop freezes a node until so many messages of each collector are acknowledged.
func (h *hits) freeze(i int, messages int64) {
	h.c.nodes[i].signal(syscall.SIGSTOP)
	h.l.awaitAcked(messages * collectors / 2)
	h.c.nodes[i].signal(syscall.SIGCONT)
	h.c.awaitWhole()
}

// stress is what takes minutes.
func (h *hits) stress(t *testing.T) {
	c, l := h.c, h.l
	all := func(do func(n *node)) {
		for _, n := range c.nodes {
			do(n)
		}
	}
	l.during(t, "all killed at once", func() {
		all(func(n *node) { n.signal(syscall.SIGKILL) })
		all(func(n *node) { n.exitCode() })
		for i, n := range c.nodes {
			c.nodes[i] = begin(t, n.launch)
		}
		c.awaitWhole()
	})
	l.during(t, "all stopped at once", func() {
		all(func(n *node) { n.signal(syscall.SIGTERM) })
		all(func(n *node) { n.exitCode() })
		for i, n := range c.nodes {
			c.nodes[i] = begin(t, n.launch)
		}
		c.awaitWhole()
	})
	l.during(t, "leader unplugged for 40 s", func() { h.unplug(c.leader(), 200) })
	l.during(t, "follower unplugged for 40 s", func() { h.unplug(h.follower(), 200) })
	l.during(t, "leader frozen for 30 s", func() { h.freeze(c.leader(), 150) })
	l.during(t, "pulses of a slow disk", func() {
		for range 20 {
			n := c.nodes[h.rnd.IntN(3)]
			n.signal(syscall.SIGSTOP)
			time.Sleep(300 * time.Millisecond) // the length of the pulse
			n.signal(syscall.SIGCONT)
			l.awaitAcked(collectors)
		}
		c.awaitWhole()
	})
	l.during(t, "two of three down", func() {
		i, j := c.leader(), h.follower()
		c.nodes[i].kill()
		c.nodes[j].kill()
		third := c.nodes[3-i-j]
		if a := third.send("POST", "/api/query", anyQuery); a.status != 200 {
			t.Errorf("the node that is left answers %d %s", a.status, a.body)
		}
		c.nodes[i], c.nodes[j] = begin(t, c.nodes[i].launch), begin(t, c.nodes[j].launch)
		c.awaitWhole()
	})
	h.loseFiles(t)
	h.fillDisk(t)
}

// loseFiles takes files from nodes that are down, and from one that runs.
func (h *hits) loseFiles(t *testing.T) {
	c, l := h.c, h.l
	l.during(t, "disk of a node lost", func() {
		i := h.rnd.IntN(3)
		c.nodes[i].kill()
		for _, name := range []string{"nats", "var"} {
			if err := os.RemoveAll(filepath.Join(c.nodes[i].launch.dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		c.restart(i)
		c.awaitWhole()
	})
	l.during(t, "a replica's files damaged", func() {
		i := h.rnd.IntN(3)
		c.nodes[i].kill()
		blocks, err := filepath.Glob(filepath.Join(c.nodes[i].launch.dir, "nats/cluster/jetstream/$G/streams/CC_METRICS/msgs/*.blk"))
		if err != nil || len(blocks) == 0 {
			t.Fatal("no blocks", err)
		}
		data, err := os.ReadFile(blocks[0])
		if err == nil {
			data[len(data)/2] ^= 0x55
			err = os.WriteFile(blocks[0], data, 0o600)
		}
		if err != nil {
			t.Fatal(err)
		}
		c.restart(i)
		c.awaitWhole()
		if lost := c.nodes[i].send("GET", "/readyz", "").body; lost != "ready\n" {
			t.Errorf("a replica that came back: %s", lost)
		}
	})
	l.during(t, "files of a running node gone", func() {
		n := c.nodes[h.rnd.IntN(3)]
		if err := os.RemoveAll(filepath.Join(n.launch.dir, "nats/cluster/jetstream")); err != nil {
			t.Fatal(err)
		}
		n.wantLog("the embedded log is there again")
		c.awaitWhole()
	})
}

// fillDisk lets one node's disk of the log be full for a while. It needs root.
func (h *hits) fillDisk(t *testing.T) {
	c, l := h.c, h.l
	if c.net == nil {
		return
	}
	i := h.rnd.IntN(3)
	n := c.nodes[i]
	dir := filepath.Join(n.launch.dir, "nats")
	n.stop()
	if err := os.RemoveAll(dir); err == nil {
		err = os.Mkdir(dir, 0o750)
		if err != nil {
			t.Fatal(err)
		}
	}
	c.net.run("mount", "-t", "tmpfs", "-o", "size=256m", "none", dir)
	c.net.atEnd("umount", "-l", dir)
	c.restart(i)
	c.awaitWhole()
	l.during(t, "disk of a node full", func() {
		ballast := filepath.Join(dir, "ballast")
		f, err := os.Create(ballast)
		if err != nil {
			t.Fatal(err)
		}
		for chunk := make([]byte, 64<<10); err == nil; {
			_, err = f.Write(chunk) // until there is no room
		}
		_ = f.Close()
		n := c.nodes[i]
		n.waitFor("the node to say that its disk is full", func() error {
			if a := n.send("GET", "/readyz", ""); a.status != 200 || !strings.Contains(a.body, "ready, but the embedded log in "+dir) {
				return fmt.Errorf("%d %s", a.status, a.body)
			}
			return nil
		})
		l.awaitAcked(10 * collectors) // the others keep the log
		if err := os.Remove(ballast); err != nil {
			t.Fatal(err)
		}
		c.awaitWhole()
	})
	c.nodes[i].stop()
	c.restart(i)
}

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

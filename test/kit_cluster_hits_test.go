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
)

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

// cutLink cuts the link between two nodes, which both reach the third, until so many messages of
// each collector are acknowledged.
func (h *hits) cutLink(i, j int, messages int64) {
	h.c.link("add", i, j)
	h.c.link("add", j, i)
	h.l.awaitAcked(messages * collectors / 2)
	h.c.link("del", i, j)
	h.c.link("del", j, i)
	h.c.awaitWhole()
}

// losePackets loses what one node sends to another one, which hears of it only through the third,
// until so many messages of each collector are acknowledged.
func (h *hits) losePackets(from, to int, messages int64) {
	h.c.link("add", from, to)
	h.l.awaitAcked(messages * collectors / 2)
	h.c.link("del", from, to)
	h.c.awaitWhole()
}

// freeze stops a node until so many messages of each collector are acknowledged.
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
	if c.net != nil { // on the loopback no link can be cut
		for _, who := range []string{"leader", "follower"} {
			l.during(t, "link of "+who+" and follower cut", func() {
				i := c.leader()
				if who == "follower" {
					i = (i + 2) % 3
				}
				h.cutLink(i, (c.leader()+1)%3, 100)
			})
		}
		l.during(t, "leader to follower cut, one way", func() { h.losePackets(c.leader(), h.follower(), 50) })
		l.during(t, "follower to leader cut, one way", func() { h.losePackets(h.follower(), c.leader(), 50) })
	}
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
	l.during(t, "disk lost, checkpoint copied", func() {
		i := h.rnd.IntN(3)
		dir := c.nodes[i].launch.dir
		c.nodes[i].kill()
		for _, name := range []string{"nats", "var"} {
			if err := os.RemoveAll(filepath.Join(dir, name)); err != nil {
				t.Fatal(err)
			}
		}
		from := c.nodes[(i+1)%3]
		waitFor(t, "a copy of the checkpoints of a node that goes on", func() error {
			if err := os.RemoveAll(filepath.Join(dir, "var")); err != nil {
				return err
			}
			return os.CopyFS(filepath.Join(dir, "var"), os.DirFS(filepath.Join(from.launch.dir, "var"))) // fails if a file has vanished
		})
		c.restart(i)
		c.awaitWhole()
		n := c.nodes[i]
		n.wantLog("loaded a checkpoint")
		if read, of := n.metric("log_entries_total"), n.metric("log_watermark"); read > of/2 {
			t.Errorf("with a checkpoint, %v of %v entries were read", read, of)
		}
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

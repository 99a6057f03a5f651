package test

import (
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// logPatience is how long a node serves on without its log.
const logPatience = 15 * time.Second

// TestThreeNodesReadiness: what was written to one node is read at another; a node that is cut off,
// or left alone, says so in time, and answers what it has.
func TestThreeNodesReadiness(t *testing.T) {
	t.Parallel()
	c := startCluster(t)
	c.awaitWhole()
	t.Run("the page", c.pageNodes)
	t.Run("read at another node", c.readAtAnotherNode)
	if c.net != nil { // on the loopback no link can be cut
		for _, who := range []string{"leader", "follower"} {
			t.Run(who+" cut off", func(t *testing.T) {
				i := c.leader()
				if who == "follower" {
					i = (i + 1) % 3
				}
				c.cutOff(t, i)
			})
		}
	}
	t.Run("two of three down", c.twoDown)
}

// pageNodes: each node tells the page of all three, which of them it is, and who leads.
func (c *cluster) pageNodes(t *testing.T) {
	for i, n := range c.nodes {
		n.with(t).waitFor("all nodes", func() error {
			a := n.send("GET", "/api/page/status", "")
			var s struct {
				Nodes []struct {
					Name                  string
					Self, Leader, Current bool
				}
			}
			if err := json.Unmarshal([]byte(a.body), &s); err != nil || a.status != 200 {
				return fmt.Errorf("%d %s: %v", a.status, clip(a.body), err)
			}
			got, leaders := "", 0
			for _, one := range s.Nodes {
				got += one.Name
				if one.Leader {
					leaders++
				}
				if one.Self != (one.Name == string(rune('a'+i))) || !one.Current {
					return fmt.Errorf("%+v", s.Nodes)
				}
			}
			if got != "abc" || leaders != 1 {
				return fmt.Errorf("%+v", s.Nodes)
			}
			return nil
		})
	}
}

// readAtAnotherNode writes to one node and asks another one with the position of the write.
func (c *cluster) readAtAnotherNode(t *testing.T) {
	const writers, writes = 4, 250
	var stale, waited atomic.Int64
	var all sync.WaitGroup
	for w := range writers {
		all.Go(func() {
			for i := range writes {
				a, b := c.nodes[(w+i)%3].with(t), c.nodes[(w+i+1)%3].with(t)
				host, at := fmt.Sprint("p", w), int64(origin+60*i)
				written, err := a.try("POST", "/api/write?cluster=alex", line(host, "cpu_load", float64(i), at))
				position := written.header.Get("X-Log-Position")
				if err != nil || written.status != 200 || position == "" {
					t.Errorf("write %d: %d %s, position %q, %v", i, written.status, written.body, position, err)
					return
				}
				query := fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":"cpu_load","host":%q}]}`, at, at+60, host)
				for {
					answer, err := b.try("POST", "/api/query", query, "X-Log-Position", position)
					if err == nil && answer.status == 503 { // a busy machine
						waited.Add(1)
						continue
					}
					if err != nil || answer.status != 200 || !strings.Contains(answer.body, fmt.Sprintf(`"data":[%d]`, i)) {
						stale.Add(1)
						t.Logf("query %d: %d %s, %v", i, answer.status, clip(answer.body), err)
					}
					break
				}
			}
		})
	}
	all.Wait()
	t.Logf("%d writes read at another node: %d stale, %d asked again", writers*writes, stale.Load(), waited.Load())
	if stale.Load() > 0 {
		t.Error("stale answers")
	}
}

// cutOff cuts a node off and heals it.
func (c *cluster) cutOff(t *testing.T, i int) {
	n := c.nodes[i].with(t)
	c.cut(i)
	took := n.awaitNotReady("the answers may be old")
	t.Logf("cut off, it is not ready after %v", took.Round(100*time.Millisecond))
	if took < logPatience-5*time.Second || took > 3*logPatience { // a busy machine takes its time
		t.Errorf("cut off, it is not ready after %v, want about %v", took, logPatience)
	}
	if a := n.send("POST", "/api/query", anyQuery); a.status != 200 {
		t.Errorf("cut off, it answers %d %s", a.status, a.body)
	}
	other := c.nodes[(i+1)%3].with(t)
	other.write(line("cut", "cpu_load", float64(i), origin+60*int64(i)))
	if a := n.send("POST", "/api/query", anyQuery, "X-Log-Position", other.send("POST", "/api/free?to=1", `[["alex","nobody"]]`).header.Get("X-Log-Position")); a.status != 503 || a.header.Get("Retry-After") == "" {
		t.Errorf("cut off, it answers a request for what it does not have: %d %s", a.status, clip(a.body))
	}
	for _, j := range []int{1, 2} {
		if a := c.nodes[(i+j)%3].send("GET", "/readyz", ""); a.status != 200 {
			t.Errorf("a node that is not cut off: %d %s", a.status, a.body)
		}
	}
	c.heal(i)
	c.awaitWhole()
	n.want(hostMetric{"alex", "cut", "cpu_load"}, origin+60*int64(i), float64(i))
}

// awaitNotReady returns how long it takes until the node is not ready, for a reason with the words.
func (n *node) awaitNotReady(words string) time.Duration {
	n.t.Helper()
	begun := time.Now()
	n.waitFor("the node not to be ready", func() error {
		a := n.send("GET", "/readyz", "")
		switch {
		case a.status == 200:
			return fmt.Errorf("%d %s", a.status, a.body)
		case !strings.Contains(a.body, words) && !strings.Contains(a.body, "takes no entries"):
			n.t.Fatalf("not ready, but: %s", a.body)
		}
		return nil
	})
	return time.Since(begun)
}

// twoDown kills two nodes. The third acknowledges nothing, and answers.
func (c *cluster) twoDown(t *testing.T) {
	n := c.nodes[0].with(t)
	n.write(line("third", "cpu_load", 1, origin))
	js, err := jetstream.New(connectTo(t, n))
	if err != nil {
		t.Fatal(err)
	}
	for _, i := range []int{1, 2} {
		c.nodes[i].kill()
	}
	ctx, cancel := context.WithTimeout(t.Context(), logPatience/3)
	defer cancel()
	if ack, err := js.Publish(ctx, subject, []byte(line("third", "cpu_load", 2, origin+60))); err == nil {
		t.Errorf("with two of three down, entry %d is acknowledged", ack.Sequence)
	}
	took := n.awaitNotReady("the answers may be old")
	t.Logf("left alone, it is not ready after %v", (took + logPatience/3).Round(100*time.Millisecond))
	if a := n.send("GET", "/readyz?all", ""); a.status != 503 {
		t.Errorf("readyz?all: %d %s", a.status, a.body)
	}
	n.want(hostMetric{"alex", "third", "cpu_load"}, origin, 1)
	for _, i := range []int{1, 2} {
		c.nodes[i] = begin(t, c.nodes[i].launch)
	}
	c.awaitWhole()
	// What nobody acknowledged has waited, and is there now.
	for _, n := range c.nodes {
		n.await(hostMetric{"alex", "third", "cpu_load"}, origin+60, 2)
	}
}

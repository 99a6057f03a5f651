package test

import (
	"fmt"
	"os"
	"os/exec"
	"strings"
	"sync/atomic"
	"syscall"
	"testing"

	"cc-metric-store/test/testkit"
)

// cluster is three nodes that keep the log together. As root, each has a network of its own, and a
// cable that can be pulled; otherwise all are on the loopback.
type cluster struct {
	t     *testing.T
	nodes []*node
	net   *network // nil: the loopback
}

// startCluster starts the nodes and returns when all are ready.
func startCluster(t *testing.T) *cluster {
	t.Helper()
	c := &cluster{t: t, net: newNetwork(t)}
	for i, cfg := range clusterConfigs(t, c.net) {
		l := launch{config: cfg}
		if c.net != nil {
			l.within = []string{"ip", "netns", "exec", c.net.namespace(i)}
		}
		c.nodes = append(c.nodes, begin(t, l))
	}
	for _, n := range c.nodes {
		n.awaitReady()
	}
	return c
}

// clusterConfigs returns the configurations of three nodes in a network, or on the loopback.
func clusterConfigs(t *testing.T, net *network) (configs []object) {
	t.Helper()
	var hosts, routes []string
	var ports [][3]int // for clients, for the other nodes, for REST
	for i := range 3 {
		if net != nil {
			hosts, ports = append(hosts, net.address(i)), append(ports, [3]int{4222, 6222, 8082})
		} else {
			hosts, ports = append(hosts, "127.0.0.1"), append(ports, [3]int{testkit.FreePort(t), testkit.FreePort(t), testkit.FreePort(t)})
		}
		routes = append(routes, fmt.Sprintf("%s:%d", hosts[i], ports[i][1]))
	}
	for i, host := range hosts {
		cfg := checkpointConfig(baseConfig())
		cfg["main"] = object{"addr": fmt.Sprintf("%s:%d", host, ports[i][2])}
		cfg["nats"] = object{"embedded": object{
			"addr": fmt.Sprintf("%s:%d", host, ports[i][0]), "directory": "nats", "username": "store", "password": "secret",
			"cluster": object{"name": "metrics", "node": string(rune('a' + i)), "addr": routes[i], "routes": routes},
		}}
		configs = append(configs, cfg)
	}
	return configs
}

// urls returns the addresses for publishers, those of the node with the number first.
func (c *cluster) urls(first int) string {
	var all []string
	for i := range c.nodes {
		all = append(all, strings.Replace(c.nodes[(first+i)%len(c.nodes)].NATSURL, "://", "://store:secret@", 1))
	}
	return strings.Join(all, ",")
}

// leader returns the number of the node that leads the log.
func (c *cluster) leader() (leader int) {
	c.t.Helper()
	waitFor(c.t, "a leader of the log", func() error {
		leader = -1
		for i, n := range c.nodes {
			if n.ended() {
				continue
			}
			a, err := n.try("GET", "/metrics", "")
			if err == nil && strings.Contains(a.body, "\ncc_metric_store_log_leader 1\n") {
				leader = i
			}
		}
		if leader < 0 {
			return fmt.Errorf("none leads")
		}
		return nil
	})
	return leader
}

// restart starts a node anew that has ended, and returns when it is ready.
func (c *cluster) restart(i int) {
	c.t.Helper()
	c.nodes[i] = c.nodes[i].restart()
}

// awaitWhole returns when any node may be stopped: all are ready and have the whole log.
func (c *cluster) awaitWhole() {
	c.t.Helper()
	for _, n := range c.nodes {
		n.waitFor("all nodes to have the whole log", func() error {
			if a, err := n.try("GET", "/readyz?all", ""); err != nil || a.status != 200 {
				return fmt.Errorf("readyz?all: %d %s %w", a.status, a.body, err)
			}
			return n.found(&n.NATSURL, "the embedded NATS server is listening")
		})
	}
}

// unplug pulls the cable of a node; on the loopback the node is stopped instead.
func (c *cluster) unplug(i int) {
	c.t.Helper()
	if c.net == nil {
		c.nodes[i].signal(syscall.SIGSTOP)
		return
	}
	c.net.inside(c.net.hub(), "link set "+c.net.cable(i)+" down")
}

// plug puts the cable of a node in again.
func (c *cluster) plug(i int) {
	c.t.Helper()
	if c.net == nil {
		c.nodes[i].signal(syscall.SIGCONT)
		return
	}
	c.net.inside(c.net.hub(), "link set "+c.net.cable(i)+" up")
}

// cut keeps what a node sends from the other nodes, as a broken link does; this test reaches it all
// the same.
func (c *cluster) cut(i int) { c.block("add", i) }

// heal undoes cut.
func (c *cluster) heal(i int) { c.block("del", i) }

func (c *cluster) block(do string, i int) {
	c.t.Helper()
	for j := range c.nodes {
		if j != i {
			c.link(do, i, j)
		}
	}
}

// link keeps what one node sends from another one (add), or lets it through again (del).
func (c *cluster) link(do string, from, to int) {
	c.t.Helper()
	c.net.inside(c.net.namespace(from), "route "+do+" blackhole "+c.net.address(to)+"/32")
}

// network is a bridge with three network namespaces and this machine.
type network struct {
	t    *testing.T
	name string // beginning of all names
	net  string // first three bytes of all addresses, with a dot behind
}

// networks counts those of this process.
var networks atomic.Int32

// newNetwork makes a network, which goes at the end of the test. It returns nil if this process
// may not.
func newNetwork(t *testing.T) *network {
	t.Helper()
	if os.Getuid() != 0 {
		t.Log("without root there is one network: the nodes are on the loopback, and stopped instead of unplugged")
		return nil
	}
	// The networks of several tests, and of other runs, are there at once.
	id := os.Getpid() + int(networks.Add(1))<<12
	n := &network{t: t, name: fmt.Sprintf("cc%x", id%(1<<28)), net: fmt.Sprintf("10.%d.%d.", 128+id>>8%64, id%256)}
	if out, err := exec.Command("ip", "netns", "add", n.hub()).CombinedOutput(); err != nil {
		t.Logf("no network namespaces, so that the nodes are on the loopback: ip netns: %v %s", err, out)
		return nil
	}
	n.atEnd("ip", "netns", "del", n.hub())
	n.inside(n.hub(), "link add bridge type bridge", "link set bridge up")
	n.run("ip", "link", "add", n.name, "type", "veth", "peer", "name", "outside", "netns", n.hub())
	n.atEnd("ip", "link", "del", n.name) // before the namespace, which goes some time later
	n.run("ip", "addr", "add", n.net+"254/24", "dev", n.name)
	n.run("ip", "link", "set", n.name, "up")
	n.inside(n.hub(), "link set outside master bridge up")
	for i := range 3 {
		space := n.namespace(i)
		n.run("ip", "netns", "add", space)
		n.atEnd("ip", "netns", "del", space)
		n.inside(n.hub(), "link add "+n.cable(i)+" type veth peer name cable netns "+space, "link set "+n.cable(i)+" master bridge up")
		n.inside(space, "link set lo up", "addr add "+n.address(i)+"/24 dev cable", "link set cable up")
	}
	return n
}

// hub is the namespace of the bridge: there, no filter of this machine is in the way.
func (n *network) hub() string            { return n.name + "hub" }
func (n *network) namespace(i int) string { return fmt.Sprint(n.name, "n", i) }
func (n *network) cable(i int) string     { return fmt.Sprint("cable", i) }
func (n *network) address(i int) string   { return fmt.Sprint(n.net, i+1) }

func (n *network) run(name string, args ...string) {
	n.t.Helper()
	if out, err := exec.Command(name, args...).CombinedOutput(); err != nil {
		n.t.Fatalf("%s %s: %v %s", name, strings.Join(args, " "), err, out)
	}
}

// inside runs commands of ip in a namespace.
func (n *network) inside(space string, commands ...string) {
	n.t.Helper()
	for _, command := range commands {
		n.run("ip", append([]string{"-n", space}, strings.Fields(command)...)...)
	}
}

// atEnd runs a command at the end of the test, whose outcome does not matter: what it removes
// goes with the machine.
func (n *network) atEnd(name string, args ...string) {
	n.t.Cleanup(func() { _ = exec.Command(name, args...).Run() })
}

package ingest

import (
	"slices"
	"strings"
	"time"

	"github.com/nats-io/nats.go/jetstream"
)

// Node is one of the nodes that keep the log of a cluster together, as the leader of the log
// sees it.
type Node struct {
	Name   string
	Leader bool
	// Current says that the node has the whole log. Lag is how many entries it lacks otherwise.
	Current bool
	Lag     uint64
	// Offline says that the leader has no connection to it. Heard is how long ago it was heard of,
	// negative: that is not known.
	Offline bool
	Heard   time.Duration
}

// Nodes returns the nodes of the cluster in order of their names, and when they were seen so.
// It returns none without a cluster, and before that has answered. It asks nobody: confirm does.
func (in *Ingest) Nodes() (nodes []Node, seen time.Time) {
	c := &in.confirmed
	c.mu.Lock()
	defer c.mu.Unlock()
	return slices.Clone(c.nodes), c.seen
}

// see remembers the nodes.
func (c *confirmation) see(nodes []Node) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.nodes, c.seen = nodes, time.Now()
}

// nodesOf returns the nodes that keep a stream.
func nodesOf(info *jetstream.StreamInfo) (nodes []Node) {
	c := info.Cluster
	if c == nil {
		return nil
	}
	if c.Leader != "" {
		nodes = append(nodes, Node{Name: c.Leader, Leader: true, Current: true})
	}
	for _, r := range c.Replicas {
		nodes = append(nodes, Node{Name: r.Name, Current: r.Current, Lag: r.Lag, Offline: r.Offline, Heard: r.Active})
	}
	slices.SortFunc(nodes, func(a, b Node) int { return strings.Compare(a.Name, b.Name) })
	return nodes
}

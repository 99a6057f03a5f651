package store

import (
	"strings"
	"sync"
)

// hostCounts counts the hosts of each cluster.
type hostCounts struct {
	mu sync.Mutex
	// Guarded by mu.
	clusters map[string]int
	all      int
}

// Invented names of clusters cannot get far around the limit of hosts in each:
// there are at most so many clusters, and together they have so many times the
// hosts that one may have.
const (
	maxClusters     = 1000
	maxFullClusters = 4
)

// add counts a new host, unless its cluster has max hosts already, or there are
// too many clusters or hosts of all clusters.
func (c *hostCounts) add(cluster string, max int) bool {
	c.mu.Lock()
	defer c.mu.Unlock()
	n, ok := c.clusters[cluster]
	if n >= max || !ok && len(c.clusters) >= maxClusters || c.all >= maxFullClusters*max {
		return false
	}
	c.all++
	if !ok {
		cluster = strings.Clone(cluster) // that of a batch is a part of something larger
	}
	c.clusters[cluster] = n + 1
	return true
}

// remove counts a host that is gone.
func (c *hostCounts) remove(cluster string) {
	c.mu.Lock()
	defer c.mu.Unlock()
	c.all--
	if c.clusters[cluster]--; c.clusters[cluster] <= 0 {
		delete(c.clusters, cluster)
	}
}

// hostSet is a set of hosts by cluster. The nil set is empty.
type hostSet map[string]map[string]bool

func (s *hostSet) contains(k hostKey) bool { return s != nil && (*s)[k.cluster][k.host] }

package store

import (
	"maps"
	"slices"
	"strings"
	"sync"
)

// hostIndex holds the names of the hosts by cluster, and bounds their number: the hosts of one
// cluster are found without a look at those of all others. It has exactly the hosts of all
// stripes, apart from hosts that an append or a restore is about to add. It is safe for
// concurrent use. Its lock may be acquired while the lock of a stripe is held, never the other
// way round.
type hostIndex struct {
	mu sync.RWMutex
	// Guarded by mu.
	clusters map[string]map[string]struct{} // names of hosts by cluster; none is empty
	all      int                            // number of hosts
	changes  int                            // how often a host came or went
	// sorted has the names of the hosts of some clusters in ascending order: of those that were asked for
	// since a host came or went. The slices do not change.
	sorted map[string][]string
}

// Invented names of clusters cannot get far around the limit of hosts in each:
// there are at most so many clusters, and together they have so many times the
// hosts that one may have.
const (
	maxClusters     = 1000
	maxFullClusters = 4
)

// add adds a host, unless its cluster has max hosts already, or there are too many
// clusters or hosts of all clusters. It keeps copies of the names.
func (x *hostIndex) add(key hostKey, max int) bool {
	x.mu.Lock()
	defer x.mu.Unlock()
	names, ok := x.clusters[key.cluster]
	if _, known := names[key.host]; known {
		return true
	}
	if len(names) >= max || !ok && len(x.clusters) >= maxClusters || x.all >= maxFullClusters*max {
		return false
	}
	if !ok {
		names = map[string]struct{}{}
		x.clusters[strings.Clone(key.cluster)] = names // that of a batch is a part of something larger
	}
	names[strings.Clone(key.host)] = struct{}{}
	x.all++
	x.changedLocked(key.cluster)
	return true
}

// remove removes a host that is gone.
func (x *hostIndex) remove(key hostKey) {
	x.mu.Lock()
	defer x.mu.Unlock()
	names := x.clusters[key.cluster]
	if _, known := names[key.host]; !known {
		return
	}
	x.all--
	x.changedLocked(key.cluster)
	if delete(names, key.host); len(names) == 0 {
		delete(x.clusters, key.cluster)
	}
}

// changedLocked forgets what is known of a cluster of which a host comes or goes.
func (x *hostIndex) changedLocked(cluster string) {
	x.changes++
	delete(x.sorted, cluster)
}

// clusterNames returns the names of the clusters in ascending order.
func (x *hostIndex) clusterNames() []string {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return sortedNames(x.clusters)
}

// count returns the number of the cluster's hosts.
func (x *hostIndex) count(cluster string) int {
	x.mu.RLock()
	defer x.mu.RUnlock()
	return len(x.clusters[cluster])
}

// hostNames returns the names of the cluster's hosts in ascending order, nil if there
// are none; those among others alone, if these are not nil. The slice is the caller's.
func (x *hostIndex) hostNames(cluster string, among map[string]struct{}) []string {
	if among != nil {
		names := x.copyNames(cluster, among)
		slices.Sort(names)
		return names
	}
	x.mu.RLock()
	names := x.sorted[cluster]
	x.mu.RUnlock()
	if names == nil {
		names = x.sortNames(cluster)
	}
	return slices.Clone(names)
}

// sortNames returns the names of the cluster's hosts in ascending order, and keeps them unless hosts
// come or go meanwhile. It sorts without the lock, as that may take a while.
func (x *hostIndex) sortNames(cluster string) []string {
	x.mu.RLock()
	changes := x.changes
	x.mu.RUnlock()
	names := x.copyNames(cluster, nil)
	slices.Sort(names)
	x.mu.Lock()
	defer x.mu.Unlock()
	if x.changes == changes && names != nil {
		if x.sorted == nil {
			x.sorted = map[string][]string{}
		}
		x.sorted[strings.Clone(cluster)] = names // that of a request is a part of something larger
	}
	return names
}

func (x *hostIndex) copyNames(cluster string, among map[string]struct{}) (names []string) {
	x.mu.RLock()
	defer x.mu.RUnlock()
	known := x.clusters[cluster]
	if len(known) == 0 {
		return nil
	}
	if among == nil {
		return slices.AppendSeq(make([]string, 0, len(known)), maps.Keys(known))
	}
	if len(among) > len(known) {
		known, among = among, known
	}
	for name := range among {
		if _, ok := known[name]; ok {
			names = append(names, name)
		}
	}
	return names
}

// Hosts returns the names of the cluster's hosts in ascending order. It takes time
// for the hosts of this cluster alone.
func (s *Store) Hosts(cluster string) []string { return s.hosts.hostNames(cluster, nil) }

package store

import (
	"slices"
	"strings"
	"sync"
)

// hostKey identifies a host. Both names may be empty.
type hostKey struct{ cluster, host string }

// stripe guards the hosts whose keys hash to it. The padding keeps the locks
// of neighbouring stripes off one cache line.
type stripe struct {
	mu sync.RWMutex
	// Guarded by mu: the map and everything that hangs below it.
	hosts map[hostKey]*host
	_     [64]byte
}

func (s *Store) stripeOf(k hostKey) *stripe {
	return &s.stripes[HashHost(k.cluster, k.host)&uint64(len(s.stripes)-1)]
}

// Hosts returns the names of the cluster's hosts in ascending order.
func (s *Store) Hosts(cluster string) []string {
	var names []string
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		for k := range st.hosts {
			if k.cluster == cluster {
				names = append(names, k.host)
			}
		}
		st.mu.RUnlock()
	}
	slices.SortFunc(names, strings.Compare)
	return names
}

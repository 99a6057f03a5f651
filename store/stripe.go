package store

import "sync"

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

package store

import "sync"

// tombstones holds the hosts that are gone, each with the last entry that took effect on it.
// A replay of the entries up to that one must not bring the host back. It holds nothing
// unless a replay or a checkpoint is going on. It is safe for concurrent use.
type tombstones struct {
	mu sync.Mutex
	// Guarded by mu.
	users int // replays and checkpoints that are going on
	hosts map[hostKey]Entry
}

// open makes tombstones keep hosts from now on, until close was called as often as open.
func (t *tombstones) open() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.users++
	if t.hosts == nil {
		t.hosts = map[hostKey]Entry{}
	}
}

// close ends what open began.
func (t *tombstones) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users--; t.users == 0 {
		t.hosts = nil
	}
}

// put records that a host is gone.
func (t *tombstones) put(k hostKey, last Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users > 0 {
		t.hosts[k] = last
	}
}

// last returns the last entry that took effect on a host that is gone, the zero Entry if
// there is no tombstone.
func (t *tombstones) last(k hostKey) Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hosts[k]
}

// clear removes all hosts.
func (t *tombstones) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.hosts)
}

// all returns a copy of all hosts and their last entries.
func (t *tombstones) all() map[hostKey]Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[hostKey]Entry, len(t.hosts))
	for k, e := range t.hosts {
		out[k] = e
	}
	return out
}

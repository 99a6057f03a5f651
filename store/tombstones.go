package store

import "sync"

// tombstones holds the hosts that are gone, each with the last entry that took
// effect on it, so that a replay of entries up to that one does not bring the host
// back. It holds nothing while nobody needs it.
type tombstones struct {
	mu sync.Mutex
	// Guarded by mu.
	users int // replays and checkpoints that are going on
	hosts map[hostKey]Entry
}

// open makes tombstones hold what put brings, until close is called as often.
func (t *tombstones) open() {
	t.mu.Lock()
	defer t.mu.Unlock()
	t.users++
	if t.hosts == nil {
		t.hosts = map[hostKey]Entry{}
	}
}

func (t *tombstones) close() {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users--; t.users == 0 {
		t.hosts = nil
	}
}

// put says that a host is gone.
func (t *tombstones) put(k hostKey, last Entry) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.users > 0 {
		t.hosts[k] = last
	}
}

// last returns the last entry that took effect on a host that is gone.
func (t *tombstones) last(k hostKey) Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.hosts[k]
}

// clear removes what was put so far.
func (t *tombstones) clear() {
	t.mu.Lock()
	defer t.mu.Unlock()
	clear(t.hosts)
}

// all returns a copy.
func (t *tombstones) all() map[hostKey]Entry {
	t.mu.Lock()
	defer t.mu.Unlock()
	out := make(map[hostKey]Entry, len(t.hosts))
	for k, e := range t.hosts {
		out[k] = e
	}
	return out
}

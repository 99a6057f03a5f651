package store

import "sync"

// Entry identifies an entry of the log. The zero value is none: what has no
// entry takes effect whenever it is called.
type Entry struct {
	// Epoch counts how often the sequence numbers have started over, from 1.
	Epoch uint32
	// Seq is the sequence number of the entry in the stream, from 1.
	Seq uint64
}

// covers reports whether what took effect up to e includes the entry o.
func (e Entry) covers(o Entry) bool { return o.Seq != 0 && e.Epoch == o.Epoch && e.Seq >= o.Seq }

// graves remembers the hosts that are gone, with the last entry that took effect
// on them, so that a replay of entries up to that one does not bring them back.
// Nothing is kept while nobody needs it.
type graves struct {
	mu sync.Mutex
	// Guarded by mu.
	users int // replays and checkpoints that are going on
	hosts map[hostKey]Entry
}

// open makes the graves remember, until close is called as often.
func (g *graves) open() {
	g.mu.Lock()
	defer g.mu.Unlock()
	g.users++
	if g.hosts == nil {
		g.hosts = map[hostKey]Entry{}
	}
}

func (g *graves) close() {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users--; g.users == 0 {
		g.hosts = nil
	}
}

// put notes that a host is gone.
func (g *graves) put(k hostKey, last Entry) {
	g.mu.Lock()
	defer g.mu.Unlock()
	if g.users > 0 {
		g.hosts[k] = last
	}
}

// last returns the last entry that took effect on a host that is gone.
func (g *graves) last(k hostKey) Entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	return g.hosts[k]
}

// clear forgets what was put so far.
func (g *graves) clear() {
	g.mu.Lock()
	defer g.mu.Unlock()
	clear(g.hosts)
}

// all returns a copy.
func (g *graves) all() map[hostKey]Entry {
	g.mu.Lock()
	defer g.mu.Unlock()
	out := make(map[hostKey]Entry, len(g.hosts))
	for k, e := range g.hosts {
		out[k] = e
	}
	return out
}

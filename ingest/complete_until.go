package ingest

import "time"

// CompleteUntil returns the time up to which the store holds all that the log took: now, or,
// while the store is behind the log or the log is out of reach, when the log took the newest
// entry that is in the store; the zero time if there is none. A broker that falls silent is out
// of reach after three times heartbeat.
func (in *Ingest) CompleteUntil() time.Time {
	now := time.Now() // first: what comes meanwhile is not counted
	l, _, _ := in.state.current()
	if l == nil || !l.nc.IsConnected() || !in.replay.isCaughtUp() {
		p, _ := in.Applied()
		return p.At
	}
	return now
}

// isCaughtUp reports whether the store holds all that the log is known to hold, and all that a
// former run left in the outbox, and the log is being read.
func (r *replay) isCaughtUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known && !r.outbox && r.reading.err == nil && r.waiting == 0 && r.applied == r.read
}

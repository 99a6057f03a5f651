package ingest

import "time"

// CompleteUntil returns the time up to which the store holds all that the log took: now, or,
// while the store is behind the log or the log is out of reach, when the log took the newest
// entry that is in the store; the zero time if there is none. A broker that falls silent is out
// of reach after three times heartbeat, and the log of a cluster while that does not confirm that
// this node has all of it; the time is that of the last confirmation then, if it is later.
func (in *Ingest) CompleteUntil() time.Time {
	now := time.Now() // first: what comes meanwhile is not counted
	l, _, _ := in.state.current()
	if in.cfg.Clustered { // the server in this process is always within reach
		at, _, problem := in.confirmed.read()
		if p, _ := in.Applied(); problem != nil || now.Sub(at) > confirmedFor*in.cfg.timings.confirm {
			return latest(at, p.At)
		}
	}
	if l == nil || !l.nc.IsConnected() || !in.replay.isCaughtUp() {
		p, _ := in.Applied()
		return p.At
	}
	return now
}

// confirmedFor is for how many intervals a confirmation counts.
const confirmedFor = 3

func latest(a, b time.Time) time.Time {
	if a.After(b) {
		return a
	}
	return b
}

// isCaughtUp reports whether the store holds all that the log is known to hold, and all that a
// former run left in the outbox, and the log is being read.
func (r *replay) isCaughtUp() bool {
	r.mu.Lock()
	defer r.mu.Unlock()
	return r.known && !r.outbox && r.reading.err == nil && r.waiting == 0 && r.applied == r.read
}

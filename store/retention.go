package store

import (
	"context"
	"time"
)

const (
	askTimeout = 10 * time.Second
	// After InUse has failed, a retention pass is tried again this soon.
	askAgain = time.Minute
)

// Run makes a retention pass at once and then every half retention until ctx ends, and returns
// nil then. While InUse fails, it makes no pass, but for no longer than the retention.
//
// The times of the passes do not depend on the start: all stores that read one log drop the same.
func (s *Store) Run(ctx context.Context) error {
	interval := max(s.cfg.Retention/2, 1)
	asked := s.cfg.Now() // when InUse last answered
	for wait := time.Duration(0); ; {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(wait):
		}
		now := s.cfg.Now()
		pass := lastPass(now, interval)
		wait = pass.Add(interval).Sub(now)
		if err := s.ask(ctx, pass); err == nil {
			asked = now
		} else if unknown := now.Sub(asked); unknown < s.cfg.Retention {
			wait = min(wait, askAgain)
			s.cfg.Logger.Warn("cannot learn which hosts have jobs: nothing is dropped for its age until that works, or for the retention at the most",
				"error", err, "for", unknown.Truncate(time.Second))
			continue
		} else {
			s.cfg.Logger.Error("cannot learn which hosts have jobs: dropping what is older than the retention, but for hosts known to have some before",
				"error", err, "for", unknown.Truncate(time.Second))
		}
		s.retain(pass)
	}
}

// lastPass returns the newest time of a retention pass: a multiple of the interval since 1970.
func lastPass(now time.Time, interval time.Duration) time.Time {
	return now.Add(-time.Duration(now.UnixNano() % int64(interval)))
}

// ask asks which hosts are in use.
func (s *Store) ask(ctx context.Context, now time.Time) error {
	if s.cfg.InUse == nil {
		return nil
	}
	ctx, cancel := context.WithTimeout(ctx, askTimeout)
	defer cancel()
	hosts, err := s.cfg.InUse(ctx, now.Add(-s.cfg.Retention))
	if err != nil {
		return err
	}
	set := hostSet(hosts)
	s.inUse.Store(&set)
	return nil
}

// retain makes the retention pass of a time: it frees the blocks that were older than the
// retention then, but not those of hosts that InUse named when it was last asked.
func (s *Store) retain(pass time.Time) {
	before := pass.Add(-s.cfg.Retention)
	inUse := s.inUse.Load()
	freed := 0
	s.eachHost(func(k hostKey) bool { return !inUse.contains(k) }, func(h *host) (int, bool) {
		n, more := s.retainHostLocked(h, before.Unix())
		freed += n
		return n, more
	})
	s.counters.freed.Add(int64(freed))
	s.metrics.releaseNames()
	if freed > 0 {
		s.cfg.Logger.Info("retention pass", "blocks_freed", freed, "older_than", before.Truncate(time.Second))
	}
}

// retainHostLocked drops the blocks that end before the given time (Unix seconds). more says
// that it stopped early and is to be called again.
func (s *Store) retainHostLocked(h *host, before int64) (freed int, more bool) {
	budget := freeRun
	for _, g := range h.grids {
		for g != nil && g.blocks.len() > 0 && g.blocks.first().end+g.frequency/2 < before {
			if budget == 0 {
				return freed, true
			}
			budget--
			b := g.blocks.first()
			freed += b.columns(g.columns)
			s.removeBlockLocked(g, b)
		}
	}
	return freed, false
}

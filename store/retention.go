package store

import (
	"context"
	"errors"
	"fmt"
	"time"
)

const (
	askTimeout = 10 * time.Second
	// After InUse has failed, a retention pass is tried again this soon.
	askAgain = time.Minute
	// After the archive could not be written, it is tried again this soon.
	archiveAgain = time.Minute
	// How often it is looked whether blocks are to be archived for want of memory, and at least
	// how long between two looks whether the store has caught up with the log.
	relieveCheck  = 5 * time.Second
	caughtUpCheck = 20 * time.Millisecond
)

// Run makes a retention pass at once and then every half retention until ctx ends, and returns
// nil then. While InUse fails, it makes no pass, but for no longer than the retention. With an
// archive, it makes none before CaughtUp, and further ones when memory runs out.
//
// The times of the passes do not depend on the start: all stores that read one log drop the same.
func (s *Store) Run(ctx context.Context) error {
	interval := max(s.cfg.Retention/2, 1)
	asked := s.cfg.Now() // when InUse last answered
	due := time.Now()    // when the next pass is; not by cfg.Now, as the wait until then is not
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-time.After(s.untilCheck(due)):
		}
		switch {
		case s.archived.isWanted() && !s.archived.config.CaughtUp():
			continue
		case time.Now().Before(due):
			s.relieve(ctx)
			continue
		}
		now := s.cfg.Now()
		pass := lastPass(now, interval)
		wait := pass.Add(interval).Sub(now)
		if err := s.ask(ctx, pass); err == nil {
			asked = now
		} else if unknown := now.Sub(asked); unknown < s.cfg.Retention {
			due = time.Now().Add(min(wait, askAgain))
			s.cfg.Logger.Warn("cannot learn which hosts have jobs: nothing is dropped for its age until that works, or for the retention at the most",
				"error", err, "for", unknown.Truncate(time.Second))
			continue
		} else {
			s.cfg.Logger.Error("cannot learn which hosts have jobs: dropping what is older than the retention, but for hosts known to have some before",
				"error", err, "for", unknown.Truncate(time.Second))
		}
		if !s.archived.isWanted() {
			s.retain(pass)
		} else if !s.archive(ctx, pass) {
			wait = min(wait, archiveAgain)
		}
		due = time.Now().Add(wait)
	}
}

// untilCheck returns how long Run waits until it looks again. With an archive, that is sooner
// than the next pass.
func (s *Store) untilCheck(due time.Time) time.Duration {
	wait := time.Until(due)
	if s.archived.isWanted() {
		wait = min(max(wait, caughtUpCheck), relieveCheck)
	}
	return wait
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

// Retain makes the retention pass that is due, as Run does, beside which it may be called.
func (s *Store) Retain(ctx context.Context) error {
	pass := lastPass(s.cfg.Now(), max(s.cfg.Retention/2, 1))
	if err := s.ask(ctx, pass); err != nil {
		return fmt.Errorf("learn which hosts have jobs: %w", err)
	}
	if !s.archived.isWanted() {
		s.retain(pass)
	} else if !s.archive(ctx, pass) {
		return errors.Join(s.ArchiveError(), ctx.Err())
	}
	return nil
}

// archive makes the retention pass of a time: it writes the blocks to the archive that were older
// than the retention then, but not those of hosts that InUse named when it was last asked, and
// drops them. It returns false if that failed. When it has failed for a retention, what is older than two is dropped,
// so that a disk without room does not fill the memory; old samples that have just come are kept for as long.
func (s *Store) archive(ctx context.Context, pass time.Time) bool {
	before := pass.Add(-s.cfg.Retention)
	inUse := s.inUse.Load()
	ok := s.archiveBefore(ctx, before, inUse.contains)
	now := s.cfg.Now()
	if ok {
		s.archived.failing.Store(nil)
	} else {
		s.archived.failing.CompareAndSwap(nil, &now)
	}
	if since := s.archived.failing.Load(); since != nil && ctx.Err() == nil && now.Sub(*since) >= s.cfg.Retention {
		if n := s.dropBefore(before.Add(-s.cfg.Retention), inUse); n > 0 {
			s.counters.unarchived.Add(int64(n))
			s.lost(before.Add(-s.cfg.Retention).Unix())
			s.cfg.Logger.Error("samples that are older than two retentions are dropped, as the archive cannot be written: they are lost",
				"blocks", n, "older_than", before.Add(-s.cfg.Retention).Truncate(time.Second))
		}
	}
	s.metrics.releaseNames()
	return ok
}

// relieve archives the oldest blocks of all hosts if the memory cap is near, before an append has
// to drop them. An archive that has just failed is left alone.
func (s *Store) relieve(ctx context.Context) {
	if failed := s.archived.failed.Load(); failed != nil && time.Since(*failed) < archiveAgain {
		return
	}
	if before, ok := s.pressure(); ok {
		s.archiveBefore(ctx, time.Unix(before, 0), func(hostKey) bool { return false })
	}
}

// archiveBefore makes an archive pass and logs what came of it. It returns false if it failed.
func (s *Store) archiveBefore(ctx context.Context, before time.Time, keeps func(hostKey) bool) bool {
	s.archived.writing.Lock()
	defer s.archived.writing.Unlock()
	samples := s.counters.archived.Load()
	freed, err := 0, s.archived.open()
	if err == nil {
		freed, err = s.archivePass(ctx, before.Unix(), keeps)
	}
	err = s.archived.explainFull(err)
	s.counters.freed.Add(int64(freed))
	if ctx.Err() != nil {
		return false
	}
	s.cleanArchive(ctx) // also if there was no room for more
	s.archived.failed.Store(nil)
	if s.archived.err.Store(&err); err != nil {
		now := time.Now()
		s.archived.failed.Store(&now)
		s.counters.archiveFailures.Add(1)
		s.cfg.Logger.Error("the archive cannot be written: samples stay in memory until it can, for two retentions at the most, or until they give way under the memory cap",
			"error", err)
		return false
	}
	if freed > 0 {
		s.cfg.Logger.Info("retention pass", "blocks_archived", freed, "samples", s.counters.archived.Load()-samples, "older_than", before.Truncate(time.Second))
	}
	return true
}

// cleanArchive removes what the archive has beyond its bounds.
func (s *Store) cleanArchive(ctx context.Context) {
	a := s.archived.opened.Load()
	if a == nil {
		return
	}
	if _, err := a.Clean(ctx); err != nil && ctx.Err() == nil {
		s.cfg.Logger.Error("cannot remove old files of the archive: its disk may fill", "error", err)
	}
}

// ArchiveError returns why the archive could not be written when it was last tried, nil if it
// could.
func (s *Store) ArchiveError() error {
	if err := s.archived.err.Load(); err != nil {
		return *err
	}
	return nil
}

// retain makes the retention pass of a time: it frees the blocks that were older than the
// retention then, but not those of hosts that InUse named when it was last asked.
func (s *Store) retain(pass time.Time) {
	before := pass.Add(-s.cfg.Retention)
	freed := s.dropBefore(before, s.inUse.Load())
	s.metrics.releaseNames()
	if freed > 0 {
		s.cfg.Logger.Info("retention pass", "blocks_freed", freed, "older_than", before.Truncate(time.Second))
	}
}

// dropBefore drops the blocks that end before a time, but not those of some hosts. It returns
// their number.
func (s *Store) dropBefore(before time.Time, except *hostSet) (freed int) {
	s.eachHost(func(k hostKey) bool { return !except.contains(k) }, func(h *host) (int, bool) {
		n, more := s.retainHostLocked(h, before.Unix())
		freed += n
		return n, more
	})
	s.counters.freed.Add(int64(freed))
	return freed
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

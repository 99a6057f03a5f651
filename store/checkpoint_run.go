package store

import (
	"context"
	"fmt"
	"time"
)

const (
	// How often Run checks whether a checkpoint is due.
	checkpointTick = time.Second
	// A checkpoint that failed is tried again after this time, or after the
	// interval if that is shorter.
	checkpointRetry = 30 * time.Second
	// A checkpoint is due after this many bytes of entries, or after so many times the
	// bytes of a checkpoint if that is more. It bounds what a start after a crash reads.
	maxReplayBytes  = 512 << 20
	maxReplayFactor = 8
)

// Run writes a checkpoint whenever one is due, until ctx ends, and returns nil then.
func (c *Checkpoints) Run(ctx context.Context, log Log) error {
	tick := time.NewTicker(checkpointTick)
	defer tick.Stop()
	c.writing.Lock()
	if c.newest.at.IsZero() {
		c.newest.at = c.store.cfg.Now()
	}
	c.writing.Unlock()
	for {
		select {
		case <-ctx.Done():
			return nil
		case <-tick.C:
		}
		if c.due(log) {
			_ = c.Write(ctx, log) // the error is logged and in Stats
		}
	}
}

// due reports whether it is time for a checkpoint.
func (c *Checkpoints) due(log Log) bool {
	c.writing.Lock()
	defer c.writing.Unlock()
	p, read := log.Applied()
	c.endReplayLocked(p.Entry)
	now := c.store.cfg.Now()
	if now.Before(c.retry) {
		return false
	}
	if c.epoch == 0 {
		c.epoch = p.Entry.Epoch
	}
	if p.Entry.Epoch != c.epoch {
		return true // a new epoch: what the store has of the one before is in no log any more
	}
	if err := c.dir.Intact(); err != nil && !p.Created.IsZero() {
		c.logger.Error("checkpoints are gone: writing one at once", "directory", c.cfg.Directory, "error", err)
		return true
	}
	return now.Sub(c.newest.at) >= c.cfg.Interval || read-c.newest.read >= max(maxReplayBytes, maxReplayFactor*c.newest.bytes)
}

// endReplayLocked closes the tombstones once the replay has reached the high-water mark of
// the checkpoint.
func (c *Checkpoints) endReplayLocked(applied Entry) {
	if c.replaying && (applied.Epoch > c.highWater.Epoch || applied.Epoch == c.highWater.Epoch && applied.Seq >= c.highWater.Seq) {
		c.replaying = false
		c.store.tombstones.close()
	}
}

// Write writes a checkpoint, unless nothing has changed since the last one.
// Appends and queries go on meanwhile.
func (c *Checkpoints) Write(ctx context.Context, log Log) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	_, err := c.writeLocked(ctx, log)
	return err
}

// Finish writes the last checkpoint of this run, when REST and the reading of the log have
// stopped. complete says that the store is not older than any answer that was ever given,
// also before a crash: then the next start may answer from this checkpoint at once.
func (c *Checkpoints) Finish(ctx context.Context, log Log, complete bool) error {
	c.writing.Lock()
	defer c.writing.Unlock()
	id, err := c.writeLocked(ctx, log)
	if err != nil || id == 0 || !complete {
		return err
	}
	if err := c.dir.WriteCleanMark(id); err != nil {
		return fmt.Errorf("mark checkpoint %d as the last one: %w", id, err)
	}
	return nil
}

// writeLocked returns the ID of the newest checkpoint, 0 if there is none.
func (c *Checkpoints) writeLocked(ctx context.Context, log Log) (id uint64, err error) {
	begin := time.Now()
	if c.partial {
		return 0, nil
	}
	c.store.tombstones.open() // hosts that go after the position was read are remembered
	defer c.store.tombstones.close()
	p, read := log.Applied()
	c.endReplayLocked(p.Entry)
	if p.Created.IsZero() {
		return 0, nil // nothing is known of the log yet
	}
	now := c.store.changes(p.Entry)
	c.saveErasLocked()
	if id = c.dir.Newest(); id != 0 && now == c.newest.changes && c.dir.Intact() == nil {
		c.newest.at, c.newest.read = c.store.cfg.Now(), read
		return id, nil
	}
	out, err := c.writeAllLocked(ctx, log, p)
	if out == nil {
		if ctx.Err() == nil {
			c.failedLocked(err)
		}
		return 0, err
	}
	if err != nil { // an old file could not be removed
		c.logger.Warn("the checkpoint is written, but what it replaces stays", "error", err)
	}
	c.newest, c.epoch = savedState{c.store.cfg.Now(), read, out.Checkpoint, now}, p.Entry.Epoch
	c.releaseLogLocked(ctx, log, p)
	c.mu.Lock()
	defer c.mu.Unlock()
	if c.stats.Err != nil {
		c.logger.Info("checkpoints are written again")
	}
	s := &c.stats
	s.Written++
	s.Err, s.Last, s.Duration = nil, c.newest.at, time.Since(begin)
	s.Bytes, s.SegmentBytes = out.Checkpoint, out.Segment
	c.logger.Debug("wrote a checkpoint", "path", c.dir.Path(out.ID), "entry", p.Entry.Seq,
		"bytes", out.Checkpoint, "segment_bytes", out.Segment, "duration", s.Duration)
	return out.ID, nil
}

// releaseLogLocked releases the entries of the log before the older one of the two newest
// checkpoints, now that there is one at p. Checkpoints of another epoch do not count.
func (c *Checkpoints) releaseLogLocked(ctx context.Context, log Log, p LogPosition) {
	if n := len(c.positions); n > 0 && c.positions[n-1].Entry.Epoch != p.Entry.Epoch {
		c.positions = nil
	}
	c.positions = append(c.positions, p)
	c.positions = c.positions[max(len(c.positions)-2, 0):]
	if len(c.positions) == 2 {
		log.Release(ctx, c.positions[0])
	}
}

func (c *Checkpoints) failedLocked(err error) {
	again := min(checkpointRetry, c.cfg.Interval)
	c.retry = c.store.cfg.Now().Add(again)
	c.mu.Lock()
	defer c.mu.Unlock()
	c.stats.Failed++
	c.stats.Err = err
	c.logger.Error("no checkpoint could be written: nothing is lost while the log holds the entries since the last one; trying again",
		"error", err, "directory", c.cfg.Directory, "last", c.stats.Last, "again_in", again)
}

func (s *Store) changes(applied Entry) changes {
	return changes{applied, s.counters.samples.Load(), s.counters.freed.Load(), s.counters.evicted.Load()}
}

package store

import (
	"cmp"
	"context"
	"errors"
	"io"
	"runtime"
	"slices"
	"time"

	"cc-metric-store/store/checkpoint"
)

// Restored says what Load has put into the store.
type Restored struct {
	// From is the entry after which the log has to be read. If its Created is zero, the log
	// has to be read from its first entry.
	From LogPosition
	// HighWater is the newest entry of which anything is in the store. Until the log has been
	// read up to it, some hosts are ahead of others.
	HighWater LogPosition
	// Clean says that the store is not older than any answer that was given before.
	Clean bool
}

// Load puts the newest checkpoint that can be read into the store, which is empty. Damaged
// ones are quarantined. If none can be read completely, it keeps what can be read of the
// newest, and the log has to be read from its first entry. It fails only if ctx ends.
func (c *Checkpoints) Load(ctx context.Context) (Restored, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	begin := c.store.cfg.Now()
	c.partial = true
	c.store.tombstones.open()
	c.replaying = true
	id, out, err := c.loadLocked(ctx)
	if err != nil {
		return Restored{}, err
	}
	c.partial = false
	c.restoreErasLocked(begin, c.loadedEras)
	// The mark of the clean stop is removed last: if this start breaks off before, nothing
	// was answered, and the mark is still true for the next one.
	clean, ok := c.dir.ConsumeCleanMark()
	out.Clean = ok && clean == id
	return out, nil
}

// Epochs are counted anew by each run. The entries that a checkpoint refers to are of the
// first one. A log that is read from its first entry although hosts were restored is of the
// next one: no entry counts as applied then, so that the replay applies every entry again.
const restoredEpoch = 1

// beforeLog returns the position before the first entry of an epoch.
func beforeLog(epoch uint32) LogPosition { return LogPosition{Entry: Entry{Epoch: epoch}} }

// loadLocked returns the ID of the checkpoint that is complete in the store, 0 if there is
// none.
func (c *Checkpoints) loadLocked(ctx context.Context) (id uint64, out Restored, err error) {
	begin := time.Now()
	damaged := uint64(0) // the newest one that lacks some blocks
	var incomplete []uint64
	for _, id := range c.dir.Found() {
		contents, err := c.readLocked(ctx, id)
		if ctx.Err() != nil {
			return 0, Restored{}, ctx.Err()
		}
		if err != nil {
			c.reject(id, err)
			continue
		}
		if len(contents.Lost) == 0 {
			for _, id := range incomplete {
				c.quarantine(id, errIncomplete)
			}
			out := c.restoredLocked(id, contents, begin)
			c.positions = []LogPosition{out.From}
			return id, out, nil
		}
		c.logger.Error("blocks of a checkpoint cannot be read: trying the one before", "path", c.dir.Path(id),
			"blocks", len(contents.Lost), "error", contents.Lost[0].Err)
		c.dir.MarkDamaged(contents.Lost)
		incomplete = append(incomplete, id)
		if damaged == 0 {
			damaged = id
		}
	}
	if damaged == 0 {
		c.store.clear()
		c.highWater = Entry{Epoch: restoredEpoch}
		if n := len(c.dir.Found()); n > 0 {
			c.logger.Error("no checkpoint can be read: reading the log from its first entry; what it does not hold any more is lost", "checkpoints", n)
		}
		return 0, Restored{From: beforeLog(restoredEpoch)}, nil
	}
	contents, err := c.readLocked(ctx, damaged)
	if err != nil {
		c.reject(damaged, err)
		c.store.clear()
		return 0, Restored{From: beforeLog(restoredEpoch + 1)}, ctx.Err()
	}
	c.restoredLocked(damaged, contents, begin)
	c.reportLost(damaged, contents.Lost)
	return 0, Restored{From: beforeLog(restoredEpoch + 1)}, nil
}

// readLocked puts a checkpoint into the store, in place of what is there.
func (c *Checkpoints) readLocked(ctx context.Context, id uint64) (*checkpoint.Contents, error) {
	c.store.clear()
	r := &restore{store: c.store, epoch: restoredEpoch, series: map[string]int{}}
	contents, err := c.dir.Read(ctx, id, runtime.GOMAXPROCS(0), func(metrics []string, host *checkpoint.Host) error {
		if err := r.add(metrics, host); err != nil {
			return err
		}
		if c.store.isOverfull() { // the cap may be lower than it was
			c.store.evict(0)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for metric, n := range r.series {
		c.logger.Warn("series of a checkpoint are left out, as there are too many metrics", "metric", metric, "series", n)
	}
	if r.hosts > 0 {
		c.logger.Warn("hosts of a checkpoint are left out, as their cluster has as many as it may have", "hosts", r.hosts)
	}
	return contents, nil
}

// restoredLocked records that the checkpoint is in the store, and describes it.
func (c *Checkpoints) restoredLocked(id uint64, contents *checkpoint.Contents, begin time.Time) Restored {
	c.dir.Keep(id, contents)
	c.loadedEras = contents.Header.Eras
	out := Restored{From: inMemory(contents.Header.Position), HighWater: inMemory(contents.End.HighWater)}
	c.highWater = out.HighWater.Entry
	// The clock may have been set back since.
	now := c.store.cfg.Now()
	c.newest = savedState{at: now.Add(-max(now.Sub(contents.Header.Written), 0)), changes: c.store.changes(out.From.Entry)}
	c.epoch = out.From.Entry.Epoch
	c.mu.Lock()
	c.stats.Last = contents.Header.Written
	c.mu.Unlock()
	c.logger.Info("loaded a checkpoint", "path", c.dir.Path(id), "written", contents.Header.Written, "hosts", contents.End.Hosts,
		"entry", out.From.Entry.Seq, "duration", time.Since(begin).Truncate(time.Millisecond))
	return out
}

func inMemory(p checkpoint.LogPosition) LogPosition {
	return LogPosition{Entry: Entry{restoredEpoch, p.Entry}, Stream: p.Stream, Created: p.Created, At: p.EntryAt}
}

// reject logs that a checkpoint cannot be read. It quarantines the checkpoint only if its
// content is damaged, and neither if it is of another version nor if the disk fails.
func (c *Checkpoints) reject(id uint64, err error) {
	if errors.Is(err, checkpoint.ErrVersion) {
		c.logger.Error("a checkpoint is left alone: trying the one before", "error", err)
		return
	}
	if !errors.Is(err, checkpoint.ErrDamaged) {
		c.logger.Error("a checkpoint cannot be read: trying the one before", "error", err)
		return
	}
	c.quarantine(id, err)
}

// errIncomplete is why a checkpoint without some blocks is quarantined.
var errIncomplete = errors.New("some of its blocks cannot be read")

func (c *Checkpoints) quarantine(id uint64, why error) {
	path, err := c.dir.Quarantine(id)
	if err != nil {
		c.logger.Error("a checkpoint is damaged, and cannot be set aside: using the one before", "error", why, "set_aside", err)
		return
	}
	c.logger.Error("a checkpoint is damaged: it is set aside, using the one before", "error", why, "kept_as", path)
}

// reportLost logs which hosts lack blocks, and of which times.
func (c *Checkpoints) reportLost(id uint64, lost []checkpoint.Loss) {
	c.logger.Error("no checkpoint is complete: reading the log from its first entry; what it does not hold any more of the blocks that are named now is lost",
		"path", c.dir.Path(id), "blocks", len(lost))
	slices.SortFunc(lost, func(a, b checkpoint.Loss) int {
		return cmp.Or(cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Host, b.Host), cmp.Compare(a.Start, b.Start))
	})
	for len(lost) > 0 {
		first, end := lost[0], lost[0].End
		n := 1
		for ; n < len(lost) && lost[n].Cluster == first.Cluster && lost[n].Host == first.Host; n++ {
			end = max(end, lost[n].End)
		}
		c.logger.Error("blocks of a host cannot be read", "cluster", first.Cluster, "host", first.Host,
			"from", time.Unix(first.Start, 0).UTC(), "to", time.Unix(end, 0).UTC(), "blocks", n, "error", first.Err)
		lost = lost[n:]
	}
}

// DumpFile prints a file of a checkpoint as lines of JSON.
func DumpFile(w io.Writer, path string) error { return checkpoint.Dump(w, path) }

// clear removes everything from the store.
func (s *Store) clear() {
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.Lock()
		for _, h := range st.hosts {
			s.release(h.blocksSize())
			s.dropHostLocked(st, h)
		}
		st.mu.Unlock()
	}
	s.tombstones.clear()
}

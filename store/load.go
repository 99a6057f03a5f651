package store

import (
	"context"
	"errors"
	"io"
	"runtime"
	"time"

	"cc-metric-store/store/checkpoint"
)

// Restored says what Load has put into the store.
type Restored struct {
	// From is the entry after which the log has to be read. Without a Created it
	// has to be read from its first entry.
	From LogPosition
	// Head is the newest entry of which anything is in the store. Until the log
	// has been read up to it, hosts are at different entries.
	Head LogPosition
	// Clean says that no answer was given that the store does not agree with now.
	Clean bool
}

// Load puts the newest checkpoint that can be read into the store, which is
// empty. Damaged ones are set aside. If none can be read completely, it takes
// what there is, and has the log read from its first entry. It fails only if ctx
// ends.
func (c *Checkpoints) Load(ctx context.Context) (Restored, error) {
	c.writing.Lock()
	defer c.writing.Unlock()
	begin := time.Now()
	clean, isClean := c.dir.TakeClean()
	c.store.graves.open()
	c.replaying = true
	damaged := uint64(0) // the newest one that lacks some blocks
	var incomplete []uint64
	for _, id := range c.dir.Found() {
		contents, err := c.read(ctx, id)
		if ctx.Err() != nil {
			return Restored{}, ctx.Err()
		}
		if err != nil {
			c.reject(id, err)
			continue
		}
		if len(contents.Lost) == 0 {
			for _, id := range incomplete {
				c.setAside(id, errIncomplete)
			}
			return c.restored(id, contents, begin, isClean && clean == id), nil
		}
		c.reportLost(id, contents.Lost)
		c.dir.NoteDamage(contents.Lost)
		incomplete = append(incomplete, id)
		if damaged == 0 {
			damaged = id
		}
	}
	if damaged == 0 {
		c.store.clear()
		c.head = Entry{1, 0}
		return Restored{From: LogPosition{Entry: Entry{1, 0}}}, nil
	}
	contents, err := c.read(ctx, damaged)
	if err != nil {
		c.reject(damaged, err)
		c.store.clear()
		return Restored{From: LogPosition{Entry: Entry{2, 0}}}, ctx.Err()
	}
	out := c.restored(damaged, contents, begin, false)
	c.log.Error("no checkpoint is complete: reading the log from its first entry; what it does not hold any more of the blocks named above is lost",
		"path", c.dir.Path(damaged), "blocks", len(contents.Lost))
	// In another log, as it were: no entry counts as having taken effect.
	return Restored{From: LogPosition{Entry: Entry{out.From.Entry.Log + 1, 0}}}, nil
}

// read puts a checkpoint into the store.
func (c *Checkpoints) read(ctx context.Context, id uint64) (*checkpoint.Contents, error) {
	c.store.clear()
	r := &restore{store: c.store, log: 1, series: map[string]int{}}
	contents, err := c.dir.Read(ctx, id, runtime.GOMAXPROCS(0), func(h *checkpoint.Header, host *checkpoint.Host) error {
		if err := r.add(h.Metrics, host); err != nil {
			return err
		}
		if c.store.cfg.MemoryCap > 0 { // it may be lower than it was
			c.store.evict(0)
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	for metric, n := range r.series {
		c.log.Warn("series of a checkpoint are left out, as their metric is not configured, or for another interval than before", "metric", metric, "series", n)
	}
	if r.hosts > 0 {
		c.log.Warn("hosts of a checkpoint are left out, as their cluster has as many as it may have", "hosts", r.hosts)
	}
	return contents, nil
}

// restored says what is in the store now.
func (c *Checkpoints) restored(id uint64, contents *checkpoint.Contents, begin time.Time, clean bool) Restored {
	c.dir.Keep(id, contents)
	out := Restored{From: inMemory(contents.Header.Position), Head: inMemory(contents.End.Head), Clean: clean}
	c.head = out.Head.Entry
	c.written = mark{at: contents.Header.Written, changes: c.store.changes(out.From.Entry)}
	c.mu.Lock()
	c.stats.Last = contents.Header.Written
	c.mu.Unlock()
	c.log.Info("loaded a checkpoint", "path", c.dir.Path(id), "written", contents.Header.Written, "hosts", contents.End.Hosts,
		"entry", out.From.Entry.Number, "duration", time.Since(begin).Truncate(time.Millisecond))
	return out
}

func inMemory(p checkpoint.Position) LogPosition {
	return LogPosition{Entry: Entry{1, p.Entry}, Stream: p.Stream, Created: p.Created, At: p.EntryAt}
}

// reject reports a checkpoint that cannot be read, and sets it aside if that is
// for its content and not for what another version or the disk has to do with it.
func (c *Checkpoints) reject(id uint64, err error) {
	if errors.Is(err, checkpoint.ErrVersion) {
		c.log.Error("a checkpoint is left alone: trying the one before", "error", err)
		return
	}
	if !errors.Is(err, checkpoint.ErrDamaged) {
		c.log.Error("a checkpoint cannot be read: trying the one before", "error", err)
		return
	}
	c.setAside(id, err)
}

// errIncomplete is why a checkpoint without some blocks is set aside.
var errIncomplete = errors.New("some of its blocks cannot be read")

func (c *Checkpoints) setAside(id uint64, why error) {
	path, err := c.dir.SetAside(id)
	if err != nil {
		c.log.Error("a checkpoint is damaged, and cannot be set aside: using the one before", "error", why, "set_aside", err)
		return
	}
	c.log.Error("a checkpoint is damaged: it is set aside, using the one before", "error", why, "kept_as", path)
}

// reportedLosses is how many lost blocks are named one by one.
const reportedLosses = 10

func (c *Checkpoints) reportLost(id uint64, lost []checkpoint.Loss) {
	for i, l := range lost {
		if i == reportedLosses {
			c.log.Error("more blocks of the checkpoint cannot be read", "path", c.dir.Path(id), "blocks", len(lost)-i)
			return
		}
		c.log.Error("a block of a checkpoint cannot be read", "path", c.dir.Path(id), "cluster", l.Cluster, "host", l.Host,
			"from", time.Unix(l.Start, 0).UTC(), "to", time.Unix(l.End, 0).UTC(), "error", l.Err)
	}
}

// DumpFile prints a file of a checkpoint as lines of JSON.
func DumpFile(w io.Writer, path string) error { return checkpoint.Dump(w, path) }

// clear takes everything out of the store.
func (s *Store) clear() {
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.Lock()
		for _, h := range st.hosts {
			s.give(h.blockBytes())
			s.dropHost(st, h)
		}
		st.mu.Unlock()
	}
	s.graves.clear()
}

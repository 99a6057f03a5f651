package store

import (
	"context"
	"errors"
	"fmt"
	"runtime"
	"sync"
	"sync/atomic"

	"golang.org/x/sync/errgroup"

	"cc-metric-store/store/checkpoint"
	"cc-metric-store/store/chunk"
)

// errStartedOver says that the sequence numbers of the log started over while a checkpoint
// was written. It is of no use: the hosts in it are of two epochs.
var errStartedOver = errors.New("the log started over meanwhile")

// save is a checkpoint that is being written.
//
// The hosts are copied one after the other while appends go on, each at another moment. That
// is consistent: each host is copied with the last entry that took effect on it, and a replay
// skips the entries up to that one for this host.
type save struct {
	store  *Store
	epoch  uint32 // of the entries
	writer *checkpoint.Writer
	next   atomic.Int64 // index of the next stripe
	named  atomic.Int64 // how many names of metrics are written, at least

	mu sync.Mutex
	// Guarded by mu.
	highWater Entry // the newest entry of which anything was copied
	copied    map[hostKey]Entry
	written   []writtenBlock
}

// writtenBlock is a sealed block that got a new ref: the block in memory learns it when
// the checkpoint is complete.
type writtenBlock struct {
	host   hostKey
	block  *block
	values chunk.Group // to notice that they were replaced meanwhile
	ref    checkpoint.BlockRef
}

// writeAllLocked writes a checkpoint that begins at the position from. The tombstones have
// been open since before that was read.
func (c *Checkpoints) writeAllLocked(ctx context.Context, log Log, from LogPosition) (*checkpoint.Written, error) {
	s := c.store
	names := s.metrics.list()
	w, err := c.dir.Begin(checkpoint.Header{Position: from.onDisk(), Written: s.cfg.Now(), Metrics: names, Eras: s.allEras()})
	if err != nil {
		return nil, err
	}
	one := &save{store: s, epoch: from.Entry.Epoch, writer: w, highWater: from.Entry, copied: map[hostKey]Entry{}}
	one.named.Store(int64(len(names)))
	if err := one.run(ctx); err != nil {
		w.Abort()
		return nil, err
	}
	if err := log.Await(ctx, one.highWater); err != nil {
		w.Abort()
		return nil, fmt.Errorf("complete checkpoint: wait for entry %d of the log: %w", one.highWater.Seq, err)
	}
	applied, _ := log.Applied()
	if applied.Entry.Epoch != one.epoch {
		w.Abort()
		return nil, errStartedOver
	}
	out, err := w.Commit(applied.onDisk())
	if out != nil {
		one.setRefs()
	}
	return out, err
}

func (p LogPosition) onDisk() checkpoint.LogPosition {
	return checkpoint.LogPosition{Stream: p.Stream, Created: p.Created, Entry: p.Entry.Seq, EntryAt: p.At}
}

// run writes all hosts.
func (s *save) run(ctx context.Context) error {
	g, ctx := errgroup.WithContext(ctx)
	for range min(runtime.GOMAXPROCS(0), 4) {
		g.Go(func() error { return s.work(ctx) })
	}
	if err := g.Wait(); err != nil {
		return err
	}
	for k, last := range s.store.tombstones.all() {
		if last.Epoch != s.epoch {
			continue
		}
		if at, ok := s.copied[k]; ok && at.Seq >= last.Seq {
			continue // no entry is the reason why it is gone, or it is back
		}
		if err := s.writer.Add(&checkpoint.Host{Cluster: k.cluster, Name: k.host, Applied: last.Seq, Gone: true}); err != nil {
			return err
		}
		s.highWater.Seq = max(s.highWater.Seq, last.Seq)
	}
	return nil
}

// work writes the hosts of one stripe after the other.
func (s *save) work(ctx context.Context) error {
	c := &capture{store: s.store}
	var keys []hostKey
	for {
		i := s.next.Add(1) - 1
		if i >= int64(len(s.store.stripes)) {
			return nil
		}
		st := &s.store.stripes[i]
		st.mu.RLock()
		keys = keys[:0]
		for k := range st.hosts {
			keys = append(keys, k)
		}
		st.mu.RUnlock()
		for _, k := range keys {
			if err := ctx.Err(); err != nil {
				return err
			}
			if err := s.host(c, st, k); err != nil {
				return err
			}
		}
	}
}

// host writes one host, if it is still there.
func (s *save) host(c *capture, st *stripe, k hostKey) error {
	st.mu.RLock()
	blocks := st.hosts[k].countBlocks()
	st.mu.RUnlock()
	c.growBlocks(blocks)
	st.mu.RLock()
	h := st.hosts[k]
	if h == nil {
		st.mu.RUnlock()
		return nil
	}
	applied := h.applied
	c.copyHostLocked(h)
	st.mu.RUnlock()
	if s.store.testHooks.onCopy != nil {
		s.store.testHooks.onCopy()
	}
	if applied.Epoch > s.epoch {
		return errStartedOver
	}
	if applied.Epoch < s.epoch { // no entry of this epoch concerned the host yet
		applied = Entry{s.epoch, 0}
		c.host.Applied = 0
	}
	if err := s.name(); err != nil {
		return err
	}
	if err := s.writer.Add(c.encode()); err != nil {
		return err
	}
	s.mu.Lock()
	defer s.mu.Unlock()
	s.copied[k] = applied
	s.highWater.Seq = max(s.highWater.Seq, applied.Seq)
	for _, b := range c.saved {
		if to := &c.host.Grids[b.grid].Blocks[b.block]; to.Ref != b.was {
			s.written = append(s.written, writtenBlock{k, b.of, to.Values, to.Ref})
		}
	}
	return nil
}

// name writes the names of metrics that are new since it was last called. It comes before a
// host that may have them.
func (s *save) name() error {
	if len(*s.store.metrics.all.Load()) <= int(s.named.Load()) {
		return nil
	}
	names := s.store.metrics.list()
	if err := s.writer.Name(names); err != nil {
		return err
	}
	s.named.Store(int64(len(names)))
	return nil
}

// setRefs gives the blocks in memory the refs that they got on the disk.
func (s *save) setRefs() {
	for _, p := range s.written {
		st := s.store.stripeOf(p.host)
		st.mu.Lock()
		if b := p.block; len(b.sealed) > 0 && &b.sealed[0] == &p.values[0] {
			b.ref = p.ref
		}
		st.mu.Unlock()
	}
}

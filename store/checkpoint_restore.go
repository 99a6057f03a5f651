package store

import (
	"fmt"
	"hash/maphash"
	"math"
	"sync"

	"cc-metric-store/store/checkpoint"
	"cc-metric-store/store/chunk"
)

// restore puts the hosts of a checkpoint into an empty store. It is safe for
// concurrent use.
type restore struct {
	store *Store
	epoch uint32 // of the entries that took effect on the hosts

	mu sync.Mutex
	// Guarded by mu: what was left out, as the limits of the configuration are lower now.
	series map[string]int // number of series by metric
	hosts  int
}

// add puts a host into the store. metrics are the names that its series refer to.
func (r *restore) add(metrics []string, c *checkpoint.Host) error {
	s := r.store
	key := hostKey{c.Cluster, c.Name}
	applied := Entry{r.epoch, c.Applied}
	st := s.stripeOf(key)
	st.mu.Lock()
	defer st.mu.Unlock()
	// A host that went after it was copied is in the checkpoint twice, in any order: as it was
	// copied, and as gone. The later entry decides.
	if c.Gone {
		s.tombstones.put(key, applied)
		if h := st.hosts[key]; h != nil && h.applied.Seq < c.Applied {
			s.release(h.blocksSize())
			s.dropHostLocked(st, h)
			s.tombstones.put(key, applied)
		}
		return nil
	}
	if s.tombstones.last(key).Seq > c.Applied {
		return nil
	}
	h := newHost(key)
	h.applied = applied
	if err := r.fill(h, metrics, c); err != nil {
		h.uncount(s.metrics)
		return fmt.Errorf("host %q of cluster %q: %w", c.Name, c.Cluster, err)
	}
	// Blocks may have been lost, and all of some series with them.
	if h.prune(s.seed, s.metrics) {
		return nil
	}
	if !s.hosts.add(key, s.cfg.MaxHosts) {
		r.mu.Lock()
		r.hosts++
		r.mu.Unlock()
		h.uncount(s.metrics)
		return nil
	}
	st.hosts[h.key] = h
	s.usedBytes.Add(h.size() + h.blocksSize())
	return nil
}

// fill gives the host its series and samples. The host is not in the store yet.
func (r *restore) fill(h *host, metrics []string, c *checkpoint.Host) error {
	t := r.store.metrics
	parts := make([]int32, len(c.Parts)) // index at the host; -1: not yet
	for i := range parts {
		parts[i] = -1
	}
	for i := range c.Grids {
		from := &c.Grids[i]
		var at uint16
		var g *grid
		for _, one := range from.Series {
			m, ok := t.obtain(metrics[one.Metric], from.Frequency)
			if !ok {
				r.leaveOut(metrics[one.Metric])
				continue
			}
			at = t.at(m).grid
			if g == nil {
				var err error
				if g, err = restoreGrid(from, int64(r.store.cfg.blockSlots)); err != nil {
					return err
				}
			}
			if parts[one.Part] < 0 {
				p := Part(c.Parts[one.Part])
				parts[one.Part] = h.obtain(maphash.Comparable(r.store.seed, p), p)
			}
			h.addSeries(parts[one.Part], m, t, one.Column)
		}
		if g != nil {
			h.setGrid(at, g)
			g.findUnused(from.Series)
		}
	}
	h.arrange()
	return nil
}

// leaveOut counts a series that is left out, as there are too many metrics.
func (r *restore) leaveOut(metric string) {
	r.mu.Lock()
	defer r.mu.Unlock()
	r.series[metric]++
}

// findUnused lists the columns for new series: those that no series has, and that have no
// values of a series that was left out.
func (g *grid) findUnused(series []checkpoint.Series) {
	used := make([]bool, g.columns)
	for _, one := range series {
		used[one.Column] = true
	}
	hasValues := g.columnsWithValues()
	for c, u := range used {
		if !u && !hasValues[c] {
			g.unused = append(g.unused, int32(c))
		}
	}
}

func restoreGrid(from *checkpoint.Grid, slots int64) (*grid, error) {
	g := &grid{frequency: from.Frequency, slots: slots, columns: from.Columns}
	for i := range from.Blocks {
		b, err := restoreBlock(&from.Blocks[i], g.columns)
		if err != nil {
			return nil, err
		}
		g.blocks.insert(g.blocks.after(b.start), b)
		if b.head != nil {
			g.open = append(g.open, b)
		}
	}
	g.countHolders()
	return g, nil
}

func restoreBlock(from *checkpoint.Block, columns int32) (*block, error) {
	b := newBlock(from.Start, from.End, int64(from.Slots))
	if !from.Open {
		b.sealed, b.totals, b.ref = from.Values, from.Totals, from.Ref
		if n := len(from.Patches); n > 0 {
			b.patches.grow(n)
		}
		for _, p := range from.Patches {
			b.patches.add(patch{p.Column, p.Slot, p.Value})
		}
		return b, nil
	}
	b.head = &head{}
	var buf [chunk.MaxSlots]float64
	v := buf[:from.Slots]
	for c := range from.Values.All() {
		if err := from.Values.DecodeRange(v, c, 0); err != nil {
			return nil, fmt.Errorf("block from %d, column %d: %w", from.Start, c, err)
		}
		for slot, x := range v {
			if !math.IsNaN(x) {
				b.head.set(int64(slot), c, columns, x)
			}
		}
	}
	return b, nil
}

package store

import "math"

// MaxTime bounds the times of samples: Unix seconds within ±MaxTime have a
// nanosecond form that fits 64 bits.
const MaxTime = 9223372036

// Sample is one value of one series of a batch's host.
type Sample struct {
	Time   int64 // Unix seconds, within ±MaxTime
	Value  float64
	Part   int32 // index into Batch.Parts
	Metric MetricID
}

// Batch holds samples of one host in the order in which they take effect: of
// two samples for one slot the later one stays. It belongs to the caller again
// when Append returns.
type Batch struct {
	Cluster, Host string
	Parts         []Part
	Samples       []Sample
}

// appendRun is the number of samples stored under one hold of the stripe lock.
// It bounds both how long a query waits and how much memory an append reserves.
const appendRun = 4096

// Append stores the samples of b, whose values are finite, and returns how
// many of them it stored: all but those whose time is out of bounds or whose
// value is NaN or infinite. It never blocks on anything slower than memory.
func (s *Store) Append(b *Batch) (stored int) {
	key := hostKey{b.Cluster, b.Host}
	st := s.stripeOf(key)
	parts := make([]*part, len(b.Parts))
	for rest := b.Samples; len(rest) > 0; {
		run := rest[:min(len(rest), appendRun)]
		rest = rest[len(run):]
		reserved := s.reserve(len(run))
		st.mu.Lock()
		h := st.hosts[key]
		if h == nil {
			h = s.addHost(st, key)
		}
		n, allocated := s.appendLocked(h, b, run, parts)
		if len(h.parts) == 0 { // nothing in the run could be stored
			delete(st.hosts, h.key)
		}
		st.mu.Unlock()
		s.held.Add(allocated - reserved)
		stored += n
		// Between two runs a free may remove parts.
		clear(parts)
	}
	s.counters.samples.Add(int64(stored))
	return stored
}

func (s *Store) appendLocked(h *host, b *Batch, run []Sample, parts []*part) (stored int, allocated int64) {
	for i := range run {
		sample := &run[i]
		if sample.Time < -MaxTime || sample.Time > MaxTime || math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0) {
			continue
		}
		index := s.metrics.grids[sample.Metric]
		g := h.grids[index]
		if g == nil {
			g = newGrid(s.metrics.frequencies[index], sample.Time, s.cfg.BlockSlots)
			h.grids[index] = g
		}
		p := parts[sample.Part]
		if p == nil {
			p = h.obtain(b.Parts[sample.Part])
			parts[sample.Part] = p
		}
		slot := g.slot(sample.Time)
		blk := g.obtain(slot)
		v, added := blk.values(p.obtain(sample.Metric, g), s.gaps)
		if added {
			allocated += s.blockBytes()
		}
		v[slot-blk.first] = sample.Value
		stored++
	}
	return stored, allocated
}

// obtain returns the column of the part's series of m, which it adds to the
// part and to g, the grid of the metric's frequency, if it is new.
func (p *part) obtain(m MetricID, g *grid) int32 {
	at, ok := p.search(m)
	if !ok {
		p.insert(at, series{metric: m, column: g.addColumn()})
	}
	return p.series[at].column
}

package store

import (
	"hash/maphash"
	"math"
)

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
	// Entry is the entry of the log that the samples come from. A batch of an
	// entry that has taken effect on the host already changes nothing.
	Entry         Entry
	Cluster, Host string
	Parts         []Part
	Samples       []Sample
}

// Appended says what became of the samples of a batch.
type Appended struct {
	Stored int
	// Invalid counts samples whose time is out of bounds or whose value is NaN
	// or infinite.
	Invalid int
	// OverSeries and OverHosts count samples of new series and new hosts beyond
	// Config.MaxSeries and Config.MaxHosts.
	OverSeries, OverHosts int
}

// appendRun is the number of samples stored under one hold of the stripe lock,
// to bound how long a query waits.
const appendRun = 4096

// Append stores the samples of b. It never blocks on anything slower than
// memory; under the memory cap it makes room for them first.
func (s *Store) Append(b *Batch) Appended {
	a := appender{store: s, batch: b, rest: b.Samples, parts: make([]batchPart, len(b.Parts))}
	key := hostKey{b.Cluster, b.Host}
	st := s.stripeOf(key)
	for len(a.rest) > 0 {
		if need := a.run(st, key); need > 0 {
			s.evict(need)
		}
	}
	s.counters.add(&a.done)
	return a.done
}

// batchPart is what an appender knows of a part of its batch.
type batchPart struct {
	number int32 // at the host, -1 if unknown
	hash   uint64
}

// appender is one batch on its way into the store.
type appender struct {
	store *Store
	batch *Batch
	rest  []Sample    // not stored yet
	parts []batchPart // by index into Batch.Parts
	done  Appended

	host *host
	// The place of the newest sample, which is usually that of the next one.
	grid  *grid
	block *block
	slot  int64
	at    int64
}

// run stores the next samples under one hold of the lock. It returns the number
// of bytes for which there has to be room first, 0 if there was.
func (a *appender) run(st *stripe, key hostKey) (need int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	// Since the last run parts and blocks may have gone.
	for i := range a.parts {
		a.parts[i].number = -1
	}
	a.grid, a.block = nil, nil
	last := Entry{}
	if a.host = st.hosts[key]; a.host != nil {
		last = a.host.applied
	} else {
		last = a.store.graves.last(key)
	}
	if last.covers(a.batch.Entry) {
		a.rest = nil
		return 0
	}
	if a.host == nil {
		if need = a.addHost(st, key); need != 0 || a.host == nil {
			return need
		}
		a.host.applied = last
	}
	end := max(len(a.rest)-appendRun, 0)
	for len(a.rest) > end {
		if need = a.sample(&a.rest[0]); need > 0 {
			break
		}
		a.rest = a.rest[1:]
	}
	if len(a.rest) == 0 && a.batch.Entry.Number != 0 {
		a.host.applied = a.batch.Entry
	}
	switch {
	case need > 0: // there may be a new series, and no room for its sample
		a.store.prune(st, a.host)
	case len(a.host.series) == 0: // nothing could be stored
		a.store.dropHost(st, a.host)
	}
	return need
}

// addHost adds the batch's host, unless there is no room for it, or there are
// too many, in which case the rest of the batch is refused.
func (a *appender) addHost(st *stripe, key hostKey) (need int64) {
	h := newHost(key, len(a.store.metrics.frequencies))
	if !a.store.take(h.size()) {
		return h.size()
	}
	if !a.store.hosts.add(h.key.cluster, a.store.cfg.MaxHosts) {
		a.store.give(h.size())
		a.done.OverHosts += len(a.rest)
		a.rest = nil
		return 0
	}
	st.hosts[h.key] = h
	a.host = h
	return 0
}

// sample stores one sample, or returns how much memory it needs.
func (a *appender) sample(sample *Sample) (need int64) {
	if sample.Time < -MaxTime || sample.Time > MaxTime || math.IsNaN(sample.Value) || math.IsInf(sample.Value, 0) {
		a.done.Invalid++
		return 0
	}
	g := a.obtainGrid(sample.Metric)
	column, need := a.obtainColumn(g, sample)
	if need > 0 || column < 0 {
		return need
	}
	if a.grid != g || a.at != sample.Time || a.block == nil {
		b, slot, need := a.obtainBlock(g, sample.Time)
		if need > 0 {
			return need
		}
		a.grid, a.block, a.slot, a.at = g, b, slot, sample.Time
	}
	if need = a.set(g, column, sample.Value); need > 0 {
		if a.block.head != nil && a.block.head.size() == 0 { // a new one
			need += a.block.size()
			a.store.removeBlock(g, a.block)
			a.block = nil
		}
		return need
	}
	a.done.Stored++
	return 0
}

func (a *appender) obtainGrid(m MetricID) *grid {
	t := &a.store.metrics
	i := t.grids[m]
	g := a.host.grids[i]
	if g == nil {
		g = &grid{frequency: t.frequencies[i], slots: int64(a.store.cfg.BlockSlots)}
		a.host.grids[i] = g
	}
	return g
}

// obtainColumn returns the column of the sample's series, -1 if the series is
// refused.
func (a *appender) obtainColumn(g *grid, sample *Sample) (column int32, need int64) {
	h := a.host
	part := &a.parts[sample.Part]
	if part.number < 0 {
		key := a.batch.Parts[sample.Part]
		part.hash = maphash.Comparable(a.store.seed, key)
		if n, ok := h.part(part.hash, key); ok {
			part.number = n
		}
	}
	if part.number >= 0 {
		if c, ok := h.column(part.number, sample.Metric); ok {
			return c, 0
		}
	}
	if len(h.series) >= a.store.cfg.MaxSeries {
		a.done.OverSeries++
		return -1, 0
	}
	before := h.size()
	if !a.store.take(partBytes + seriesBytes) {
		return 0, partBytes + seriesBytes
	}
	part.number = h.obtain(part.hash, a.batch.Parts[sample.Part])
	c := g.addColumn()
	h.series[seriesKey{part.number, sample.Metric}] = c
	a.store.give(partBytes + seriesBytes - (h.size() - before))
	return c, 0
}

func (a *appender) obtainBlock(g *grid, t int64) (b *block, slot, need int64) {
	if b, slot = g.find(t); b == nil {
		if !a.store.take(blockBytes) {
			return nil, 0, blockBytes
		}
		b, slot = g.obtain(t)
	}
	if b.head != nil {
		if old := g.touch(b); old != nil {
			a.store.seal(g, old)
		}
	}
	return b, slot, 0
}

// set stores a value at the place found before.
func (a *appender) set(g *grid, column int32, v float64) (need int64) {
	b := a.block
	if b.head == nil {
		if len(b.patches) >= maxPatches {
			a.store.seal(g, b)
		}
		if len(b.patches) == cap(b.patches) {
			if need = patchBytes * int64(max(len(b.patches), 16)); !a.store.take(need) {
				return need
			}
			b.patches = append(make([]patch, 0, cap(b.patches)+int(need/patchBytes)), b.patches...)
		}
		b.patches = append(b.patches, patch{column, int32(a.slot), v})
		return 0
	}
	if n := valueBytes * b.head.growth(a.slot, column, g.columns); n > 0 && !a.store.take(n) {
		return n
	}
	b.head.set(a.slot, column, g.columns, v)
	return 0
}

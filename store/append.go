package store

import "math"

// MaxTime bounds the times of samples: Unix seconds within ±MaxTime have a
// nanosecond form that fits 64 bits.
const MaxTime = 9223372036

// Sample is one value of one series of a batch's host.
type Sample struct {
	Time  int64 // Unix seconds, within ±MaxTime
	Value float64
	// Ref is the reference to the series in Batch.Refs, or 0: then Name is an index
	// into Batch.Names.
	Ref  SeriesRef
	Name int32
}

// IsValid reports whether the store can hold the sample: its time is within bounds, and its
// value is a finite number.
func (s *Sample) IsValid() bool {
	return -MaxTime <= s.Time && s.Time <= MaxTime && !math.IsNaN(s.Value) && !math.IsInf(s.Value, 0)
}

// Name names a series of a batch's host.
type Name struct {
	Part   int32 // index into Batch.Parts
	Metric MetricID
}

// Batch holds samples of one host in the order in which they take effect: of
// two samples for one slot the later one stays. It belongs to the caller again
// when Append returns.
//
// Append writes references into the batch, for the next samples of the same series:
// in Refs the host's table, and in each sample that was stored its reference, also in
// place of a stale one. A sample that was not stored has no reference afterwards, and a stored
// one may have none, too: if a series of the host went meanwhile, or the reference does not fit.
// If the entry has taken effect already, each sample whose series the host has gets its
// reference, so that a cache can learn it.
type Batch struct {
	// Entry is the entry of the log that the samples come from. A batch of an
	// entry that has taken effect on the host already changes nothing.
	Entry Entry
	// At is when the log took the entry, in Unix seconds: it says which second's
	// share of new series the batch may take.
	At            int64
	Cluster, Host string
	Parts         []Part
	Names         []Name
	Samples       []Sample
	// Refs is the table of the samples' references, of this host. It may be stale, and
	// nil if no sample has a reference.
	Refs *Refs
}

// Add adds a sample of the series of a metric and a part, an index into Parts.
func (b *Batch) Add(part int32, metric MetricID, time int64, value float64) {
	b.Samples = append(b.Samples, Sample{Time: time, Value: value, Name: int32(len(b.Names))})
	b.Names = append(b.Names, Name{part, metric})
}

// Appended says what became of the samples of a batch.
type Appended struct {
	Stored int
	// Invalid counts samples whose time is out of bounds or whose value is NaN
	// or infinite.
	Invalid int
	// OverSeries, OverHosts and OverNewSeries count samples of new series and new
	// hosts beyond Config.MaxSeries, MaxHosts and MaxNewSeries.
	OverSeries, OverHosts, OverNewSeries int
	// Replaced counts those that replaced a sample of another time in their slot: they
	// arrive more often than their metric's interval says.
	Replaced int
	// Series is how many series the host has then, 0 if there is no such host.
	Series int
}

// Over counts the samples beyond a limit.
func (a *Appended) Over() int { return a.OverSeries + a.OverHosts + a.OverNewSeries }

// appendRun is the number of samples stored under one hold of the stripe lock,
// to bound how long a query waits.
const appendRun = 4096

// Append stores the samples of b. It waits for locks and for the processor, but never for a
// disk or the network. At the memory cap it evicts older samples first.
func (s *Store) Append(b *Batch) Appended {
	a := s.appends.Get().(*appender)
	a.begin(s, b)
	key := hostKey{b.Cluster, b.Host}
	st := s.stripeOf(key)
	for len(a.rest) > 0 {
		if need := a.run(st, key); need > 0 {
			s.evict(need)
		}
	}
	s.counters.add(&a.done)
	if a.done.Over() > 0 {
		s.refusals.add(key, &a.done)
	}
	if a.done.Replaced > 0 {
		s.counters.replaced.Add(int64(a.done.Replaced))
		s.replacements.record(s, key, a.replaced)
	}
	done := a.done
	a.end()
	s.appends.Put(a)
	return done
}

// appender is one batch on its way into the store. It is used by one goroutine. All that run
// calls is called with the lock of the host's stripe held, for writing; the methods do not say
// so by a suffix.
type appender struct {
	store *Store
	batch *Batch
	rest  []Sample    // not stored yet
	parts []batchPart // by index into Batch.Parts
	stale batchPart   // of the newest sample whose reference is stale
	done  Appended

	host      *host
	refs      *Refs         // of the host, and of the references of the samples before rest
	isCurrent bool          // refs are those of the batch, too
	replaced  []replacement // the first ones by metric
	cursors   []cursor      // by grid
}

// batchPart is what an appender knows of a part of its batch.
type batchPart struct {
	index int32  // into host.parts, -1 if it is not known
	hash  uint64 // for host.index
}

// cursor is where the newest sample of a grid lies, which is usually that of the
// next one, too.
type cursor struct {
	block *block // nil: nowhere yet
	slot  int64
	at    int64     // time of the sample
	row   []float64 // values of the slot by column, if the block is open
	// replaces says which values of the slot are of another time.
	replaces replaces
}

func (a *appender) begin(s *Store, b *Batch) {
	a.store, a.batch, a.rest, a.done = s, b, b.Samples, Appended{}
	a.parts = append(a.parts[:0], make([]batchPart, len(b.Parts))...)
	a.cursors = append(a.cursors[:0], make([]cursor, len(*s.metrics.frequencies.Load()))...)
}

// end gives the batch its table, and lets go of all that is not the appender's own.
func (a *appender) end() {
	a.batch.Refs = a.refs
	clear(a.cursors)
	*a = appender{parts: a.parts, cursors: a.cursors, replaced: a.replaced[:0]}
}

// run stores the next samples under one hold of the lock. It returns the number
// of bytes for which there has to be room first, 0 if there was.
func (a *appender) run(st *stripe, key hostKey) (need int64) {
	st.mu.Lock()
	defer st.mu.Unlock()
	// Since the last run parts and blocks may have gone.
	for i := range a.parts {
		a.parts[i].index = -1
	}
	clear(a.cursors)
	last := Entry{}
	if a.host = st.hosts[key]; a.host != nil {
		last = a.host.applied
	} else {
		last = a.store.tombstones.last(key)
	}
	a.countSeries()
	if last.covers(a.batch.Entry) {
		a.skip()
		return 0
	}
	if a.host == nil {
		if need = a.addHost(st, key); need != 0 || a.host == nil {
			return need
		}
		a.host.applied = last
	}
	a.setRefs(a.host.refs)
	n, need := a.appendSamples(a.rest[:min(len(a.rest), appendRun)])
	a.rest = a.rest[n:]
	a.host.arrange()
	a.refs.parts = a.host.parts
	if len(a.rest) == 0 && a.batch.Entry.Seq != 0 {
		a.host.applied = a.batch.Entry
	}
	switch {
	case need > 0: // there may be a new series, and no room for its sample
		a.store.pruneLocked(st, a.host)
	case len(a.host.series) == 0: // nothing could be stored
		a.store.dropHostLocked(st, a.host)
	}
	a.countSeries()
	return need
}

// skip goes past the next samples of an entry that has taken effect already.
func (a *appender) skip() {
	if a.host == nil {
		a.dropRest()
		return
	}
	a.setRefs(a.host.refs)
	samples := a.rest[:min(len(a.rest), appendRun)]
	a.rest = a.rest[len(samples):]
	a.refer(samples)
	a.refs.parts = a.host.parts
}

// countSeries records in done how many series the host has.
func (a *appender) countSeries() {
	if a.done.Series = 0; a.host != nil {
		a.done.Series = len(a.host.series)
	}
}

// dropRest gives up the samples that are not stored yet, and removes their references.
func (a *appender) dropRest() {
	clearRefs(a.rest)
	a.rest = nil
}

// setRefs sets the host's table of references. If it is another one than in the last run, it
// removes the references of the samples that were stored before.
func (a *appender) setRefs(r *Refs) {
	if a.refs != nil && a.refs != r {
		clearRefs(a.batch.Samples[:len(a.batch.Samples)-len(a.rest)])
	}
	a.refs, a.isCurrent = r, r == a.batch.Refs
}

func clearRefs(samples []Sample) {
	for i := range samples {
		samples[i].Ref = 0
	}
}

// addHost adds the batch's host, unless there is no room for it, or there are
// too many, in which case the rest of the batch is refused.
func (a *appender) addHost(st *stripe, key hostKey) (need int64) {
	if !a.store.hosts.add(key, a.store.cfg.MaxHosts) {
		a.done.OverHosts += len(a.rest)
		a.dropRest()
		return 0
	}
	h := newHost(key)
	if !a.store.reserve(h.size()) {
		a.store.hosts.remove(key)
		return h.size()
	}
	st.hosts[h.key] = h
	a.host = h
	return 0
}

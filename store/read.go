package store

import (
	"cmp"
	"context"
	"fmt"
	"math"
	"slices"

	"cc-metric-store/store/chunk"
)

// MaxReadCells is the largest number of cells of all series of one Read; one of them may
// have MaxCells.
const MaxReadCells = 1 << 26

// ReadError is returned by Read for more than MaxCells cells of one series, or more than
// MaxReadCells of all.
type ReadError struct {
	Series SeriesID // the one with too many cells, or the first one beyond the limit of all
	Limit  int
}

func (e *ReadError) Error() string {
	if e.Limit == MaxCells {
		return fmt.Sprintf("series %v has more than %d cells in the window: read a shorter time at once", e.Series, e.Limit)
	}
	return fmt.Sprintf("the series up to %v have more than %d cells in the window: read fewer series or a shorter time at once", e.Series, e.Limit)
}

// Read reads what the store holds of the series in the window [from, to) in Unix seconds.
// It gives use the runs of one series after the other, by its index, in order of time.
// Runs hold the native cells whose samples are expected in the window; a run has one
// interval, a series whose interval was changed has runs of several, which may overlap.
// Blocks without a sample of the series have no run. A series that the store does not
// hold, or not any more, has no runs.
//
// runs belongs to the store again when use returns; a copy of a Run may be kept. No lock
// is held while use runs, and memory is taken for one series at a time. Samples that are
// appended meanwhile may be there or not.
//
// The answer is complete from heldFrom on, and so all of it if that is not after from: see
// HeldFrom. Read ends with the error of use, the error of ctx when that ends,
// ErrInvalidTimeRange or a ReadError.
func (s *Store) Read(ctx context.Context, series []SeriesID, from, to int64, use func(i int, runs []Run) error) (heldFrom int64, err error) {
	if from > to {
		return 0, ErrInvalidTimeRange
	}
	from, to = max(from, -timeBound), min(to, timeBound)
	all := 0
	var runs []Run
	var known *recall
	defer func() { known.release() }()
	for i := range series {
		var cells int
		isArchived := s.isArchived(series[i].Cluster, from)
		if !isArchived {
			runs, cells, err = s.appendHeld(ctx, runs[:0], &series[i], from, to)
			isArchived = s.isArchived(series[i].Cluster, from) // blocks may have gone there meanwhile
		}
		if isArchived {
			if known, err = s.recallSeries(ctx, known, series[i:], from, to); err != nil {
				return 0, err
			}
			runs, cells, err = known.appendRuns(runs[:0], &series[i], from, to)
		}
		if err != nil {
			return 0, err
		}
		if all += cells; all > MaxReadCells {
			return 0, &ReadError{Series: series[i], Limit: MaxReadCells}
		}
		if err := use(i, runs); err != nil {
			return 0, err
		}
	}
	return s.HeldFrom(), nil
}

// AppendRuns is Read for one series: it appends the runs, which the caller may keep, to runs.
func (s *Store) AppendRuns(ctx context.Context, runs []Run, id *SeriesID, from, to int64) ([]Run, error) {
	if from > to {
		return nil, ErrInvalidTimeRange
	}
	from, to = max(from, -timeBound), min(to, timeBound)
	if !s.isArchived(id.Cluster, from) {
		held, _, err := s.appendHeld(ctx, runs, id, from, to)
		if err != nil || !s.isArchived(id.Cluster, from) { // otherwise blocks have gone there meanwhile
			return held, err
		}
	}
	r, err := s.recallSeries(ctx, nil, []SeriesID{*id}, from, to)
	if err != nil {
		return nil, err
	}
	defer r.release()
	runs, _, err = r.appendRuns(runs, id, from, to)
	return runs, err
}

// timeBound is so far beyond all times of samples, and so far below all int64, that
// intervals can be added to it.
const timeBound = math.MaxInt64 / 4

// HeldFrom returns the time in Unix seconds from which on the store, with its archive, holds
// all that was stored and not freed on request. Samples before it may have been dropped, as they
// are older than the retention or gave way under the memory cap, of some hosts or of all. It
// never goes back, unless the clock does, or somebody puts files into the archive. What gave way
// before the start of the program is not known, nor what was dropped before there was an archive.
func (s *Store) HeldFrom() int64 {
	from := s.cfg.Now().Add(-s.cfg.Retention).Unix()
	if a := s.archived.opened.Load(); a != nil {
		if held, ok := a.HeldFrom(); ok {
			from = min(from, held)
		}
	}
	return max(from, s.evictedTo.Load())
}

// lost notes that samples before a time in Unix seconds have gone that should be held.
func (s *Store) lost(before int64) {
	s.evicting.Lock()
	defer s.evicting.Unlock()
	s.evictedTo.Store(max(s.evictedTo.Load(), before))
}

// recallSeries returns a recall of the first series. One that is known is used again if it has
// all parts of the same metric and host, as one has when series of these follow each other; otherwise it is
// released.
func (s *Store) recallSeries(ctx context.Context, known *recall, series []SeriesID, from, to int64) (*recall, error) {
	id := &series[0]
	w := recallWanted{hostKey: hostKey{id.Cluster, id.Host}, metric: id.Metric, from: from, to: to}
	if known != nil && known.wanted == w { // which has all parts
		return known, nil
	}
	if len(series) == 1 || series[1].Cluster != id.Cluster || series[1].Host != id.Host || series[1].Metric != id.Metric {
		w.part, w.typ = &id.Part, &id.Part.Type
	}
	known.release()
	return s.recall(ctx, w)
}

// appendRuns is appendHeld of a recall.
func (r *recall) appendRuns(runs []Run, id *SeriesID, from, to int64) (_ []Run, cells int, err error) {
	first := len(runs)
	for _, m := range r.table.ids(id.Metric) {
		column, ok := r.host.columnOf(r.store.seed, id.Part, m)
		if !ok {
			continue
		}
		g := r.host.grid(r.table.at(m).grid)
		runs = g.appendRuns(nil, runs, column, g.rangesBetween(nil, g.blocks.between(from-g.frequency, to+g.frequency), from, to))
	}
	for i := range runs[first:] {
		cells += runs[first+i].Len()
	}
	if cells > MaxCells {
		return nil, 0, &ReadError{Series: *id, Limit: MaxCells}
	}
	slices.SortStableFunc(runs[first:], func(a, b Run) int { return cmp.Compare(a.Start, b.Start) })
	return runs, cells, nil
}

// appendHeld appends the runs of a series that are held in memory, in order of time, and
// counts their cells.
func (s *Store) appendHeld(ctx context.Context, runs []Run, id *SeriesID, from, to int64) (_ []Run, cells int, err error) {
	first := len(runs)
	metrics := s.metrics.ids(id.Metric)
	for _, m := range metrics {
		for next, more := int64(-timeBound), true; more; {
			if err := ctx.Err(); err != nil {
				return nil, 0, err
			}
			known := len(runs)
			runs, next, more = s.appendSome(runs, id, m, from, to, next)
			for i := range runs[known:] {
				cells += runs[known+i].Len()
			}
			if cells > MaxCells {
				return nil, 0, &ReadError{Series: *id, Limit: MaxCells}
			}
		}
	}
	if len(metrics) > 1 {
		slices.SortStableFunc(runs[first:], func(a, b Run) int { return cmp.Compare(a.Start, b.Start) })
	}
	return runs, cells, nil
}

// readBlocks is the number of blocks that are read under one hold of a stripe's lock.
const readBlocks = 512

// appendSome appends the runs of some blocks, of those that start at next or later. It
// returns where to go on if there are more.
func (s *Store) appendSome(runs []Run, id *SeriesID, m MetricID, from, to, next int64) (_ []Run, after int64, more bool) {
	key := hostKey{id.Cluster, id.Host}
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return runs, 0, false
	}
	column, ok := h.columnOf(s.seed, id.Part, m)
	if !ok {
		return runs, 0, false
	}
	g := h.grid(s.metrics.at(m).grid)
	blocks, more := g.blocks.some(max(next, from-(chunk.MaxSlots+1)*g.frequency), to+g.frequency, readBlocks)
	var buf [32]slotRange // as of two days at one minute
	runs = g.appendRuns(nil, runs, column, g.rangesBetween(buf[:0], blocks, from, to))
	if !more {
		return runs, 0, false
	}
	return runs, blocks[len(blocks)-1].start + 1, true
}

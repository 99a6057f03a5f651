package store

import (
	"context"
	"slices"
)

const (
	// MaxCells is the largest number of cells that one series of an answer may
	// have: two years at one minute, four months at 10 s.
	MaxCells = 1 << 20
	// MaxQueryCells is the largest number of cells of all series of one query.
	MaxQueryCells = 1 << 24
	// MaxQuerySeries is the largest number of series that one query may select:
	// its type ids times its subtype ids, aggregated or not.
	MaxQuerySeries = 1 << 16
	// maxQueryRuns is the largest number of blocks of series that one query may
	// touch: those that the window may hold, for each part that is combined. It is
	// enough for four weeks of 512 hardware threads at 10 s, and takes 72 MiB.
	maxQueryRuns = 1 << 20
)

// Query selects one or several series of one host and says how to answer.
type Query struct {
	Cluster, Host, Metric string
	// Type selects a kind of part of the host ("socket", "hwthread", ...);
	// empty selects the host itself, and the fields below are then ignored.
	Type    string
	TypeIDs []string
	// Subtype selects a second level below each part; empty for none.
	Subtype    string
	SubtypeIDs []string
	// Aggregate combines all selected parts into one series. Otherwise there
	// is one series for each id (type ids outermost), in request order.
	Aggregate bool
	// Scale multiplies values and statistics; 0 and 1 leave them alone.
	Scale float64
	// Resolution is the wanted step in seconds; 0 asks for the native one.
	Resolution int64
	// Resampling is how a longer series comes to it.
	Resampling Resampling
	// From and To bound the window [From, To) in Unix seconds.
	From, To int64
	// Unpadded cuts the cells before the first and after the last sample that
	// the store holds of the series off the window. By default it is full.
	Unpadded bool
	// NoData leaves Values empty, NoStats leaves the statistics out.
	NoData, NoStats bool
}

// Series is one series of an answer. Cell i holds the sample whose slot covers
// the time From + i*Resolution (native), or a representative of the samples
// from about there on (resampled).
type Series struct {
	// From is the time of the first cell, To the end of the last one, in Unix
	// seconds; Resolution is the step in seconds.
	From, To, Resolution int64
	// Values holds one value for each cell, NaN for a gap and for an aggregate
	// that overflowed.
	Values []float64
	// Avg, Min and Max are taken over the samples of the window at native
	// resolution; NaN if there is none or it overflowed. 0 with NoStats.
	Avg, Min, Max float64
}

// Cost is what a query may take at the most.
type Cost struct {
	// Cells counts the cells of the answer, 0 if the metric is not configured; one that
	// is a combination of parts counts once. Series counts the series.
	Cells, Series int
	// Runs counts the blocks of series of the host in the window, be they selected or
	// not: what combining them may touch.
	Runs int
}

// Cost returns what answering q may take at the most. It fails as q does for what it asks for,
// whatever the store holds of the host: with ErrInvalidTimeRange, a SeriesError or a
// WindowError. Of a metric that is not configured it checks the order of the times and the
// number of series alone. It takes no memory.
func (s *Store) Cost(q *Query) (Cost, error) {
	metric, ok := s.metrics.queried(q.Metric)
	if !ok {
		return Cost{Series: q.answered()}, q.check()
	}
	if err := q.checkWindow(metric.finest); err != nil {
		return Cost{}, err
	}
	c := Cost{Series: q.answered()}
	c.Cells = c.Series * (int(q.windowCells(metric.finest)) + 1)
	key := hostKey{q.Cluster, q.Host}
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	if h := st.hosts[key]; h != nil {
		for _, m := range metric.ids {
			if g := h.grid(s.metrics.at(m).grid); g != nil && h.counts.of(m).all > 0 {
				c.Runs += int(g.columns) * g.blocksIn(q)
			}
		}
	}
	if s.isArchived(q.Cluster, q.From) || q.Unpadded && s.isArchived(q.Cluster, -timeBound) {
		// What the host has there is not known before it is read.
		blocks := int(q.windowCells(metric.finest))/s.cfg.blockSlots + 1
		c.Runs += recallRuns + archivedColumns*blocks
	}
	return c, nil
}

// A recall takes as long as some hundred runs, and then for so many columns, as most hosts have.
const (
	recallRuns      = 256
	archivedColumns = 512
)

// check returns the error that q fails with whatever its metric is.
func (q *Query) check() error {
	if q.From > q.To {
		return ErrInvalidTimeRange
	}
	if series := q.selected(); series > MaxQuerySeries {
		return &SeriesError{Series: series}
	}
	return nil
}

// checkWindow is check for a metric with samples at such an interval.
func (q *Query) checkWindow(frequency int64) error {
	if err := q.check(); err != nil {
		return err
	}
	cells, answered := q.windowCells(frequency), q.answered()
	if cells >= MaxCells || cells*uint64(answered) >= MaxQueryCells || q.From < -MaxTime || q.To > MaxTime {
		return &WindowError{From: q.From, To: q.To, Frequency: frequency, Series: answered}
	}
	return nil
}

// blocksIn returns how many blocks have to be looked at for a query.
func (g *grid) blocksIn(q *Query) int {
	if q.Unpadded {
		return g.blocks.len() // its answer begins and ends where the samples do
	}
	return g.blocks.count(q.From, q.To)
}

// windowCells returns the number of whole cells of the window.
func (q *Query) windowCells(frequency int64) uint64 {
	// Unsigned: the difference of any two int64 in order fits 64 bits.
	return (uint64(q.To) - uint64(q.From)) / uint64(frequency)
}

// selected returns the largest number of series that the query looks up.
func (q *Query) selected() int {
	switch {
	case q.Type == "":
		return 1
	case q.Subtype == "":
		return len(q.TypeIDs)
	}
	return len(q.TypeIDs) * len(q.SubtypeIDs)
}

// answered returns the largest number of series that the answer may have.
func (q *Query) answered() int {
	if q.Aggregate {
		return 1
	}
	return q.selected()
}

// Query answers q. No series at all means that the store holds none of those
// selected; if it holds one of several, those without data are gaps
// throughout, so that the series match the request's ids. A window in which the
// samples have several intervals, as the configuration was changed, is answered at
// the coarsest of them. It fails with an UnknownMetricError, ErrInvalidAggregation,
// a RunsError, a RecallError, ErrRecallsBusy, or as Cost does. The caller owns the answer.
func (s *Store) Query(q *Query) ([]Series, error) {
	var out []Series
	err := s.QueryEach(context.Background(), q, func(one *Series) error {
		own := *one
		own.Values = slices.Clone(one.Values)
		out = append(out, own)
		return nil
	})
	return out, err
}

// QueryEach is Query for answers of any size: it makes one series after the other
// and gives each to use. The Series and its Values are made anew for the next one, in the same
// memory. An error of use ends it and is returned, and the
// end of ctx before the next series ends it with the error of ctx; before its first call
// it fails as Query does.
func (s *Store) QueryEach(ctx context.Context, q *Query, use func(*Series) error) error {
	config, ok := s.metrics.queried(q.Metric)
	if !ok {
		return &UnknownMetricError{Metric: q.Metric}
	}
	if err := q.checkWindow(config.finest); err != nil {
		return err
	}
	memory := s.queries.Get().(*queryMemory)
	defer func() {
		memory.reset()
		s.queries.Put(memory)
	}()
	var snapshots []snapshot
	var err error
	isArchived := s.isArchived(q.Cluster, q.From)
	if !isArchived {
		snapshots, err = s.snapshots(memory, q, &config)
		// Blocks may have gone there meanwhile.
		isArchived = s.isArchived(q.Cluster, q.From) || err == nil && s.isArchivedBefore(q, snapshots)
	}
	if isArchived {
		var r *recall
		r, snapshots, err = s.recalledSnapshots(ctx, memory, q, &config)
		defer r.release()
	}
	switch {
	case err != nil:
		return err
	case len(snapshots) == 0:
		return nil
	case len(snapshots) == 1 && (config.Aggregation != AggregateNone || !snapshots[0].combines()):
		return snapshots[0].each(ctx, q, config.Aggregation, memory, use)
	}
	// Whether all can be combined shows when it is: before the first one is used.
	var all []Series
	if len(snapshots) == 1 {
		err = snapshots[0].each(ctx, q, config.Aggregation, nil, func(one *Series) error {
			all = append(all, *one)
			return nil
		})
	} else {
		all, err = merge(ctx, q, snapshots, config.Aggregation)
	}
	for i := range all {
		if err == nil {
			err = ctx.Err()
		}
		if err != nil {
			break
		}
		err = use(&all[i])
		all[i] = Series{} // its values give way
	}
	return err
}

// combines reports whether any row is a combination of several columns.
func (v *snapshot) combines() bool {
	return slices.ContainsFunc(v.rows, func(r row) bool { return len(r.columns) > 1 })
}

// each makes series of the only snapshot, one after the other in the memory that is given, until ctx
// ends. Without any, each has memory of its own.
func (v *snapshot) each(ctx context.Context, q *Query, how Aggregation, memory *queryMemory, use func(*Series) error) error {
	one := memory.nextSeries()
	for i := range v.rows {
		if err := ctx.Err(); err != nil {
			return err
		}
		r := &v.rows[i]
		*one = Series{From: r.from, To: r.from + r.cells*v.frequency, Resolution: v.frequency}
		if !q.NoData || !r.summarize(one, q, how) {
			values, verdict := v.values(memory, i, how)
			if verdict != combined {
				return ErrInvalidAggregation
			}
			one.Values = values
			one.finish(q)
		}
		*r = row{} // its copies give way
		if err := use(one); err != nil {
			return err
		}
	}
	return nil
}

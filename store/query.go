package store

import "slices"

const (
	// MaxCells is the largest number of cells that one series of an answer may
	// have: two years at one minute, four months at 10 s.
	MaxCells = 1 << 20
	// MaxQueryCells is the largest number of cells of all series of one query.
	// It bounds the memory that answering takes, to 128 MiB.
	MaxQueryCells = 1 << 24
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
	// that overflowed. The caller owns it.
	Values []float64
	// Avg, Min and Max are taken over the samples of the window at native
	// resolution; NaN if there is none or it overflowed. 0 with NoStats.
	Avg, Min, Max float64
}

// Check returns the error that q fails with for its window, whatever the store
// holds of the host: nil, ErrInvalidTimeRange or a WindowError. Of a metric that is
// not configured it checks the order alone.
func (s *Store) Check(q *Query) error {
	if q.From > q.To {
		return ErrInvalidTimeRange
	}
	if _, ok := s.metrics.config(q.Metric); !ok {
		return nil
	}
	f := s.metrics.finest(q.Metric)
	// Unsigned: the difference of any two int64 in order fits 64 bits.
	cells := (uint64(q.To) - uint64(q.From)) / uint64(f)
	if cells >= MaxCells || cells*uint64(q.series()) >= MaxQueryCells || q.From < -MaxTime || q.To > MaxTime {
		return &WindowError{From: q.From, To: q.To, Frequency: f, Series: q.series()}
	}
	return nil
}

// series returns the largest number of series that the answer may have.
func (q *Query) series() int {
	switch {
	case q.Type == "" || q.Aggregate:
		return 1
	case q.Subtype == "":
		return len(q.TypeIDs)
	}
	return len(q.TypeIDs) * len(q.SubtypeIDs)
}

// Query answers q. No series at all means that the store holds none of those
// selected; if it holds one of several, those without data are gaps
// throughout, so that the series match the request's ids. A window in which the
// samples have several intervals, as the configuration was changed, is answered at
// the coarsest of them. It fails with an UnknownMetricError, ErrInvalidAggregation,
// or what Check returns.
func (s *Store) Query(q *Query) ([]Series, error) {
	config, ok := s.metrics.config(q.Metric)
	if !ok {
		return nil, &UnknownMetricError{Metric: q.Metric}
	}
	if err := s.Check(q); err != nil {
		return nil, err
	}
	views := s.views(q)
	switch len(views) {
	case 0:
		return nil, nil
	case 1:
		return views[0].answer(q, config.Aggregation)
	}
	return merge(q, views, config.Aggregation)
}

// views returns what the store holds of the query's window, one view for each
// interval that the host has series with, the present one first.
func (s *Store) views(q *Query) []*view {
	key := hostKey{q.Cluster, q.Host}
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return nil
	}
	var buf [4]MetricID
	held := buf[:0]
	for _, m := range s.metrics.numbers(q.Metric) {
		if h.counts[m] > 0 {
			held = append(held, m)
		}
	}
	var selected [len(buf)][]selection
	rows := selected[:0]
	for i := 0; i < len(held); {
		one := h.selectColumns(s.seed, q, held[i])
		if !slices.ContainsFunc(one, func(s selection) bool { return len(s.columns) > 0 }) {
			held = slices.Delete(held, i, i+1)
			continue
		}
		rows = append(rows, one)
		i++
	}
	out := make([]*view, len(held))
	for i, m := range held {
		out[i] = h.grid(s.metrics.at(m).grid).view(q, rows[i], len(held) == 1)
	}
	return out
}

// answer makes series of the only view.
func (v *view) answer(q *Query, how Aggregation) ([]Series, error) {
	out := make([]Series, len(v.rows))
	for i := range out {
		r := &v.rows[i]
		values, verdict := v.values(i, how)
		if verdict != combined {
			return nil, ErrInvalidAggregation
		}
		out[i] = Series{From: r.from, To: r.from + r.cells*v.frequency, Resolution: v.frequency, Values: values}
		out[i].finish(q)
	}
	return out, nil
}

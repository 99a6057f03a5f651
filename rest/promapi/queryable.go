package promapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"slices"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/storage"
	"github.com/prometheus/prometheus/util/annotations"

	"cc-metric-store/store"
)

// queryable gives the engine what the store holds, for one query.
type queryable struct {
	store Store
	left  int // how many series may still be selected
	limit int
	steps steps
	// labelCopies is of the expression, see checkExpression, and spent the bytes of the labels that are
	// made of those of the series that were selected.
	labelCopies, spent int
}

const (
	// maxLabels bounds what functions may make of the labels of all series of a query, in bytes:
	// the engine does that at one go, and looks at no timeout meanwhile.
	maxLabels = 64 << 20
	// leastLabel is how long labels are taken to be at the least: a short one takes as much time.
	leastLabel = 16
)

// spendOnLabels counts series whose longest labels have so many bytes, all together. It returns an
// error if functions make too much of them.
func (q *queryable) spendOnLabels(bytes int) error {
	if q.spent += bytes * q.labelCopies; q.spent > maxLabels {
		return NewError(http.StatusUnprocessableEntity, fmt.Errorf("label_join and label_replace make labels of more than %d MiB, counting the longest one of each series once for each label that is made: ask for fewer series or labels", maxLabels>>20))
	}
	return nil
}

func (a *API) queryable() *queryable {
	return &queryable{store: a.store, left: a.cfg.MaxSeries, limit: a.cfg.MaxSeries}
}

// Querier implements storage.Queryable.
func (q *queryable) Querier(mint, maxt int64) (storage.Querier, error) {
	return &querier{queryable: q, from: mint, to: maxt}, nil
}

// querier implements storage.Querier. The engine uses it from one goroutine.
type querier struct {
	*queryable
	from, to int64 // milliseconds, both inclusive
}

// Select implements storage.Querier. The samples of a series are read when the engine comes to it.
func (q *querier) Select(ctx context.Context, sorted bool, hints *storage.SelectHints, matchers ...*labels.Matcher) storage.SeriesSet {
	s, err := translate(matchers)
	if err != nil {
		return storage.ErrSeriesSet(badData(err))
	}
	set := &seriesSet{reader: &reader{ctx: ctx, store: q.store, hosts: s.hosts}, at: -1}
	set.reader.from, set.reader.to = q.from, q.to
	if hints != nil {
		set.reader.from, set.reader.to = hints.Start, hints.End
		if q.steps.step > 0 && hints.Range == 0 {
			set.reader.steps = q.steps.shifted(hints.End)
		}
	}
	if s.isEmpty {
		return set
	}
	bounds := store.SelectBounds{Most: q.left}
	bounds.From, bounds.To = set.reader.seconds()
	if s.hosts {
		set.ids, err = q.store.SelectHosts(ctx, bounds, s.matchers...)
	} else {
		set.ids, err = q.store.SelectIn(ctx, bounds, s.matchers...)
	}
	if tooMany, ok := errors.AsType[*store.SelectError](err); ok {
		tooMany.Limit = q.limit // of all selectors together
	}
	if err != nil {
		return storage.ErrSeriesSet(err)
	}
	q.left -= len(set.ids)
	if q.labelCopies > 0 {
		for i := range set.ids {
			id := &set.ids[i]
			longest := max(leastLabel, len(id.Cluster), len(id.Host), len(id.Metric), len(id.Part.Type), len(id.Part.ID), len(id.Part.Subtype), len(id.Part.SubID))
			if err := q.spendOnLabels(longest); err != nil {
				return storage.ErrSeriesSet(err)
			}
		}
	}
	if sorted {
		set.sort()
	}
	return set
}

// LabelValues implements storage.LabelQuerier. The engine does not ask for it.
func (q *querier) LabelValues(context.Context, string, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

// LabelNames implements storage.LabelQuerier. The engine does not ask for it.
func (q *querier) LabelNames(context.Context, *storage.LabelHints, ...*labels.Matcher) ([]string, annotations.Annotations, error) {
	return nil, nil, errors.ErrUnsupported
}

// Close implements storage.LabelQuerier.
func (q *querier) Close() error { return nil }

// seriesSet implements storage.SeriesSet.
type seriesSet struct {
	reader  *reader
	ids     []store.SeriesID
	at      int
	series  []series // those up to at
	builder labels.ScratchBuilder
}

// Next implements storage.SeriesSet.
func (s *seriesSet) Next() bool {
	s.at++
	if s.at >= len(s.ids) {
		return false
	}
	if s.at == len(s.series) {
		if s.series == nil { // they stay where they are: the engine keeps them
			s.series = make([]series, 0, len(s.ids))
		}
		s.series = append(s.series, series{labels: labelsOf(&s.builder, &s.ids[s.at]), id: &s.ids[s.at], reader: s.reader})
	}
	return true
}

// At implements storage.SeriesSet.
func (s *seriesSet) At() storage.Series { return &s.series[s.at] }

// Err implements storage.SeriesSet.
func (s *seriesSet) Err() error { return nil }

// Warnings implements storage.SeriesSet.
func (s *seriesSet) Warnings() annotations.Annotations { return nil }

// sort puts the series into the order of their labels.
func (s *seriesSet) sort() {
	type labelled struct {
		labels labels.Labels
		id     store.SeriesID
	}
	all := make([]labelled, len(s.ids))
	for i := range s.ids {
		all[i] = labelled{labelsOf(&s.builder, &s.ids[i]), s.ids[i]}
	}
	slices.SortFunc(all, func(a, b labelled) int { return labels.Compare(a.labels, b.labels) })
	for i := range all {
		s.ids[i] = all[i].id
	}
}

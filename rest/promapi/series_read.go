package promapi

import (
	"context"

	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"cc-metric-store/store"
)

// series implements storage.Series.
type series struct {
	labels labels.Labels
	id     *store.SeriesID
	reader *reader
}

// Labels implements storage.Series.
func (s *series) Labels() labels.Labels { return s.labels }

// Iterator implements storage.Series: it reads the samples. It uses the memory of another iterator that
// is not needed any more, if it gets one.
func (s *series) Iterator(reuse chunkenc.Iterator) chunkenc.Iterator {
	it, ok := reuse.(*sampleIterator)
	if !ok {
		it = &sampleIterator{}
	}
	it.reset()
	it.steps = s.reader.steps
	it.runs, it.err = s.reader.appendRuns(it.runs, s.id)
	if it.overlap() {
		return &mergedIterator{samples: merge(it.runs), i: -1}
	}
	return it
}

// reader reads the samples of the series of one selector.
type reader struct {
	ctx      context.Context // that of the selector: iterators are made without one
	store    Store
	hosts    bool  // see selection
	from, to int64 // milliseconds, both inclusive
	steps    steps
}

// appendRuns appends the runs of a series, in order of time.
func (r *reader) appendRuns(runs []store.Run, id *store.SeriesID) ([]store.Run, error) {
	from, to := r.seconds()
	switch {
	case from >= to:
		return runs, nil
	case r.hosts:
		return r.store.AppendHostRuns(r.ctx, runs, id, from, to)
	}
	return r.store.AppendRuns(r.ctx, runs, id, from, to)
}

// seconds returns the times of the selector as [from, to) in Unix seconds: samples are at whole ones.
func (r *reader) seconds() (from, to int64) {
	return -floorDiv(-r.from, 1000), floorDiv(r.to, 1000) + 1
}

func floorDiv(a, b int64) int64 {
	q := a / b
	if a%b != 0 && a < 0 {
		q--
	}
	return q
}

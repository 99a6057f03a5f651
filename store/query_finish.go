package store

import "math"

// finish turns the native values of the window into the answer: scaled, with
// statistics, resampled.
func (r *Series) finish(q *Query) {
	q.scale(r.Values)
	if !q.NoStats {
		s := newStatistics()
		s.add(r.Values)
		s.set(r)
	}
	if q.NoData {
		r.Values = nil
		return
	}
	r.resample(q.Resolution, q.Resampling)
}

// scales reports whether values are multiplied.
func (q *Query) scales() bool { return q.Scale != 0 && q.Scale != 1 }

// scale multiplies values, and makes gaps of those that overflowed in a sum or
// product.
func (q *Query) scale(values []float64) {
	if q.scales() {
		for i := range values {
			values[i] *= q.Scale
		}
	}
	for i, v := range values {
		if math.IsInf(v, 0) {
			values[i] = math.NaN()
		}
	}
}

package store

import "math"

// finish turns the native values of the window into the answer: scaled, with
// statistics, resampled.
func (r *Series) finish(q *Query) {
	q.scale(r.Values)
	if !q.NoStats {
		r.statistics()
	}
	if q.NoData {
		r.Values = nil
		return
	}
	r.resample(q.Resolution, q.Resampling)
}

// scale multiplies values, and makes gaps of those that overflowed in a sum or
// product.
func (q *Query) scale(values []float64) {
	if q.Scale != 0 && q.Scale != 1 {
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

// statistics sets Avg, Min and Max from the native values.
func (r *Series) statistics() {
	sum, n := 0.0, 0
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, v := range r.Values {
		if math.IsNaN(v) {
			continue
		}
		sum += v
		n++
		lo, hi = min(lo, v), max(hi, v)
	}
	if n == 0 {
		r.Avg, r.Min, r.Max = math.NaN(), math.NaN(), math.NaN()
		return
	}
	r.Avg, r.Min, r.Max = sum/float64(n), lo, hi
	if math.IsInf(sum, 0) {
		r.Avg = math.NaN()
	}
}

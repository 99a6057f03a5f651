package store

import (
	"context"
	"math"
)

// merge makes series of several snapshots, whose cells have different lengths. The
// answer has the longest of those that have a sample in the window. It fails when ctx ends.
func merge(ctx context.Context, q *Query, snapshots []snapshot, how Aggregation) ([]Series, error) {
	parts, err := evaluate(ctx, q, snapshots, how)
	if err != nil {
		return nil, err
	}
	f := parts[0].frequency
	for _, p := range parts {
		f = max(f, p.frequency)
	}
	out := make([]Series, len(snapshots[0].rows))
	for i := range out {
		if err := ctx.Err(); err != nil {
			return nil, err
		}
		r := &out[i]
		r.From, r.Resolution = q.From, f
		r.Values = make([]float64, ceilDiv(q.To-q.From, f))
		fillGaps(r.Values)
		for _, p := range parts {
			fillFrom(r.Values, f, p.rows[i], p.frequency)
		}
		if q.Unpadded {
			r.trim(snapshots, i)
		}
		r.To = r.From + int64(len(r.Values))*f
		if !q.NoStats {
			r.mergeStatistics(parts, i)
		}
		if q.NoData {
			r.Values = nil
			continue
		}
		r.resample(q.Resolution, q.Resampling)
	}
	return out, nil
}

// evaluated is a snapshot as values.
type evaluated struct {
	frequency int64
	rows      [][]float64
}

// evaluate returns the values of the snapshots that have some in the window, of the first
// one if none has, until ctx ends.
func evaluate(ctx context.Context, q *Query, snapshots []snapshot, how Aggregation) ([]evaluated, error) {
	var out []evaluated
	some := false // there is a snapshot that can be combined
	var first evaluated
	for n, v := range snapshots {
		one := evaluated{frequency: v.frequency}
		found, worst := false, combined
		for i := range v.rows {
			if err := ctx.Err(); err != nil {
				return nil, err
			}
			values, verdict := v.values(nil, i, how)
			if verdict == invalid {
				return nil, ErrInvalidAggregation
			}
			worst = max(worst, verdict)
			q.scale(values)
			found = found || hasValue(values)
			one.rows = append(one.rows, values)
		}
		some = some || worst == combined
		if found {
			out = append(out, one)
		}
		if n == 0 {
			first = one
		}
	}
	switch {
	case !some:
		return nil, ErrInvalidAggregation
	case len(out) == 0:
		out = append(out, first)
	}
	return out, nil
}

// fillFrom fills the gaps of values, of f seconds each, with those of a row of another
// interval: each with the last one of those that lie around it, as a later sample for a
// slot replaces the earlier one.
func fillFrom(values []float64, f int64, row []float64, frequency int64) {
	for i := range values {
		if !math.IsNaN(values[i]) {
			continue
		}
		// Those at (i*f - f/2, i*f + f/2].
		at := 2 * int64(i) * f
		from := max(floorDiv(at-f, 2*frequency)+1, 0)
		to := min(floorDiv(at+f, 2*frequency), int64(len(row))-1)
		for n := to; n >= from; n-- {
			if !math.IsNaN(row[n]) {
				values[i] = row[n]
				break
			}
		}
	}
}

// trim cuts what lies before the first sample of any snapshot and after the last one.
func (r *Series) trim(snapshots []snapshot, row int) {
	all := noPeriod()
	for _, v := range snapshots {
		all = all.include(v.rows[row].period)
	}
	from, cells := all.trim(r.From, int64(len(r.Values)), r.Resolution)
	skip := (from - r.From) / r.Resolution
	r.From, r.Values = from, r.Values[skip:skip+cells]
}

// mergeStatistics sets Avg, Min and Max from the native values of all snapshots, each
// value for as long as its interval is.
func (r *Series) mergeStatistics(parts []evaluated, row int) {
	sum, length := 0.0, 0.0
	lo, hi := math.Inf(1), math.Inf(-1)
	for _, p := range parts {
		weight := float64(p.frequency) / float64(r.Resolution) // at most 1: the sum overflows no sooner
		for _, v := range p.rows[row] {
			if math.IsNaN(v) {
				continue
			}
			sum += v * weight
			length += weight
			lo, hi = min(lo, v), max(hi, v)
		}
	}
	if length == 0 {
		r.Avg, r.Min, r.Max = math.NaN(), math.NaN(), math.NaN()
		return
	}
	r.Avg, r.Min, r.Max = sum/length, lo, hi
	if math.IsInf(sum, 0) {
		r.Avg = math.NaN()
	}
}

package store

import "math"

// Resampling is a way to answer a series with fewer values.
type Resampling uint8

const (
	// ResampleLTTB picks values so that the drawn line keeps its shape, see lttb.
	ResampleLTTB Resampling = iota
	// ResampleAverage answers each step with the mean of its values. Gaps are left out
	// of it; a step without a value is a gap.
	ResampleAverage
	// ResampleSimple answers each step with its first value, which may be a gap.
	ResampleSimple
)

// minResampled is the number of values below which a series is answered at its
// native resolution: it is small enough to be drawn as it is.
const minResampled = 1000

// resample reduces the values to about one for each step of the wanted number
// of seconds, rounded up to a multiple of the native resolution. What is left at the end
// and fills no step is left out, except that LTTB keeps the last value.
func (r *Series) resample(wanted int64, how Resampling) {
	if wanted <= r.Resolution || len(r.Values) < minResampled {
		return
	}
	step := (wanted-1)/r.Resolution + 1
	if step >= int64(len(r.Values)) {
		step = int64(len(r.Values)) // keeps step*Resolution in range
	}
	n := int64(len(r.Values)) / step
	switch how {
	case ResampleAverage:
		r.Values = averages(r.Values, int(step), int(n))
	case ResampleSimple:
		r.Values = firsts(r.Values, int(step), int(n))
	default:
		r.Values = lttb(r.Values, int(n))
	}
	r.Resolution *= step
}

// averages returns the means of n steps, each of so many values. A mean that overflows is
// a gap.
func averages(values []float64, step, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		sum, count := 0.0, 0
		for _, v := range values[i*step : (i+1)*step] {
			if !math.IsNaN(v) {
				sum += v
				count++
			}
		}
		if out[i] = sum / float64(count); math.IsInf(out[i], 0) { // NaN without any value
			out[i] = math.NaN()
		}
	}
	return out
}

// firsts returns the first value of each of n steps.
func firsts(values []float64, step, n int) []float64 {
	out := make([]float64, n)
	for i := range out {
		out[i] = values[i*step]
	}
	return out
}

// lttb picks n of the values so that the drawn line keeps its shape
// (largest-triangle-three-buckets: S. Steinarsson, "Downsampling Time Series
// for Visual Representation", 2013): the first, the last, and of each bucket
// between them the value that spans the largest triangle with the one picked
// before and the mean of the next bucket. Gaps (NaN) are left out of the mean
// and never picked, unless the bucket holds nothing else.
//
// The buckets are those of the system that this store replaces, so that its
// answers are given to the digit: the mean of the next bucket includes the first
// value after it, and the value before the last one is never picked.
func lttb(values []float64, n int) []float64 {
	last := len(values) - 1
	switch {
	case n >= len(values):
		return values
	case n <= 0:
		return values[:0]
	case n == 1:
		return values[:1]
	case n == 2:
		return []float64{values[0], values[last]}
	}
	width := float64(len(values)-2) / float64(n-2)
	edge := func(bucket int) int { return min(int(float64(bucket)*width)+1, last-1) }

	out := make([]float64, 0, n)
	out = append(out, values[0])
	picked := 0
	for bucket := range n - 2 {
		lo, hi := edge(bucket), edge(bucket+1)
		meanX, meanY := centroid(values, hi, edge(bucket+2))
		picked = largestTriangle(values, lo, hi, picked, meanX, meanY)
		out = append(out, values[picked])
	}
	return append(out, values[last])
}

// centroid returns the mean position and value of values[lo..hi] without gaps,
// NaN if there is nothing else.
func centroid(values []float64, lo, hi int) (x, y float64) {
	n := 0
	for i := lo; i <= hi; i++ {
		if !math.IsNaN(values[i]) {
			x += float64(i)
			y += values[i]
			n++
		}
	}
	return x / float64(n), y / float64(n)
}

// largestTriangle returns the position in [lo, hi) of the value that spans the
// largest triangle with the value at a and the point (x, y). Where one of them
// is a gap, it is the first value; without any value it is lo.
func largestTriangle(values []float64, lo, hi, a int, x, y float64) int {
	best, area := lo, -1.0
	for i := lo; i < hi; i++ {
		if math.IsNaN(values[i]) {
			continue
		}
		s := math.Abs((float64(a)-x)*(values[i]-values[a]) - (float64(a)-float64(i))*(y-values[a]))
		if math.IsNaN(s) {
			s = 0
		}
		if s > area {
			best, area = i, s
		}
	}
	return best
}

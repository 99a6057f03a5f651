package promapi

import (
	"cmp"
	"math"
	"slices"

	"github.com/prometheus/prometheus/model/histogram"
	"github.com/prometheus/prometheus/tsdb/chunkenc"

	"cc-metric-store/store"
)

// milliseconds is a time as the engine has it. With this name, go vet does not take Seek for that of an
// io.Seeker.
type milliseconds = int64

// sampleIterator implements chunkenc.Iterator over runs that do not overlap. It decodes one run at a
// time, and passes over gaps. Where steps are far apart, it leaves out samples that do not matter.
type sampleIterator struct {
	noHistograms
	t int64 // of the sample that the iterator is at, or of the gap before it

	values []float64 // of the run
	i      int       // of the sample in values
	plain  int       // so many of the values are passed one by one: all, or 0 if the iterator thins
	step   int64     // milliseconds
	run    int       // that values has; before the first one -1
	runs   []store.Run
	err    error
	steps  steps
	thins  bool // of the samples of the run, those that do not matter are left out
}

// reset makes it ready for the runs of a series.
func (it *sampleIterator) reset() {
	clear(it.runs) // they may keep blocks in memory
	*it = sampleIterator{runs: it.runs[:0], run: -1, values: it.values[:0], i: -1}
}

// overlap reports whether any runs do: those of a series whose interval was changed.
func (it *sampleIterator) overlap() bool {
	for i := 1; i < len(it.runs); i++ {
		if it.endOf(i-1) >= it.runs[i].Start*1000 {
			return true
		}
	}
	return false
}

// endOf returns the time of the last cell of a run.
func (it *sampleIterator) endOf(run int) milliseconds {
	r := &it.runs[run]
	return (r.Start + int64(r.Len()-1)*r.Step) * 1000
}

// Next implements chunkenc.Iterator.
func (it *sampleIterator) Next() chunkenc.ValueType {
	if i := it.i + 1; i < it.plain {
		it.i, it.t = i, it.t+it.step
		if !math.IsNaN(it.values[i]) {
			return chunkenc.ValFloat
		}
	}
	return it.nextAfterGap()
}

// nextAfterGap is Next where there is a gap, or the run ends.
func (it *sampleIterator) nextAfterGap() chunkenc.ValueType {
	for {
		if it.thins && it.nextThin() {
			return chunkenc.ValFloat
		}
		for it.i++; it.i < len(it.values); it.i++ {
			if it.t += it.step; !math.IsNaN(it.values[it.i]) {
				return chunkenc.ValFloat
			}
		}
		if !it.load(it.run + 1) {
			return chunkenc.ValNone
		}
	}
}

// nextThin goes to the last sample before the next step that has any, in the run. It returns false if the
// run has none.
func (it *sampleIterator) nextThin() bool {
	for it.i+1 < len(it.values) {
		first := it.t + it.step
		n := min(int((it.steps.next(first)-first)/it.step)+1, len(it.values)-1-it.i) // cells up to the step
		for n2 := n; n2 > 0; n2-- {
			if !math.IsNaN(it.values[it.i+n2]) {
				it.i, it.t = it.i+n2, it.t+int64(n2)*it.step
				return true
			}
		}
		it.i, it.t = it.i+n, it.t+int64(n)*it.step
	}
	return false
}

// load decodes a run, before whose first cell the iterator is then. It returns false, and the iterator is
// at its end, if there are no more.
func (it *sampleIterator) load(run int) bool {
	it.i = -1
	if run >= len(it.runs) {
		it.run, it.values, it.plain = len(it.runs), it.values[:0], 0
		return false
	}
	r := &it.runs[run]
	it.run = run
	it.values = r.AppendTo(it.values[:0])
	it.step = r.Step * 1000
	it.t = r.Start*1000 - it.step
	it.thins = it.steps.step >= 2*it.step
	it.plain = len(it.values)
	if it.thins {
		it.plain = 0
	}
	return true
}

// Seek implements chunkenc.Iterator.
func (it *sampleIterator) Seek(t milliseconds) chunkenc.ValueType {
	if it.run >= len(it.runs) {
		return chunkenc.ValNone
	}
	if it.i >= 0 && it.t >= t {
		return chunkenc.ValFloat
	}
	// No run before this one has a cell at t or later.
	run := max(it.run, 0)
	for run < len(it.runs) && it.endOf(run) < t {
		run++
	}
	if run != it.run && !it.load(run) {
		return chunkenc.ValNone
	}
	if skip := (t - it.t - 1) / it.step; skip > 0 { // so many cells are before t
		it.i += int(skip)
		it.t += skip * it.step
	}
	return it.Next()
}

// At implements chunkenc.Iterator.
func (it *sampleIterator) At() (int64, float64) { return it.t, it.values[it.i] }

// AtT implements chunkenc.Iterator.
func (it *sampleIterator) AtT() int64 { return it.t }

// Err implements chunkenc.Iterator.
func (it *sampleIterator) Err() error { return it.err }

// noHistograms is the part of chunkenc.Iterator that samples do not need.
type noHistograms struct{}

// AtST implements chunkenc.Iterator: nothing is known of it.
func (noHistograms) AtST() int64 { return 0 }

// AtHistogram implements chunkenc.Iterator. There are none.
func (noHistograms) AtHistogram(*histogram.Histogram) (int64, *histogram.Histogram) { return 0, nil }

// AtFloatHistogram implements chunkenc.Iterator. There are none.
func (noHistograms) AtFloatHistogram(*histogram.FloatHistogram) (int64, *histogram.FloatHistogram) {
	return 0, nil
}

// sample is a value and its time in milliseconds.
type sample struct {
	t int64
	v float64
}

// merge returns the samples of runs in order of time. Where two have the same time, that of the later
// run counts.
func merge(runs []store.Run) []sample {
	var all []sample
	var values []float64
	for i := range runs {
		r := &runs[i]
		values = r.AppendTo(values[:0])
		for n, v := range values {
			if !math.IsNaN(v) {
				all = append(all, sample{(r.Start + int64(n)*r.Step) * 1000, v})
			}
		}
	}
	slices.SortStableFunc(all, func(a, b sample) int { return cmp.Compare(a.t, b.t) })
	merged := all[:0]
	for _, s := range all {
		if n := len(merged); n > 0 && merged[n-1].t == s.t {
			merged[n-1] = s
		} else {
			merged = append(merged, s)
		}
	}
	return merged
}

// mergedIterator implements chunkenc.Iterator over samples in order of time.
type mergedIterator struct {
	noHistograms
	samples []sample
	i       int
}

// Next implements chunkenc.Iterator.
func (it *mergedIterator) Next() chunkenc.ValueType {
	it.i = min(it.i+1, len(it.samples))
	return it.verdict()
}

func (it *mergedIterator) verdict() chunkenc.ValueType {
	if it.i < len(it.samples) {
		return chunkenc.ValFloat
	}
	return chunkenc.ValNone
}

// Seek implements chunkenc.Iterator.
func (it *mergedIterator) Seek(t milliseconds) chunkenc.ValueType {
	it.i = max(it.i, 0)
	at, _ := slices.BinarySearchFunc(it.samples[it.i:], t, func(s sample, t int64) int { return cmp.Compare(s.t, t) })
	it.i += at
	return it.verdict()
}

// At implements chunkenc.Iterator.
func (it *mergedIterator) At() (int64, float64) { return it.samples[it.i].t, it.samples[it.i].v }

// AtT implements chunkenc.Iterator.
func (it *mergedIterator) AtT() int64 { return it.samples[it.i].t }

// Err implements chunkenc.Iterator.
func (it *mergedIterator) Err() error { return nil }

package store

import "slices"

// queryMemory is what a query takes besides its answer. It is used again for others, by one query
// at a time: most are so small that finding memory would take longer than all else. A nil
// queryMemory finds new memory each time.
type queryMemory struct {
	snapshots  []snapshot
	rows       []row
	selections []selection
	columns    []int32
	ends       []int
	runs       []Run
	values     []float64 // of open blocks
	answer     []float64 // the values of the series
	scratch    scratch
	series     Series // that is answered next
}

// Of larger parts, nothing is kept.
const (
	maxKeptRows   = 1 << 10
	maxKeptRuns   = 1 << 12
	maxKeptValues = 1 << 15
	// maxGrown bounds how far a slab grows beyond what is needed.
	maxGrown = 1 << 15
)

// take returns n zero elements behind those of the slab, which are then taken, too. What was taken
// before stays where it is.
func take[T any](slab *[]T, n int) []T {
	all := *slab
	if cap(all)-len(all) < n {
		all = make([]T, 0, max(n, min(2*cap(all), maxGrown)))
	}
	taken := all[len(all) : len(all)+n : len(all)+n]
	*slab = all[:len(all)+n]
	return taken
}

// restart makes a slab empty, or drops it if it is large. Its elements become zero, so that they
// keep no blocks in memory.
func restart[T any](slab *[]T, most int) {
	if cap(*slab) > most {
		*slab = nil
		return
	}
	clear((*slab)[:cap(*slab)]) // some may be behind its end
	*slab = (*slab)[:0]
}

// nextSeries returns the series that is answered next.
func (m *queryMemory) nextSeries() *Series {
	if m == nil {
		return new(Series)
	}
	return &m.series
}

// answerValues returns memory for the values of the next series, with anything in it. Those of the one before
// are gone.
func (m *queryMemory) answerValues(n int64) []float64 {
	if m == nil {
		return make([]float64, n)
	}
	if int64(cap(m.answer)) < n {
		m.answer = make([]float64, n)
	}
	return m.answer[:n]
}

// reset makes m ready for another query. What it gave to the last one is not used any more.
func (m *queryMemory) reset() {
	restart(&m.snapshots, maxKeptRows)
	restart(&m.rows, maxKeptRows)
	restart(&m.selections, maxKeptRows)
	restart(&m.columns, maxKeptRuns)
	restart(&m.ends, maxKeptRuns)
	restart(&m.runs, maxKeptRuns)
	restart(&m.values, maxKeptValues)
	restart(&m.scratch.runs, maxKeptRuns)
	restart(&m.scratch.next, maxKeptRuns)
	restart(&m.scratch.columns, maxKeptRuns)
	if cap(m.answer) > maxKeptValues {
		m.answer = nil
	}
	m.series = Series{}
}

// column returns a slice of one column.
func (m *queryMemory) column(c int32) []int32 {
	if m == nil {
		return []int32{c}
	}
	one := take(&m.columns, 1)
	one[0] = c
	return one
}

// takeValues returns memory for so many values.
func (m *queryMemory) takeValues(n int) []float64 {
	if m == nil {
		return make([]float64, n)
	}
	return take(&m.values, n)
}

// startRuns returns an empty slice to append the runs of a row to, of which the caller calls
// takeRuns in the end.
func (m *queryMemory) startRuns() []Run { return m.runs[len(m.runs):] }

// takeRuns takes the runs that were appended to what startRuns returned. What follows them is free
// for the next row.
func (m *queryMemory) takeRuns(runs []Run) []Run {
	n := len(m.runs)
	switch {
	case len(runs) == 0:
	case n < cap(m.runs) && &runs[0] == &m.runs[:n+1][n]:
		m.runs = m.runs[:n+len(runs)]
	default: // there was no room for them
		m.runs = runs
	}
	return slices.Clip(runs)
}

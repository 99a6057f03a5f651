package store

import "sync/atomic"

// SeriesRef is a reference to a series of one host, 0 for none: a sample with a
// reference is stored without a look-up of its series. Without the table of
// references that it is of, see Refs, it means nothing. It is less than 1<<31.
type SeriesRef uint32

// A reference holds the number of the grid and the column in it, plus one.
const (
	refColumnBits = 22
	maxRefGrids   = 1<<(31-refColumnBits) - 1
	maxRefColumns = 1 << refColumnBits
)

// newSeriesRef returns the reference to a column of a grid, 0 if it does not fit.
func newSeriesRef(grid uint16, column int32) SeriesRef {
	if grid >= maxRefGrids || column >= maxRefColumns {
		return 0
	}
	return SeriesRef(uint32(grid)<<refColumnBits|uint32(column)) + 1
}

// split returns the number of the grid and the column. Those of no reference are not
// below maxRefGrids.
func (r SeriesRef) split() (grid, column int) {
	return int(uint32(r-1) >> refColumnBits), int(uint32(r-1) % maxRefColumns)
}

// Refs is the table of references of one host. Append makes it, and replaces it by a
// new one when a series of the host goes. The old one is stale then: it does not
// change any more, and still names its series, so that samples with its references
// are stored by name. Its memory is part of the host's until it is stale, and then
// goes with the last batch or cache that has it. It is safe for concurrent use.
type Refs struct {
	stale atomic.Bool

	// Guarded by the stripe of the host.
	parts  []Part        // of the host
	series [][]seriesKey // by number of the grid and column, as far as there are references
}

// IsStale reports whether the host has another table now, or is gone.
func (r *Refs) IsStale() bool { return r.stale.Load() }

// addLocked returns the reference to a series, 0 if it has none. The caller holds the
// lock of the host's stripe, and sets parts.
func (r *Refs) addLocked(grid uint16, column int32, k seriesKey) SeriesRef {
	ref := newSeriesRef(grid, column)
	if ref == 0 {
		return 0
	}
	if n := int(grid) + 1 - len(r.series); n > 0 {
		r.series = append(r.series, make([][]seriesKey, n)...)
	}
	of := &r.series[grid]
	if n := int(column) + 1 - len(*of); n > 0 {
		*of = append(*of, make([]seriesKey, n)...)
	}
	(*of)[column] = k
	return ref
}

// seriesLocked returns the series of a reference. The caller holds the lock of the
// host's stripe.
func (r *Refs) seriesLocked(ref SeriesRef) (Part, MetricID) {
	grid, column := ref.split()
	k := r.series[grid][column]
	return r.parts[k.part], k.metric
}

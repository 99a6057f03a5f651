package store

import (
	"hash/maphash"
	"slices"
	"strings"
)

// Source names series of one host by numbers: a sample of a numbered series is
// stored without a look-up. A series may have several numbers, a number has one
// series for ever. Make one with NewSource; it is safe for concurrent use
// through the methods of its Store. Its Store does not refer to it: a Source
// that nobody uses takes no memory.
type Source struct {
	key hostKey

	// Guarded by the stripe of the host.
	host       *host // whose columns are known, nil if they have moved
	generation uint32
	parts      []Part // of the host, as they were numbered in this generation
	series     []numbered
}

// numbered is a series with a number.
type numbered struct {
	part   int32 // index into Source.parts
	column int32 // of the grid, as long as the source is current
	metric MetricID
	grid   uint16 // index into metricTable.frequencies
}

// NewSource returns a Source of the host without any numbers. The host need not
// exist.
func (s *Store) NewSource(cluster, host string) *Source {
	return &Source{key: hostKey{strings.Clone(cluster), strings.Clone(host)}}
}

// Name names a series of a host.
type Name struct {
	Part   Part
	Metric MetricID
}

// Number gives the next numbers, from 0 on, to the named series, and returns them in
// their order: -1 for one that the store does not hold, and for all if the source
// is no longer current.
func (s *Store) Number(src *Source, names []Name) []int32 {
	numbers := make([]int32, len(names))
	st := s.stripeOf(src.key)
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hosts[src.key]
	if h != nil && len(src.series) == 0 {
		src.host, src.generation = h, h.generation
	}
	if h == nil || !src.isCurrent(h) {
		for i := range numbers {
			numbers[i] = -1
		}
		return numbers
	}
	src.parts = h.parts
	src.series = slices.Grow(src.series, len(names))
	for i, name := range names {
		numbers[i] = s.number(src, h, name)
	}
	return numbers
}

// number gives a number to one series. The caller holds the lock of the host.
func (s *Store) number(src *Source, h *host, name Name) int32 {
	part, ok := h.part(maphash.Comparable(s.seed, name.Part), name.Part)
	if !ok {
		return -1
	}
	column, ok := h.column(part, name.Metric)
	if !ok {
		return -1
	}
	src.series = append(src.series, numbered{part, column, name.Metric, s.metrics.at(name.Metric).grid})
	return int32(len(src.series) - 1)
}

// IsCurrent reports whether the store still knows where the numbered series of
// src are. It does not once the host has lost a series, or was gone for a while:
// then the numbers still mean what they did, but a new Source is quicker.
func (s *Store) IsCurrent(src *Source) bool {
	st := s.stripeOf(src.key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[src.key]
	return h != nil && src.isCurrent(h)
}

func (src *Source) isCurrent(h *host) bool { return src.host == h && src.generation == h.generation }

// SeriesOf returns how many series the store holds of a host.
func (s *Store) SeriesOf(cluster, host string) int {
	key := hostKey{cluster, host}
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	if h := st.hosts[key]; h != nil {
		return len(h.series)
	}
	return 0
}

// Bytes returns roughly what a source with n numbers takes.
func (*Source) Bytes(n int) int64 { return sourceBytes + numberBytes*int64(n) }

const (
	sourceBytes = 160
	numberBytes = 12
)

package store

import (
	"hash/maphash"
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
	grid   uint8 // index into metricTable.frequencies
}

// NewSource returns a Source of the host without any numbers. The host need not
// exist.
func (s *Store) NewSource(cluster, host string) *Source {
	return &Source{key: hostKey{strings.Clone(cluster), strings.Clone(host)}}
}

// Number gives the next number, from 0 on, to the part's series of m. It
// returns false if the store does not hold the series, or if the source is no
// longer current.
func (s *Store) Number(src *Source, part Part, m MetricID) (n int32, ok bool) {
	st := s.stripeOf(src.key)
	st.mu.Lock()
	defer st.mu.Unlock()
	h := st.hosts[src.key]
	if h == nil {
		return 0, false
	}
	if len(src.series) == 0 {
		src.host, src.generation = h, h.generation
	}
	if !src.isCurrent(h) {
		return 0, false
	}
	number, ok := h.part(maphash.Comparable(s.seed, part), part)
	if !ok {
		return 0, false
	}
	column, ok := h.column(number, m)
	if !ok {
		return 0, false
	}
	src.parts = h.parts
	src.series = append(src.series, numbered{number, column, m, s.metrics.grids[m]})
	return int32(len(src.series) - 1), true
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

package store

import (
	"cmp"
	"hash/maphash"
	"iter"
	"slices"
	"strings"
)

// Part names a part of a host: the host itself (the zero value), a socket, a
// hardware thread, ..., or a second level below one of these.
type Part struct {
	Type, ID       string
	Subtype, SubID string
}

// level is the name of the part's first level in selectors and dumps.
func (p Part) level() string { return p.Type + p.ID }

// sublevel is the name of the part's second level, empty if there is none.
func (p Part) sublevel() string { return p.Subtype + p.SubID }

func (p Part) compare(q Part) int {
	if c := strings.Compare(p.Type, q.Type); c != 0 {
		return c
	}
	if c := strings.Compare(p.ID, q.ID); c != 0 {
		return c
	}
	if c := strings.Compare(p.Subtype, q.Subtype); c != 0 {
		return c
	}
	return strings.Compare(p.SubID, q.SubID)
}

// host holds all samples of one host. It is guarded by its stripe.
type host struct {
	key   hostKey
	grids []*grid // by index into metricTable.frequencies, as far as need be; nil: no sample yet
	parts []Part
	index map[uint64]int32 // into parts, by hash: without pointers for the garbage collector to follow
	// order lists the parts in order of their names, so that sums over parts do
	// not depend on the order in which the parts first sent a sample.
	// It lacks new parts until arrange.
	order  []int32
	series map[seriesKey]int32 // the column of each series
	counts seriesCounts
	// applied is the last entry of the log that took effect completely.
	applied Entry
	// dropped counts the blocks of series that were dropped since the last prune: it decides
	// when to look for series without samples again.
	dropped int
	// generation counts how often series went. Indices of parts and columns of another
	// generation may be those of other parts and columns now.
	generation uint32
	refs       *Refs // to the series of this generation
	totals     totals
}

// seriesCount counts the series of a host that have a metric.
type seriesCount struct {
	all int32
	own int32 // the column of the host's own series, plus one; 0: there is none
}

// seriesCounts has the count of each metric that a host has series of, by MetricID. There are some
// dozen, for which this is quicker than a map.
type seriesCounts []metricCount

type metricCount struct {
	metric MetricID
	seriesCount
}

func (c seriesCounts) find(m MetricID) (at int, ok bool) {
	return slices.BinarySearchFunc(c, m, func(one metricCount, m MetricID) int { return cmp.Compare(one.metric, m) })
}

// of returns the count of a metric, which is zero if there are none.
func (c seriesCounts) of(m MetricID) seriesCount {
	if at, ok := c.find(m); ok {
		return c[at].seriesCount
	}
	return seriesCount{}
}

// all returns the metrics that there are series of, ascending, with their counts.
func (c seriesCounts) all() iter.Seq2[MetricID, seriesCount] {
	return func(yield func(MetricID, seriesCount) bool) {
		for i := range c {
			if !yield(c[i].metric, c[i].seriesCount) {
				return
			}
		}
	}
}

// set sets the count of a metric.
func (c *seriesCounts) set(m MetricID, n seriesCount) {
	switch at, ok := c.find(m); {
	case ok && n.all == 0:
		*c = slices.Delete(*c, at, at+1)
	case ok:
		(*c)[at].seriesCount = n
	case n.all > 0:
		*c = slices.Insert(*c, at, metricCount{m, n})
	}
}

// seriesKey identifies a series of a host: an index into parts, and a metric.
type seriesKey struct {
	part   int32
	metric MetricID
}

const (
	// What a host, a part, a series and a column of a grid take besides their blocks,
	// in bytes. That of a column is for Refs and totals.
	hostBytes   = 512
	partBytes   = 192
	seriesBytes = 32
	columnBytes = 16
)

func newHost(k hostKey) *host {
	return &host{
		key:    hostKey{strings.Clone(k.cluster), strings.Clone(k.host)}, // those of a batch are slices of something larger
		index:  map[uint64]int32{},
		series: map[seriesKey]int32{},
		refs:   new(Refs),
	}
}

// grid returns the grid with the index i in grids, nil if there is no sample in it.
func (h *host) grid(i uint16) *grid {
	if int(i) >= len(h.grids) {
		return nil
	}
	return h.grids[i]
}

// setGrid sets the grid with the index i in grids.
func (h *host) setGrid(i uint16, g *grid) {
	if n := int(i) + 1 - len(h.grids); n > 0 {
		h.grids = append(h.grids, make([]*grid, n)...)
	}
	h.grids[i] = g
}

// addSeries gives a new series of m its column.
func (h *host) addSeries(part int32, m MetricID, t *metricTable, column int32) {
	h.series[seriesKey{part, m}] = column
	n := h.counts.of(m)
	n.all++
	if h.parts[part] == (Part{}) {
		n.own = column + 1
	}
	h.counts.set(m, n)
	t.at(m).series.Add(1)
}

// removeSeries takes a series away.
func (h *host) removeSeries(k seriesKey, t *metricTable) {
	delete(h.series, k)
	n := h.counts.of(k.metric)
	if n.all--; h.parts[k.part] == (Part{}) {
		n.own = 0
	}
	h.counts.set(k.metric, n)
	t.at(k.metric).series.Add(-1)
}

// size returns the bytes that the host takes besides its blocks.
func (h *host) size() int64 {
	n := int64(hostBytes + partBytes*len(h.parts) + seriesBytes*len(h.series))
	for _, g := range h.grids {
		if g != nil {
			n += columnBytes * int64(g.columns)
		}
	}
	return n
}

// blocksSize returns what the blocks of the host take.
func (h *host) blocksSize() (n int64) {
	for _, g := range h.grids {
		if g == nil {
			continue
		}
		for b := range g.blocks.all() {
			n += b.size()
		}
	}
	return n
}

// countBlocks returns the number of blocks, 0 if there is no host.
func (h *host) countBlocks() (n int) {
	if h == nil {
		return 0
	}
	for _, g := range h.grids {
		if g != nil {
			n += g.blocks.len()
		}
	}
	return n
}

// part returns the index of the part in h.parts, or false.
func (h *host) part(hash uint64, key Part) (int32, bool) {
	i, ok := h.index[hash]
	if ok && h.parts[i] != key { // another part has the same hash
		i = int32(slices.Index(h.parts, key))
		return i, i >= 0
	}
	return i, ok
}

// obtain returns the index of the part in h.parts, and adds the part if it is new. The caller
// calls arrange after the last one.
func (h *host) obtain(hash uint64, key Part) int32 {
	if i, ok := h.part(hash, key); ok {
		return i
	}
	key = key.clone()
	i := int32(len(h.parts))
	h.parts = append(h.parts, key)
	if _, taken := h.index[hash]; !taken {
		h.index[hash] = i
	}
	return i
}

// arrange puts the parts that are new into order: all at once, as moving the others
// for each one takes long if there are many.
func (h *host) arrange() {
	first := len(h.order)
	if first == len(h.parts) {
		return
	}
	added := make([]int32, 0, len(h.parts)-first)
	for i := first; i < len(h.parts); i++ {
		added = append(added, int32(i))
	}
	slices.SortFunc(added, func(i, j int32) int { return h.parts[i].compare(h.parts[j]) })
	order := slices.Grow(h.order, len(added))[:len(h.parts)]
	for n := len(added) - 1; n >= 0; n-- { // from the end, so that each moves once
		at, _ := slices.BinarySearchFunc(order[:first], h.parts[added[n]], func(i int32, k Part) int { return h.parts[i].compare(k) })
		copy(order[at+n+1:], order[at:first])
		order[at+n] = added[n]
		first = at
	}
	h.order = order
}

// clone returns the part with memory of its own, in one piece.
func (p Part) clone() Part {
	all := p.Type + p.ID + p.Subtype + p.SubID
	cut := func(n int) (s string) {
		s, all = all[:n], all[n:]
		return s
	}
	return Part{cut(len(p.Type)), cut(len(p.ID)), cut(len(p.Subtype)), cut(len(p.SubID))}
}

// search returns the index in h.order of the first part that is not before key.
func (h *host) search(key Part) int {
	at, _ := slices.BinarySearchFunc(h.order, key, func(i int32, k Part) int { return h.parts[i].compare(k) })
	return at
}

// column returns the column of a part's series of m, or false.
func (h *host) column(part int32, m MetricID) (int32, bool) {
	c, ok := h.series[seriesKey{part, m}]
	return c, ok
}

// columnOf returns the column of the series of m of the part with the name, or false.
func (h *host) columnOf(seed maphash.Seed, key Part, m MetricID) (int32, bool) {
	part, ok := h.part(maphash.Comparable(seed, key), key)
	if !ok {
		return 0, false
	}
	return h.column(part, m)
}

// uncount subtracts the series of the host, which is gone, from the counts of their metrics.
func (h *host) uncount(t *metricTable) {
	for m, n := range h.counts.all() {
		t.at(m).series.Add(-int64(n.all))
	}
}

// prune drops the series without samples, the parts without series and the
// grids without blocks. It reports whether the host itself is empty now.
func (h *host) prune(seed maphash.Seed, t *metricTable) bool {
	h.dropped = 0
	hasValues := make([][]bool, len(h.grids)) // columns, by grid
	for i, g := range h.grids {
		switch {
		case g == nil:
		case g.blocks.len() == 0:
			h.grids[i] = nil
		default:
			hasValues[i] = g.columnsWithValues()
		}
	}
	used := make([]bool, len(h.parts))
	lost := false
	for k, c := range h.series {
		i := t.at(k.metric).grid
		if hasValues[i] != nil && hasValues[i][c] {
			used[k.part] = true
			continue
		}
		if g := h.grids[i]; g != nil {
			g.unused = append(g.unused, c)
		}
		h.removeSeries(k, t)
		lost = true
	}
	if lost {
		h.compact(seed, used)
	}
	return len(h.series) == 0
}

// compact drops the parts that are not used. It begins a new generation with a new table of
// references.
func (h *host) compact(seed maphash.Seed, used []bool) {
	h.generation++
	h.refs.stale.Store(true)
	h.refs = new(Refs)
	if !slices.Contains(used, false) {
		return
	}
	parts, order, series := h.parts, h.order, h.series
	h.parts, h.order = nil, nil
	h.index, h.series = map[uint64]int32{}, make(map[seriesKey]int32, len(series))
	renumbered := make([]int32, len(parts))
	for i, p := range parts {
		if used[i] {
			renumbered[i] = h.obtain(maphash.Comparable(seed, p), p)
		}
	}
	for _, i := range order {
		if used[i] {
			h.order = append(h.order, renumbered[i])
		}
	}
	for k, c := range series {
		h.series[seriesKey{renumbered[k.part], k.metric}] = c
	}
}

package store

import (
	"maps"
	"slices"
	"sync"
	"sync/atomic"
	"unicode"
	"unicode/utf8"
)

// metric is a metric with one of its sampling intervals.
type metric struct {
	name      string
	frequency int64        // seconds
	grid      uint16       // index into metricTable.frequencies
	series    atomic.Int64 // of all hosts
}

// metricTable has the metrics by name and by ID. It is safe for concurrent use. An ID is never
// given to another metric: callers remember the IDs of what they were sent.
type metricTable struct {
	configured map[string]MetricConfig
	other      *MetricConfig // of names that are not configured; nil: they are not accepted
	maxOther   int           // how many such names may be in use

	all         atomic.Pointer[[]*metric] // by MetricID; only grows
	frequencies atomic.Pointer[[]int64]   // of the grids of a host; only grows

	mu sync.RWMutex
	// Guarded by mu.
	names  map[string]*metricIDs
	others int // names in use that are not configured
}

// metricIDs are the IDs of one name.
type metricIDs struct {
	all     []MetricID // one for each interval, in the order in which they were given out
	present int        // index into all: the one for new samples; -1: none
	// A name that is not configured is in use while it is counted in metricTable.others.
	configured, counted bool
}

func (n *metricIDs) isInUse() bool { return n.configured || n.counted }

func newMetricTable(c *Config) *metricTable {
	t := &metricTable{configured: maps.Clone(c.Metrics), other: c.AnyMetric, maxOther: c.MaxMetrics, names: make(map[string]*metricIDs, len(c.Metrics))}
	t.all.Store(new([]*metric))
	t.frequencies.Store(new([]int64))
	frequencies := map[int64]bool{}
	for _, m := range c.Metrics {
		frequencies[m.Frequency] = true
	}
	for _, f := range slices.Sorted(maps.Keys(frequencies)) {
		t.gridLocked(f)
	}
	for _, name := range sortedNames(c.Metrics) {
		t.obtain(name, c.Metrics[name].Frequency)
	}
	return t
}

// longest returns the longest interval of all metrics that were ever in the table, in seconds.
func (t *metricTable) longest() int64 {
	longest := int64(0)
	for _, f := range *t.frequencies.Load() {
		longest = max(longest, f)
	}
	return longest
}

// at returns the metric with the ID.
func (t *metricTable) at(m MetricID) *metric { return (*t.all.Load())[m] }

// isFull reports whether all IDs have been given out.
func (t *metricTable) isFull() bool { return len(*t.all.Load()) >= maxMetrics }

// config returns how the metric is configured, false if it is not.
func (t *metricTable) config(name string) (MetricConfig, bool) {
	c, ok := t.configured[name]
	if !ok && t.other != nil {
		return *t.other, true
	}
	return c, ok
}

// present returns the ID for new samples of the name.
func (t *metricTable) present(name []byte) (MetricID, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := t.names[string(name)]
	if n == nil || n.present < 0 || !n.isInUse() {
		return 0, false
	}
	return n.all[n.present], true
}

// find returns the ID of the name with the interval.
func (t *metricTable) find(name []byte, frequency int64) (MetricID, bool) {
	t.mu.RLock()
	defer t.mu.RUnlock()
	n := t.names[string(name)]
	if n == nil || !n.isInUse() {
		return 0, false
	}
	return t.findLocked(n, frequency)
}

// findLocked is find for a name that is in the table. The caller holds mu, at least for
// reading.
func (t *metricTable) findLocked(n *metricIDs, frequency int64) (MetricID, bool) {
	for _, id := range n.all {
		if t.at(id).frequency == frequency {
			return id, true
		}
	}
	return 0, false
}

// ids returns all IDs of the name, the one for new samples first.
func (t *metricTable) ids(name string) []MetricID {
	t.mu.RLock()
	defer t.mu.RUnlock()
	return t.names[name].idsLocked()
}

// idsLocked is metricTable.ids. The caller holds the table's mu, at least for reading.
func (n *metricIDs) idsLocked() []MetricID {
	if n == nil {
		return nil
	}
	if n.present <= 0 {
		return n.all[:len(n.all):len(n.all)]
	}
	out := slices.Clone(n.all)
	out[0], out[n.present] = out[n.present], out[0]
	return out
}

// queriedMetric is what a query has to know of its metric.
type queriedMetric struct {
	MetricConfig
	ids    []MetricID // see metricTable.ids
	finest int64      // the shortest interval that samples may have
}

// queried returns what a query has to know of a name, false if the name is not accepted.
func (t *metricTable) queried(name string) (m queriedMetric, accepted bool) {
	if m.MetricConfig, accepted = t.config(name); !accepted {
		return m, false
	}
	t.mu.RLock()
	defer t.mu.RUnlock()
	m.ids, m.finest = t.names[name].idsLocked(), m.Frequency
	for _, id := range m.ids {
		if of := t.at(id); of.series.Load() > 0 {
			m.finest = min(m.finest, of.frequency)
		}
	}
	return m, true
}

// admit is obtain for a name that a sender chose: at most maxOther of those that are not
// configured are in use.
func (t *metricTable) admit(name string, frequency int64) (MetricID, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	if _, ok := t.configured[name]; !ok && t.others >= t.maxOther {
		if n := t.names[name]; n == nil || !n.counted {
			return 0, false
		}
	}
	return t.obtainLocked(name, frequency)
}

// obtain returns the ID of the name with the interval, and gives out a new one if need
// be. It returns false if there are no more.
func (t *metricTable) obtain(name string, frequency int64) (MetricID, bool) {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.obtainLocked(name, frequency)
}

// obtainLocked is obtain. The caller holds mu.
func (t *metricTable) obtainLocked(name string, frequency int64) (MetricID, bool) {
	config, accepted := t.config(name)
	n := t.names[name]
	if n == nil {
		n = &metricIDs{present: -1}
		_, n.configured = t.configured[name]
	}
	id, ok := t.findLocked(n, frequency)
	if !ok {
		all := *t.all.Load()
		if t.isFull() {
			return 0, false
		}
		id = MetricID(len(all))
		all = append(all, &metric{name: name, frequency: frequency, grid: t.gridLocked(frequency)})
		t.all.Store(&all) // readers of the old slice do not see the new element
		if accepted && config.Frequency == frequency {
			n.present = len(n.all)
		}
		n.all = append(n.all, id)
		t.names[name] = n
	}
	t.countLocked(n, true)
	return id, true
}

// gridLocked returns the index of the interval among the grids of a host, which is the
// same for all hosts. The caller holds mu, or is newMetricTable.
func (t *metricTable) gridLocked(frequency int64) uint16 {
	all := *t.frequencies.Load()
	i := slices.Index(all, frequency)
	if i < 0 { // there are no more of them than metrics, so uint16 is enough
		i = len(all)
		all = append(all, frequency)
		t.frequencies.Store(&all)
	}
	return uint16(i)
}

// countLocked records whether a name is in use. The caller holds mu.
func (t *metricTable) countLocked(n *metricIDs, inUse bool) {
	switch {
	case n.configured || n.counted == inUse:
		return
	case inUse:
		t.others++
	default:
		t.others--
	}
	n.counted = inUse
}

// releaseNames makes room for other names: those that are not configured stay in use only while a
// host has a series of them.
func (t *metricTable) releaseNames() {
	t.mu.Lock()
	defer t.mu.Unlock()
	for _, n := range t.names {
		t.countLocked(n, slices.ContainsFunc(n.all, func(m MetricID) bool { return t.at(m).series.Load() > 0 }))
	}
}

// list returns the names of all metrics, by MetricID.
func (t *metricTable) list() []string {
	all := *t.all.Load()
	names := make([]string, len(all))
	for i, m := range all {
		names[i] = m.name
	}
	return names
}

// isMetricName reports whether a sender may choose the name for a metric: it is a text that
// every answer can hold.
func isMetricName(name []byte) bool {
	if len(name) == 0 || len(name) > maxMetricName || !utf8.Valid(name) {
		return false
	}
	for _, r := range string(name) {
		if unicode.IsControl(r) {
			return false
		}
	}
	return true
}

package lineproto

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"cc-metric-store/store"
)

// MaxUnknownMetrics is how many metrics that are not configured are known by name. The
// lines of all others are counted together.
const MaxUnknownMetrics = 500

// UnknownMetrics is the table of the metrics that are not configured, in the order in which
// they are met. It counts their lines. The zero value is ready.
// It is safe for concurrent use.
type UnknownMetrics struct {
	mu sync.RWMutex
	// Guarded by mu.
	indices map[string]int32
	list    []store.UnknownMetric // by index; 0 is for all metrics without an index of their own
}

// index returns the index of a metric, which it adds if there is room, 0 otherwise.
func (u *UnknownMetrics) index(metric []byte) int32 {
	if len(metric) > 256 { // more than is kept of a name
		metric = []byte(store.CutName(string(metric)))
	}
	u.mu.RLock()
	n, ok := u.indices[string(metric)]
	full := len(u.indices) >= MaxUnknownMetrics
	u.mu.RUnlock()
	if ok || full {
		return n
	}
	name := string(metric)
	u.mu.Lock()
	defer u.mu.Unlock()
	if n, ok := u.indices[name]; ok || len(u.indices) >= MaxUnknownMetrics {
		return n
	}
	if u.indices == nil {
		u.indices, u.list = map[string]int32{}, make([]store.UnknownMetric, 1)
	}
	n = int32(len(u.list))
	u.list = append(u.list, store.UnknownMetric{Name: name})
	u.indices[name] = n
	return n
}

// Count adds lines of a metric, whose name is empty if it is not known by name. isNew
// says that they are the first ones.
func (u *UnknownMetrics) Count(lines *UnknownLines) (m store.UnknownMetric, isNew bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.list == nil { // no metric has an index
		u.list = make([]store.UnknownMetric, 1)
	}
	of := &u.list[lines.index]
	if isNew = of.Lines == 0; isNew {
		of.Cluster, of.Host = strings.Clone(store.CutName(lines.Cluster)), strings.Clone(store.CutName(lines.Host))
	}
	of.Lines += int64(lines.Lines)
	return *of, isNew
}

// List returns the metrics with lines, those with most lines first, and last those
// that are not known by name.
func (u *UnknownMetrics) List() []store.UnknownMetric {
	u.mu.RLock()
	list := slices.Clone(u.list)
	u.mu.RUnlock()
	list = slices.DeleteFunc(list, func(m store.UnknownMetric) bool { return m.Lines == 0 })
	slices.SortStableFunc(list, func(a, b store.UnknownMetric) int {
		switch {
		case a.Name == "":
			return 1
		case b.Name == "":
			return -1
		}
		return cmp.Compare(b.Lines, a.Lines)
	})
	return list
}

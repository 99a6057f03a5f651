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

// UnknownMetrics is the table of the metrics that are not configured. It numbers them
// in the order in which they are met, and counts their lines. The zero value is ready.
// It is safe for concurrent use.
type UnknownMetrics struct {
	mu sync.RWMutex
	// Guarded by mu.
	numbers map[string]int32
	list    []store.UnknownMetric // by number
}

// number returns the number of a metric: 0 of all those that have none of their
// own.
func (u *UnknownMetrics) number(metric []byte) int32 {
	if len(metric) > 256 { // more than is kept of a name
		metric = []byte(store.CutName(string(metric)))
	}
	u.mu.RLock()
	n, ok := u.numbers[string(metric)]
	full := len(u.numbers) >= MaxUnknownMetrics
	u.mu.RUnlock()
	if ok || full {
		return n
	}
	name := string(metric)
	u.mu.Lock()
	defer u.mu.Unlock()
	if n, ok := u.numbers[name]; ok || len(u.numbers) >= MaxUnknownMetrics {
		return n
	}
	if u.numbers == nil {
		u.numbers, u.list = map[string]int32{}, make([]store.UnknownMetric, 1)
	}
	n = int32(len(u.list))
	u.list = append(u.list, store.UnknownMetric{Name: name})
	u.numbers[name] = n
	return n
}

// Count adds lines of a metric, whose name is empty if it is not known by name. isNew
// says that they are the first ones.
func (u *UnknownMetrics) Count(lines *UnknownLines) (m store.UnknownMetric, isNew bool) {
	u.mu.Lock()
	defer u.mu.Unlock()
	if u.list == nil { // nothing has a number
		u.list = make([]store.UnknownMetric, 1)
	}
	of := &u.list[lines.number]
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

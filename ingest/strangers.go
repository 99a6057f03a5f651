package ingest

import (
	"cmp"
	"slices"
	"strings"
	"sync"

	"cc-metric-store/store"
)

// maxStrangers is how many metrics that are not configured are known by name. The
// lines of all others are counted together.
const maxStrangers = 500

// strangers numbers the metrics that are not configured, in the order in which
// they are met, and counts their lines. The zero value is ready. It is safe for
// concurrent use.
type strangers struct {
	mu sync.RWMutex
	// Guarded by mu.
	numbers map[string]int32
	list    []store.UnknownMetric // by number
}

// number returns the number of a metric: 0 of all those that have none of their
// own.
func (s *strangers) number(metric []byte) int32 {
	if len(metric) > 256 { // more than is kept of a name
		metric = []byte(store.CutName(string(metric)))
	}
	s.mu.RLock()
	n, ok := s.numbers[string(metric)]
	full := len(s.numbers) >= maxStrangers
	s.mu.RUnlock()
	if ok || full {
		return n
	}
	name := string(metric)
	s.mu.Lock()
	defer s.mu.Unlock()
	if n, ok := s.numbers[name]; ok || len(s.numbers) >= maxStrangers {
		return n
	}
	if s.numbers == nil {
		s.numbers, s.list = map[string]int32{}, make([]store.UnknownMetric, 1)
	}
	n = int32(len(s.list))
	s.list = append(s.list, store.UnknownMetric{Name: name})
	s.numbers[name] = n
	return n
}

// count adds lines of a metric. isNew says that they are the first ones.
func (s *strangers) count(u *unknownLines) (m store.UnknownMetric, isNew bool) {
	s.mu.Lock()
	defer s.mu.Unlock()
	if s.list == nil { // nothing has a number
		s.list = make([]store.UnknownMetric, 1)
	}
	of := &s.list[u.number]
	if isNew = of.Lines == 0; isNew {
		of.Cluster, of.Host = strings.Clone(store.CutName(u.cluster)), strings.Clone(store.CutName(u.host))
	}
	of.Lines += int64(u.lines)
	return *of, isNew
}

// counts lists the metrics with lines, those with most lines first, and last those
// that are not known by name.
func (s *strangers) counts() []store.UnknownMetric {
	s.mu.RLock()
	list := slices.Clone(s.list)
	s.mu.RUnlock()
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

// countUnknown counts a line of a metric that is not configured.
func (d *decoder) countUnknown(number int32, cluster, host string) {
	if i := d.seen[number]; i > 0 {
		d.out.unknown[i-1].lines++
		return
	}
	d.out.unknown = append(d.out.unknown, unknownLines{number, 1, cluster, host})
	d.seen[number] = int32(len(d.out.unknown))
}

package store

import (
	"fmt"
	"math"
	"slices"
	"strings"
	"sync"
	"time"
)

// Samples are replaced unseen when a sender sends more often than the interval of a metric says:
// several samples fall into one slot. Here they are found, counted and warned of.

// replaces says which values of a slot are of another time than the samples that come now.
type replaces uint8

const (
	replacesNone replaces = iota
	// replacesOthers: those that differ. Equal ones may be of the same time: a replay, and a
	// message that is sent twice, write the values that are there.
	replacesOthers
	// replacesAll: all, as a second sample of the same series has another time.
	replacesAll
)

// value reports whether a new value of the slot replaces a sample of another time.
func (r replaces) value(old, v float64) bool {
	return !math.IsNaN(old) && (r == replacesAll || math.Float64bits(old) != math.Float64bits(v))
}

// tick is the newest time of samples, and the slot that they fell into.
type tick struct {
	at       int64
	slot     int64 // when the slot begins
	column   int32 // of the first sample
	some     bool  // there was a sample
	replaces replaces
	gap      int64 // seconds since the tick before in this slot, with replacesAll
}

// enter records that samples of a time are stored in a slot of a block, beginning with one in the
// column. It returns which values that are in the slot are of another time.
func (g *grid) enter(b *block, slot, at int64, column int32) replaces {
	start := b.start + slot*g.frequency
	n := &g.newest
	switch {
	case !n.some || n.slot != start:
		*n = tick{at: at, slot: start, column: column, some: true}
	case n.at == at:
	case n.column == column:
		n.replaces, n.gap, n.at = replacesAll, max(at-n.at, n.at-at), at
	default:
		n.replaces, n.gap, n.at, n.column = replacesOthers, 0, at, column
	}
	return n.replaces
}

// replacement says that a sample of a metric was replaced by one of another time.
type replacement struct {
	metric MetricID
	gap    int64 // seconds between the two, 0 if that is not known
}

// maxReplacedMetrics bounds the replaced metrics that are kept of a batch, namedReplaced
// those that a line of the log names.
const (
	maxReplacedMetrics = 64
	namedReplaced      = 16
)

// replace counts a sample that replaces one of another time.
func (a *appender) replace(m MetricID, grid uint16) {
	a.done.Replaced++
	n := len(a.replaced)
	if n == maxReplacedMetrics || n > 0 && a.replaced[n-1].metric == m || slices.ContainsFunc(a.replaced, func(r replacement) bool { return r.metric == m }) {
		return
	}
	a.replaced = append(a.replaced, replacement{m, a.host.grids[grid].newest.gap})
}

// replacements warns of hosts that send a metric more often than its interval says, once for
// each host and metric. It is safe for concurrent use.
type replacements struct {
	mu sync.Mutex
	// Guarded by mu.
	seen    map[replacedSeries]int // in how many batches, until it was logged
	minute  time.Time              // when the first one of the newest lines was written
	lines   int                    // since then
	unnamed int                    // metrics of hosts that were not named since the last line
}

type replacedSeries struct {
	host   hostKey
	metric MetricID
}

const (
	// maxReplaced bounds what is remembered, replacedLines the lines of a minute.
	maxReplaced   = 1 << 14
	replacedLines = 10
	// A sender whose clock is not steady replaces a sample now and then. A warning is logged
	// only after so many batches.
	replacedOften = 3
)

// record adds what was replaced in a batch of a host, and warns if it is time to.
func (r *replacements) record(s *Store, key hostKey, list []replacement) {
	fresh, unnamed := r.sort(s, key, list)
	for len(fresh) > 0 {
		first := fresh[0]
		f := s.metrics.at(first.metric).frequency
		isOther := func(o replacement) bool { return s.metrics.at(o.metric).frequency != f || o.gap != first.gap }
		var names []string
		for _, o := range fresh {
			if !isOther(o) {
				names = append(names, s.metrics.at(o.metric).name)
			}
		}
		if n := len(names) - namedReplaced; n > 0 {
			names = append(names[:namedReplaced], fmt.Sprintf("%d more", n))
		}
		fresh = slices.DeleteFunc(fresh, func(o replacement) bool { return !isOther(o) })
		s.cfg.Logger.Warn("samples are replaced unseen, as they arrive more often than the frequency of their metric says: set metrics.<name>.frequency to what the collector sends at, or the collector's interval to the frequency",
			"cluster", key.cluster, "host", key.host, "metrics", strings.Join(names, ", "), "arrive", describeGap(f, first.gap),
			"frequency", time.Duration(f)*time.Second, "more_not_named", unnamed)
		unnamed = 0
	}
}

// describeGap says how often samples arrive and how many are replaced.
func describeGap(frequency, gap int64) string {
	if gap == 0 {
		return "more than once"
	}
	n := max((frequency+gap/2)/gap, 2)
	return fmt.Sprintf("every %v: %d of %d are replaced", time.Duration(gap)*time.Second, n-1, n)
}

// sort counts the list. It returns those that a line of the log is to name now, and how many
// others that line is to mention.
func (r *replacements) sort(s *Store, key hostKey, list []replacement) (fresh []replacement, unnamed int) {
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.seen == nil {
		r.seen = map[replacedSeries]int{}
	}
	for _, one := range list {
		k := replacedSeries{key, one.metric}
		n, known := r.seen[k]
		if !known {
			if len(r.seen) >= maxReplaced {
				continue
			}
			k.host = hostKey{strings.Clone(key.cluster), strings.Clone(key.host)}
		}
		if n == replacedOften {
			continue
		}
		n++
		if one.gap > 0 && 2*one.gap < s.metrics.at(one.metric).frequency {
			n = replacedOften
		}
		if r.seen[k] = n; n == replacedOften {
			fresh = append(fresh, one)
		}
	}
	if len(fresh) == 0 {
		return nil, 0
	}
	if now := s.cfg.Now(); now.Sub(r.minute) >= time.Minute || now.Before(r.minute) {
		r.minute, r.lines = now, 0
	}
	if r.lines >= replacedLines {
		r.unnamed += len(fresh)
		return nil, 0
	}
	r.lines++
	unnamed, r.unnamed = r.unnamed, 0
	return fresh, unnamed
}

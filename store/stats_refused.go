package store

import (
	"cmp"
	"slices"
	"strings"
	"sync"
	"unicode/utf8"
)

// The limits that samples of new series run into, as in Refused.Limit.
const (
	limitSeries    = "series"     // Config.MaxSeries
	limitHosts     = "hosts"      // Config.MaxHosts
	limitNewSeries = "new-series" // Config.MaxNewSeries
	limitMetrics   = "metrics"    // Config.MaxMetrics
)

// Refused counts samples beyond a limit, by who sent them. If there are too many hosts, only
// the cluster is named: such hosts may have any names.
type Refused struct {
	Limit         string
	Cluster, Host string
	Samples       int64
}

// UnknownMetric counts the lines of a metric that is not configured, which are not stored. Only
// a limited number of metrics is counted by name; the others are counted under the empty name.
type UnknownMetric struct {
	Name  string
	Lines int64
	// Cluster and Host sent the first of the lines.
	Cluster, Host string
}

// maxOffenders bounds the senders that are counted by name; the others are counted without.
const maxOffenders = 64

// refusals counts the samples that were refused. It is safe for concurrent use.
type refusals struct {
	mu sync.Mutex
	by map[Refused]int64 // guarded by mu; the keys have no Samples
}

func (r *refusals) add(key hostKey, a *Appended) {
	r.count(Refused{Limit: limitSeries, Cluster: key.cluster, Host: key.host}, a.OverSeries)
	r.count(Refused{Limit: limitHosts, Cluster: key.cluster}, a.OverHosts)
	r.count(Refused{Limit: limitNewSeries, Cluster: key.cluster, Host: key.host}, a.OverNewSeries)
}

func (r *refusals) count(who Refused, samples int) {
	if samples == 0 {
		return
	}
	r.mu.Lock()
	defer r.mu.Unlock()
	if r.by == nil {
		r.by = map[Refused]int64{}
	}
	who.Cluster, who.Host = CutName(who.Cluster), CutName(who.Host)
	if _, known := r.by[who]; !known && len(r.by) >= maxOffenders {
		who = Refused{Limit: who.Limit}
	} else if !known { // the names are parts of a batch
		who.Cluster, who.Host = strings.Clone(who.Cluster), strings.Clone(who.Host)
	}
	r.by[who] += int64(samples)
}

// longestName is the length, in bytes, that CutName cuts names to.
const longestName = 256

// CutName makes a name that somebody else chose fit for logs and answers: it returns the first
// 256 bytes, up to the end of a character, as valid UTF-8.
func CutName(name string) string {
	if len(name) > longestName {
		end := longestName
		for end > longestName-utf8.UTFMax && !utf8.RuneStart(name[end]) {
			end--
		}
		name = name[:end]
	}
	return strings.ToValidUTF8(name, "\uFFFD")
}

// list returns the counts in order of limits and names.
func (r *refusals) list() []Refused {
	r.mu.Lock()
	defer r.mu.Unlock()
	out := make([]Refused, 0, len(r.by))
	for who, n := range r.by {
		who.Samples = n
		out = append(out, who)
	}
	slices.SortFunc(out, func(a, b Refused) int {
		return cmp.Or(cmp.Compare(a.Limit, b.Limit), cmp.Compare(a.Cluster, b.Cluster), cmp.Compare(a.Host, b.Host))
	})
	return out
}

package store

import (
	"context"
	"slices"
)

// seriesFinder finds the series that matchers match. Those of clusters and hosts are
// evaluated when it looks for hosts, those of metrics before that, once for each metric of
// the store, those of parts once for each different name.
type seriesFinder struct {
	store                           *Store
	from, to                        int64 // of SelectBounds
	cluster, host, metric           labelFilter
	typ, typeID, subtype, subtypeID labelFilter
	// wanted says by MetricID which metrics match, and few lists them if they are few; nil: all
	// do.
	wanted []bool
	few    []MetricID
	found  hostSeries // of the newest host
	// archived has what the archive has of the newest cluster.
	archived *archivedNames
}

func newSeriesFinder(s *Store, b *SelectBounds, matchers []*Matcher) *seriesFinder {
	f := &seriesFinder{store: s, from: max(b.From, -timeBound), to: min(b.To, timeBound)}
	for _, m := range matchers {
		of := f.filter(m.label)
		of.matchers = append(of.matchers, m)
	}
	return f
}

func (f *seriesFinder) filter(label Label) *labelFilter {
	switch label {
	case LabelCluster:
		return &f.cluster
	case LabelHost:
		return &f.host
	case LabelMetric:
		return &f.metric
	case LabelType:
		return &f.typ
	case LabelTypeID:
		return &f.typeID
	case LabelSubtype:
		return &f.subtype
	}
	return &f.subtypeID
}

// selectMetrics evaluates the matchers of metrics, if there are any. It returns the error of
// ctx when that ends.
func (f *seriesFinder) selectMetrics(ctx context.Context) error {
	if f.metric.isEmpty() {
		return nil
	}
	all := *f.store.metrics.all.Load()
	f.wanted = make([]bool, len(all))
	defer func() {
		for m, is := range f.wanted {
			if is && len(f.few) <= fewMetrics {
				f.few = append(f.few, MetricID(m))
			}
		}
	}()
	names := f.metric.listed()
	if names == nil || len(names) > len(all) {
		for i, m := range all {
			if err := ctx.Err(); err != nil {
				return err
			}
			f.wanted[i] = f.metric.matchesCached(m.name)
		}
		return nil
	}
	for name := range names {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !f.metric.matches(name) {
			continue
		}
		for _, m := range f.store.metrics.ids(name) {
			if int(m) < len(all) { // otherwise it is newer
				f.wanted[m] = true
			}
		}
	}
	return nil
}

// fewMetrics is how many metrics are looked up one by one in a host.
const fewMetrics = 8

// areFew reports whether few metrics match, which few lists.
func (f *seriesFinder) areFew() bool { return f.wanted != nil && len(f.few) <= fewMetrics }

// isWanted reports whether a metric matches. One that is newer than the finder does not,
// if there are matchers of metrics.
func (f *seriesFinder) isWanted(m MetricID) bool {
	return f.wanted == nil || int(m) < len(f.wanted) && f.wanted[m]
}

// needsParts reports whether the parts of hosts decide which values a label has.
func (f *seriesFinder) needsParts(label Label) bool {
	return label.isOfPart() || !f.typ.isEmpty() || !f.typeID.isEmpty() || !f.subtype.isEmpty() || !f.subtypeID.isEmpty()
}

func (f *seriesFinder) matchesPart(p *Part) bool {
	return f.typ.matchesCached(p.Type) && f.subtype.matchesCached(p.Subtype) && f.typeID.matchesCached(p.ID) && f.subtypeID.matchesCached(p.SubID)
}

// eachHost calls do for the hosts whose clusters and names match, in order. parts says whether those of
// archived series matter. It returns the first error of do, or the error of ctx when that ends.
func (f *seriesFinder) eachHost(ctx context.Context, parts bool, do func(hostKey) error) error {
	if err := f.selectMetrics(ctx); err != nil {
		return err
	}
	among := f.host.listed()
	for _, cluster := range f.clusterNames() {
		if err := ctx.Err(); err != nil {
			return err
		}
		if !f.cluster.matches(cluster) {
			continue
		}
		names := f.store.hosts.hostNames(cluster, among)
		var err error
		if f.archived, err = f.findArchived(ctx, cluster, parts); err != nil {
			return err
		}
		for _, host := range f.archived.join(names) {
			if err := ctx.Err(); err != nil {
				return err
			}
			if !f.host.matches(host) {
				continue
			}
			if err := do(hostKey{cluster, host}); err != nil {
				return err
			}
		}
	}
	return nil
}

// clusterNames returns the names of all clusters, ascending.
func (f *seriesFinder) clusterNames() []string {
	names := f.store.hosts.clusterNames()
	a := f.store.archived.opened.Load()
	if a == nil || f.from >= f.to {
		return names
	}
	return sortedSet(append(names, a.Clusters()...))
}

// labelFilter are the matchers of one label.
type labelFilter struct {
	matchers []*Matcher
	cache    map[string]bool // verdicts by value
}

// maxCached bounds the verdicts that are cached of a label.
const maxCached = 1 << 16

func (l *labelFilter) isEmpty() bool { return len(l.matchers) == 0 }

// matches reports whether all matchers match the value.
func (l *labelFilter) matches(value string) bool {
	return !slices.ContainsFunc(l.matchers, func(m *Matcher) bool { return !m.matches(value) })
}

// matchesCached is matches for labels with few different values: each is evaluated once.
func (l *labelFilter) matchesCached(value string) bool {
	if len(l.matchers) == 0 {
		return true
	}
	verdict, ok := l.cache[value]
	if !ok {
		if l.cache == nil || len(l.cache) >= maxCached {
			l.cache = map[string]bool{}
		}
		verdict = l.matches(value)
		l.cache[value] = verdict
	}
	return verdict
}

// listed returns the shortest list of values outside which nothing matches, nil if there
// is no list.
func (l *labelFilter) listed() (shortest map[string]struct{}) {
	for _, m := range l.matchers {
		if set, ok := m.listed(); ok && (shortest == nil || len(set) < len(shortest)) {
			shortest = set
		}
	}
	return shortest
}

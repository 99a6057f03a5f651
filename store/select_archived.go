package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"slices"

	"cc-metric-store/store/archive"
)

// SelectBounds bound what is selected.
type SelectBounds struct {
	// Most is the largest number of series or values, up to MaxSelected.
	Most int
	// From and To are a window [From, To) in Unix seconds for which the archive is asked, too, so that series
	// which memory does not have any more are found: those in files that the window touches. Series in memory are
	// found whatever the window is. With an empty one, memory alone is asked.
	From, To int64
}

// archivedNames finds the series that match among those that the archive has of a cluster's hosts, for some
// hosts at a time. A nil archivedNames has none. It belongs to one goroutine.
type archivedNames struct {
	finder  *seriesFinder
	cluster string
	hosts   []string // that match, ascending
	parts   bool     // they matter: without them, each host has one series of a metric
	// known has the series, by host, of the hosts that were asked for last.
	known map[string]map[archivedName]struct{}
}

// archivedName names a series of a host.
type archivedName struct {
	part   Part
	metric string
}

func (a archivedName) compare(b archivedName) int {
	return cmp.Or(a.part.compare(b.part), cmp.Compare(a.metric, b.metric))
}

// archivedHosts is of how many hosts the names of series are read at a time.
const archivedHosts = 32

// findArchived returns what the archive has of a cluster, with or without parts, nil if it is not to be asked.
func (f *seriesFinder) findArchived(ctx context.Context, cluster string, parts bool) (*archivedNames, error) {
	if f.from >= f.to || !f.store.isArchived(cluster, f.from) {
		return nil, nil
	}
	a := &archivedNames{finder: f, cluster: cluster, parts: parts}
	from, to := a.window()
	all, err := f.store.archived.opened.Load().Hosts(ctx, cluster, from, to)
	if err != nil {
		return nil, fmt.Errorf("[METRICSTORE]> read the hosts of cluster %s in the archive: %w", cluster, err)
	}
	among := f.host.listed()
	for _, host := range all {
		if _, listed := among[host]; among != nil && !listed {
			continue
		}
		if f.host.matches(host) {
			a.hosts = append(a.hosts, host)
		}
	}
	return a, nil
}

// window returns the times of the files that may have samples of slots in the window.
func (a *archivedNames) window() (from, to int64) {
	longest := a.finder.store.longest(a.cluster)
	return a.finder.from - longest, a.finder.to + longest
}

// join returns the names, ascending, and with them the hosts that are in the archive.
func (a *archivedNames) join(names []string) []string {
	if a == nil || len(a.hosts) == 0 {
		return names
	}
	names = append(names, a.hosts...)
	slices.Sort(names)
	return slices.Compact(names)
}

// has reports whether the archive has a series of a host, if any series matches.
func (a *archivedNames) has(host string) bool {
	if a == nil {
		return false
	}
	_, ok := slices.BinarySearch(a.hosts, host)
	return ok
}

// of returns the series of a host that match, in order.
func (a *archivedNames) of(ctx context.Context, host string) ([]archivedName, error) {
	if !a.has(host) {
		return nil, nil
	}
	if _, known := a.known[host]; !known {
		if err := a.read(ctx, host); err != nil {
			return nil, err
		}
	}
	return slices.SortedFunc(maps.Keys(a.known[host]), archivedName.compare), nil
}

// read reads the series of a host and of those behind it.
func (a *archivedNames) read(ctx context.Context, host string) error {
	f := a.finder
	at, _ := slices.BinarySearch(a.hosts, host)
	s := &archive.SeriesSelection{Cluster: a.cluster, Hosts: a.hosts[at:min(at+archivedHosts, len(a.hosts))], Metrics: list(f.metric.listed()), Types: list(f.typ.listed())}
	s.From, s.To = a.window()
	a.known = make(map[string]map[archivedName]struct{}, len(s.Hosts))
	for _, host := range s.Hosts {
		a.known[host] = map[archivedName]struct{}{}
	}
	all := 0
	err := f.store.archived.opened.Load().SeriesNames(ctx, s, a.parts, func(x *archive.SeriesName) error {
		name := archivedName{Part(x.Part), x.Metric}
		series := a.known[x.Host]
		if _, known := series[name]; known || !f.metric.matchesCached(name.metric) || !f.matchesPart(&name.part) {
			return nil
		}
		if all++; all > MaxSelected {
			return &SelectError{Limit: MaxSelected}
		}
		series[name] = struct{}{}
		return nil
	})
	if _, tooMany := err.(*SelectError); err != nil && !tooMany {
		return fmt.Errorf("[METRICSTORE]> read the series of cluster %s in the archive: %w", a.cluster, err)
	}
	return err
}

// list returns the values of a set in order, nil if there is none.
func list(set map[string]struct{}) []string {
	if set == nil {
		return nil
	}
	return sortedNames(set)
}

// addArchivedValues adds the values that a label has among the series of a host in the archive. It reads no names
// of series where the host's own is enough.
func (f *seriesFinder) addArchivedValues(ctx context.Context, values map[string]struct{}, label Label, key hostKey) error {
	if !f.archived.has(key.host) {
		return nil
	}
	own, ofHost := "", true
	switch label {
	case LabelCluster:
		own = key.cluster
	case LabelHost:
		own = key.host
	default:
		ofHost = false
	}
	if _, known := values[own]; ofHost && known {
		return nil
	}
	if ofHost && f.metric.isEmpty() && !f.needsParts(label) {
		values[own] = struct{}{}
		return nil
	}
	series, err := f.archived.of(ctx, key.host)
	for _, one := range series {
		switch {
		case ofHost:
			values[own] = struct{}{}
		case label == LabelMetric:
			values[one.metric] = struct{}{}
		default:
			values[one.part.label(label)] = struct{}{}
		}
	}
	return err
}

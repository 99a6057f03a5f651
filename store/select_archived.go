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
	archive *archive.Archive
	cluster string
	parts   bool     // they matter: without them, each host has one series of a metric
	hosts   []string // that match, ascending
	// known has the series, by host, of the hosts that were asked for last.
	known map[string]map[archivedName]struct{}
	asked archive.Stats // of the archive, before it was asked for all this
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
	opened := f.store.archived.opened.Load()
	if opened == nil || f.from >= f.to {
		return nil, nil
	}
	a := &archivedNames{finder: f, archive: opened, cluster: cluster, parts: parts}
	return a, a.findHosts(ctx)
}

// findHosts finds the hosts anew, and forgets their series.
func (a *archivedNames) findHosts(ctx context.Context) error {
	f := a.finder
	a.asked, a.hosts, a.known = a.archive.Stats(), nil, nil
	if !f.store.isArchived(a.cluster, f.from) {
		return nil
	}
	from, to := a.window()
	all, err := a.archive.Hosts(ctx, a.cluster, from, to)
	if err != nil {
		return fmt.Errorf("[METRICSTORE]> read the hosts of cluster %s in the archive: %w", a.cluster, err)
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
	return nil
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

// has reports whether the archive has a series of a host, if any series matches. It is asked after memory: samples may
// have gone to the archive meanwhile.
func (a *archivedNames) has(ctx context.Context, host string) (bool, error) {
	if a == nil {
		return false, nil
	}
	if a.asked != a.archive.Stats() {
		if err := a.findHosts(ctx); err != nil {
			return false, err
		}
	}
	_, ok := slices.BinarySearch(a.hosts, host)
	return ok, nil
}

// of returns the series of a host that match, in order. As has, it is asked after memory.
func (a *archivedNames) of(ctx context.Context, host string) ([]archivedName, error) {
	if ok, err := a.has(ctx, host); !ok {
		return nil, err
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
	err := a.archive.SeriesNames(ctx, s, a.parts, func(x *archive.SeriesName) error {
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
	if ok, err := f.archived.has(ctx, key.host); !ok {
		return err
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

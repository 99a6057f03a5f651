package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"slices"
	"strings"
)

// MaxSelected is the largest number of series that Select returns, and of values that
// LabelValues does.
const MaxSelected = 1 << 20

// SeriesID names a series: a metric of a host or of one of its parts. A series keeps its
// name, also when the sampling interval of its metric changes. It is comparable, and
// holds no reference to a Store.
type SeriesID struct {
	Cluster, Host string
	Part          Part
	Metric        string
}

// String returns the name for error messages and logs, in the form
// power{cluster="fritz",host="f0001",type="socket",type-id="0"}.
func (id SeriesID) String() string {
	text := fmt.Sprintf("%s{cluster=%q,host=%q", id.Metric, id.Cluster, id.Host)
	for _, label := range []Label{LabelType, LabelTypeID, LabelSubtype, LabelSubtypeID} {
		if value := id.Part.label(label); value != "" {
			text += fmt.Sprintf(",%s=%q", string(label), value)
		}
	}
	return text + "}"
}

// SelectError is returned by Select for more than MaxSelected series, and by LabelValues
// for more values.
type SelectError struct {
	Label Label // whose values are too many; empty: series are
	Limit int
}

func (e *SelectError) Error() string {
	if e.Label != "" {
		return fmt.Sprintf("more than %d values of the label %q are selected: select by more labels", e.Limit, string(e.Label))
	}
	return fmt.Sprintf("more than %d series are selected: select by more labels", e.Limit)
}

// Select returns the series that all matchers match, in order of their clusters, hosts,
// parts (type, type id, subtype, subtype id) and metrics. Without a matcher these are all
// series. A series is there while the store holds a sample of it, also if its metric is
// not configured any more. What is added or dropped meanwhile may be there or not.
//
// Hosts are looked up by cluster and name: matchers of type MatchEqual for LabelCluster
// and LabelHost keep it from looking at any other host. It holds the lock of a stripe
// for one host at a time, and no lock when it evaluates matchers.
//
// It fails with a SelectError, or with the error of ctx when that ends.
func (s *Store) Select(ctx context.Context, matchers ...*Matcher) ([]SeriesID, error) {
	return s.SelectIn(ctx, SelectBounds{Most: MaxSelected}, matchers...)
}

// SelectIn is Select within bounds. If it asks the archive, it waits and fails as that does.
func (s *Store) SelectIn(ctx context.Context, b SelectBounds, matchers ...*Matcher) ([]SeriesID, error) {
	b.Most = min(b.Most, MaxSelected)
	out, err := s.selectSome(ctx, &b, matchers)
	if err == nil && len(out) > b.Most {
		return nil, &SelectError{Limit: b.Most}
	}
	return out, err
}

// SelectFirst is SelectIn for the first series: it looks no further. more says that there are
// others.
func (s *Store) SelectFirst(ctx context.Context, b SelectBounds, matchers ...*Matcher) (series []SeriesID, more bool, err error) {
	b.Most = min(b.Most, MaxSelected)
	series, err = s.selectSome(ctx, &b, matchers)
	if len(series) > b.Most {
		return series[:b.Most], true, err
	}
	return series, false, err
}

// SelectHosts returns the series of hosts themselves that the matchers match, in order: one for
// each metric that the host has itself, or that any of its parts has. So it finds what Query makes
// of the parts of a host, too, and AppendHostRuns reads it. Matchers of parts are not looked at. Else it
// is as SelectIn.
func (s *Store) SelectHosts(ctx context.Context, b SelectBounds, matchers ...*Matcher) ([]SeriesID, error) {
	var out []SeriesID
	limit := min(b.Most, MaxSelected)
	matchers = slices.DeleteFunc(slices.Clone(matchers), func(m *Matcher) bool { return m.label.isOfPart() })
	f := newSeriesFinder(s, &b, matchers)
	err := f.eachHost(ctx, false, func(key hostKey) error {
		h, err := f.readHost(ctx, key, false)
		if err != nil {
			return err
		}
		first := len(out)
		for _, m := range h.metrics {
			out = append(out, SeriesID{Cluster: h.key.cluster, Host: h.key.host, Metric: s.metrics.at(m).name})
		}
		archived, err := f.archived.of(ctx, key.host)
		if err != nil {
			return err
		}
		for _, one := range archived {
			out = append(out, SeriesID{Cluster: key.cluster, Host: key.host, Metric: one.metric})
		}
		// A metric may have several intervals, and parts.
		slices.SortFunc(out[first:], func(a, b SeriesID) int { return strings.Compare(a.Metric, b.Metric) })
		if out = append(out[:first], slices.Compact(out[first:])...); len(out) > limit {
			return &SelectError{Limit: limit}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return out, nil
}

// errEnough ends a search.
var errEnough = errors.New("more than the limit")

// selectSome is SelectIn, but it looks no further when more are found than may be.
func (s *Store) selectSome(ctx context.Context, b *SelectBounds, matchers []*Matcher) ([]SeriesID, error) {
	var out []SeriesID
	limit := b.Most
	f := newSeriesFinder(s, b, matchers)
	err := f.eachHost(ctx, true, func(key hostKey) error {
		h, err := f.readHost(ctx, key, true)
		if err != nil {
			return err
		}
		h.sort()
		archived, err := f.archived.of(ctx, key.host)
		if err != nil {
			return err
		}
		found := h.series
		if len(archived) == 0 {
			found = found[:min(len(found), limit+1-len(out))]
		}
		first := len(out)
		out = slices.Grow(out, len(found)+len(archived))
		for _, one := range found {
			out = append(out, SeriesID{h.key.cluster, h.key.host, *h.part(one), one.metric})
		}
		if len(archived) > 0 {
			for _, one := range archived {
				out = append(out, SeriesID{key.cluster, key.host, one.part, one.metric})
			}
			of := out[first:]
			slices.SortFunc(of, func(a, b SeriesID) int {
				return cmp.Or(a.Part.compare(b.Part), cmp.Compare(a.Metric, b.Metric))
			})
			out = out[:first+len(slices.Compact(of))]
			out = out[:min(len(out), limit+1)]
		}
		if len(out) > limit {
			return errEnough
		}
		return nil
	})
	if err != nil && err != errEnough {
		return nil, err
	}
	return out, nil
}

// LabelValues returns the different values that a label has among the series that all
// matchers match, in ascending order: what Select would find. The empty string is among
// them if a series does not have the label. It takes no time for series where hosts and
// their metrics are enough to know.
//
// It fails with an error that names the label if there is no such one, with a
// SelectError, or with the error of ctx when that ends.
func (s *Store) LabelValues(ctx context.Context, label Label, matchers ...*Matcher) ([]string, error) {
	return s.LabelValuesIn(ctx, SelectBounds{Most: MaxSelected}, label, matchers...)
}

// LabelValuesIn is LabelValues of what SelectIn would find. If it may return one value, it ends at the second.
func (s *Store) LabelValuesIn(ctx context.Context, b SelectBounds, label Label, matchers ...*Matcher) ([]string, error) {
	if err := label.check(); err != nil {
		return nil, err
	}
	limit := min(b.Most, MaxSelected)
	values := map[string]struct{}{}
	f := newSeriesFinder(s, &b, matchers)
	needsParts := f.needsParts(label)
	err := f.eachHost(ctx, needsParts, func(key hostKey) error {
		if _, known := values[key.cluster]; known && label == LabelCluster {
			return nil
		}
		h, err := f.readHost(ctx, key, needsParts)
		if err != nil {
			return err
		}
		f.addValues(values, label, h)
		if err := f.addArchivedValues(ctx, values, label, key); err != nil {
			return err
		}
		if len(values) > limit {
			return &SelectError{Label: label, Limit: limit}
		}
		return nil
	})
	if err != nil {
		return nil, err
	}
	return sortedNames(values), nil
}

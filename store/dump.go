package store

import (
	"cmp"
	"context"
	"slices"
)

// Dumped describes what the store holds of one series.
type Dumped struct {
	// Path leads to the level of the series: cluster, host, and if it is of a part
	// of the host the part and its second level.
	Path   []string
	Metric string
	// LeftOut says that the metric is not configured any more.
	LeftOut bool
	// Buffers describes the blocks with samples, oldest first.
	Buffers []Buffer
}

// Buffer describes the samples of one series in one block.
type Buffer struct {
	// Start is when the first sample was due in Unix seconds, Len the number
	// of slots from it to the last sample, End = Start + Len*frequency.
	Start, Len, End int64
}

// Dump describes what the store holds at and below the level that the selector
// names (cluster, host, part, second level, each one optional): it gives use each
// series, in the order of their paths, a level's own before those below it, then of
// their metrics. What use is given is good until it returns. An error of use, or the
// end of ctx, ends the dump and is returned. Before the first call of use it fails
// with a NotFoundError if the selector leads nowhere. It holds one host in memory at a
// time, and no lock for long.
func (s *Store) Dump(ctx context.Context, selector []string, use func(*Dumped) error) error {
	found := false
	finder := newSeriesFinder(s, &SelectBounds{}, pathMatchers(selector))
	if err := finder.eachHost(ctx, true, func(key hostKey) error {
		some, err := s.dumpHost(ctx, key, selector[min(len(selector), 2):], use)
		found = found || some
		return err
	}); err != nil {
		return err
	}
	if !found && len(selector) > 0 {
		return &NotFoundError{Selector: selector}
	}
	return nil
}

// pathMatchers returns the matchers of the hosts at or below the level of a selector.
func pathMatchers(selector []string) (matchers []*Matcher) {
	for i, label := range []Label{LabelCluster, LabelHost} {
		if i < len(selector) {
			matchers = append(matchers, &Matcher{label: label, set: setOf(selector[i : i+1])})
		}
	}
	return matchers
}

// dumpHost dumps the series of a host below the level that the rest of a selector names.
// It reports whether there are any.
func (s *Store) dumpHost(ctx context.Context, key hostKey, selector []string, use func(*Dumped) error) (found bool, err error) {
	for _, d := range s.seriesBelow(key, selector) {
		if err := ctx.Err(); err != nil {
			return found, err
		}
		_, configured := s.metrics.config(d.metric)
		one := Dumped{Path: d.path(key), Metric: d.metric, LeftOut: !configured, Buffers: s.buffersOf(key, d)}
		if len(one.Buffers) == 0 {
			continue // it went meanwhile
		}
		found = true
		if err := use(&one); err != nil {
			return found, err
		}
	}
	return found, nil
}

// dumpedSeries names a series of a host, at all of its intervals.
type dumpedSeries struct {
	part   Part
	metric string
}

func (d dumpedSeries) path(key hostKey) []string {
	path := []string{key.cluster, key.host}
	for _, level := range []string{d.part.level(), d.part.sublevel()} {
		if level != "" {
			path = append(path, level)
		}
	}
	return path
}

// seriesBelow returns the series of a host below the level that the rest of a
// selector names, in the order of a dump.
func (s *Store) seriesBelow(key hostKey, selector []string) []dumpedSeries {
	st := s.stripeOf(key)
	st.mu.RLock()
	h := st.hosts[key]
	var out []dumpedSeries
	if h != nil {
		for k := range h.series {
			if p := h.parts[k.part]; p.matches(selector) {
				out = append(out, dumpedSeries{p, s.metrics.at(k.metric).name})
			}
		}
	}
	st.mu.RUnlock()
	slices.SortFunc(out, func(a, b dumpedSeries) int {
		return cmp.Or(
			cmp.Compare(a.part.level(), b.part.level()), cmp.Compare(a.part.sublevel(), b.part.sublevel()),
			cmp.Compare(a.metric, b.metric), a.part.compare(b.part))
	})
	return slices.Compact(out)
}

// matches reports whether the part lies at or below the level that the last
// elements of a selector name. No level has an empty name.
func (p Part) matches(selector []string) bool {
	for i, level := range []string{p.level(), p.sublevel()} {
		if i < len(selector) && (level == "" || level != selector[i]) {
			return false
		}
	}
	return len(selector) <= 2
}

// buffersOf describes the values of a series, none if it went meanwhile.
func (s *Store) buffersOf(key hostKey, d dumpedSeries) []Buffer {
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return nil
	}
	var out []Buffer
	for _, m := range s.metrics.ids(d.metric) {
		if column, ok := h.columnOf(s.seed, d.part, m); ok {
			out = append(out, h.grid(s.metrics.at(m).grid).buffers(column)...)
		}
	}
	slices.SortFunc(out, func(a, b Buffer) int { return cmp.Compare(a.Start, b.Start) })
	return out
}

// buffers describes the column's values, oldest first.
func (g *grid) buffers(column int32) []Buffer {
	var out []Buffer
	for b := range g.blocks.all() {
		if !b.has(column) {
			continue
		}
		first, last := b.extent(column)
		start, length := g.centre(b, first), last-first+1
		out = append(out, Buffer{Start: start, Len: length, End: start + length*g.frequency})
	}
	return out
}

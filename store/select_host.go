package store

import (
	"context"
	"slices"
	"strings"
)

// hostSeries are the series of a host that match. It is used for one host after the
// other.
type hostSeries struct {
	key     hostKey
	metrics []MetricID // those that match, in any order
	keys    []seriesKey
	// parts are those of the host, order has them in order of their names.
	parts     []Part
	order     []int32
	positions []int32 // of the parts in the order; below zero: the part does not match
	series    []foundSeries
}

// foundSeries is a series by the position of its part in the order of the parts.
type foundSeries struct {
	part   int32
	metric string
}

func (a foundSeries) compare(b foundSeries) int {
	if a.part != b.part {
		return int(a.part - b.part)
	}
	return strings.Compare(a.metric, b.metric)
}

// checkEvery is how many parts of a host are looked at until the end of a context is
// seen.
const checkEvery = 256

// readHost returns the series of a host in memory that match, in any order, or only its metrics if
// no parts are asked for. The answer is good until the next call.
func (f *seriesFinder) readHost(ctx context.Context, key hostKey, parts bool) (*hostSeries, error) {
	h := &f.found
	f.copyHost(h, key, parts)
	h.series = h.series[:0]
	if len(h.keys) == 0 {
		return h, nil
	}
	const unmatched = -1
	h.positions = slices.Grow(h.positions[:0], len(h.parts))[:len(h.parts)]
	for at, part := range h.order {
		if at%checkEvery == checkEvery-1 && ctx.Err() != nil {
			return nil, ctx.Err()
		}
		if h.positions[part] = unmatched; f.matchesPart(&h.parts[part]) {
			h.positions[part] = int32(at)
		}
	}
	for _, k := range h.keys {
		if at := h.positions[k.part]; at != unmatched {
			h.series = append(h.series, foundSeries{at, f.store.metrics.at(k.metric).name})
		}
	}
	return h, nil
}

// copyHost copies what the host has of the metrics that match: references to its parts,
// which are immutable, and copies of the rest.
func (f *seriesFinder) copyHost(to *hostSeries, key hostKey, parts bool) {
	to.key, to.metrics, to.keys = key, to.metrics[:0], to.keys[:0]
	st := f.store.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return
	}
	to.key = h.key // key may be a part of something larger
	all, own := f.copyMetrics(to, h)
	if all == 0 || !parts {
		return
	}
	if all == own && len(h.order) > 0 && h.parts[h.order[0]] == (Part{}) { // which comes before all others
		first := h.order[0]
		to.parts, to.order = h.parts[first:first+1], append(to.order[:0], 0)
		for _, m := range to.metrics {
			to.keys = append(to.keys, seriesKey{0, m})
		}
		return
	}
	to.parts, to.order = h.parts, append(to.order[:0], h.order...)
	if len(h.parts)*len(to.metrics) < len(h.series) {
		for part := range h.parts {
			for _, m := range to.metrics {
				if k := (seriesKey{int32(part), m}); hasKey(h.series, k) {
					to.keys = append(to.keys, k)
				}
			}
		}
		return
	}
	for k := range h.series {
		if f.isWanted(k.metric) {
			to.keys = append(to.keys, k)
			if all--; all == 0 {
				return
			}
		}
	}
}

func hasKey(series map[seriesKey]int32, k seriesKey) bool {
	_, ok := series[k]
	return ok
}

// copyMetrics copies which of the metrics that match the host has. It returns how many series have
// them, and how many of these are the host's own.
func (f *seriesFinder) copyMetrics(to *hostSeries, h *host) (all, own int) {
	add := func(m MetricID, n seriesCount) {
		to.metrics = append(to.metrics, m)
		all += int(n.all)
		if n.own > 0 {
			own++
		}
	}
	if f.areFew() {
		for _, m := range f.few {
			if n := h.counts.of(m); n.all > 0 {
				add(m, n)
			}
		}
		return all, own
	}
	for m, n := range h.counts.all() {
		if f.isWanted(m) {
			add(m, n)
		}
	}
	return all, own
}

// sort puts the series into order, each once: a series may have several intervals.
func (h *hostSeries) sort() {
	slices.SortFunc(h.series, foundSeries.compare)
	h.series = slices.Compact(h.series)
}

func (h *hostSeries) part(one foundSeries) *Part { return &h.parts[h.order[one.part]] }

// addValues adds the values that a label has among the series of the host, or among its
// metrics if no parts were asked for.
func (f *seriesFinder) addValues(values map[string]struct{}, label Label, h *hostSeries) {
	add := func(value string) { values[value] = struct{}{} }
	parts := f.needsParts(label)
	some := len(h.series) > 0 || len(h.metrics) > 0 && !parts
	switch {
	case label == LabelCluster && some:
		add(h.key.cluster)
	case label == LabelHost && some:
		add(h.key.host)
	case label == LabelMetric && !parts:
		for _, m := range h.metrics {
			add(f.store.metrics.at(m).name)
		}
	case label == LabelMetric:
		for _, one := range h.series {
			add(one.metric)
		}
	case label.isOfPart():
		for _, one := range h.series {
			add(h.part(one).label(label))
		}
	}
}

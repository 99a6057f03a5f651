package store

import (
	"context"
	"math"
	"slices"

	"cc-metric-store/store/chunk"
)

// Health says which of the metrics that were asked for are alive on a host.
type Health struct {
	// Degraded lists the metrics with a series that is stale, Missing those
	// without any series, both in the order that was asked for.
	Degraded, Missing []string
	// Healthy counts the others.
	Healthy int
}

// staleAfter is the number of intervals after which a series without a new
// sample is stale.
const staleAfter = 5

// Health says which of the metrics of a host are fresh, by the age of their newest samples. A
// metric that is named several times counts once. It returns false if the store holds nothing
// of the host. It passes once over the series of the host, however many metrics are named.
func (s *Store) Health(cluster, name string, metrics []string) (Health, bool) {
	verdicts, ok := s.freshness(hostKey{cluster, name}, s.cfg.Now().Unix())
	if !ok {
		return Health{}, false
	}
	var out Health
	seen := make(map[string]bool, len(metrics))
	for _, m := range metrics {
		if seen[m] {
			continue
		}
		seen[m] = true
		_, configured := s.metrics.config(m)
		fresh, found := verdicts[m]
		switch {
		case !configured || !found:
			out.Missing = append(out.Missing, m)
		case !fresh:
			out.Degraded = append(out.Degraded, m)
		default:
			out.Healthy++
		}
	}
	return out, true
}

// StaleSeries counts the series of a host whose newest block with samples ended more
// than staleAfter intervals ago. Series of metrics that are not configured do not count:
// nobody sends them any more. It fails as Dump does.
func (s *Store) StaleSeries(ctx context.Context, cluster, host string) (stale int, err error) {
	now := s.cfg.Now().Unix()
	err = s.Dump(ctx, []string{cluster, host}, func(d *Dumped) error {
		newest := d.Buffers[len(d.Buffers)-1]
		frequency := (newest.End - newest.Start) / max(newest.Len, 1)
		if !d.LeftOut && now-newest.End > staleAfter*frequency {
			stale++
		}
		return nil
	})
	return stale, err
}

// freshness returns for each metric that the host has whether all its series are
// fresh, each at any of its intervals. It returns false if the store does not hold
// the host.
func (s *Store) freshness(key hostKey, now int64) (verdicts map[string]bool, ok bool) {
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return nil, false
	}
	type series struct {
		part   int32
		metric string
	}
	verdicts = make(map[string]bool)
	several := make(map[series]bool) // of metrics with several intervals
	for k, column := range h.series {
		m := s.metrics.at(k.metric)
		if fresh, found := verdicts[m.name]; found && !fresh {
			continue // one stale series is enough
		}
		g := h.grid(m.grid)
		fresh := g.hasSince(column, now-(staleAfter+1)*g.frequency)
		if h.counts.of(k.metric).all == h.countNamed(s.metrics, m.name) {
			verdicts[m.name] = fresh
			continue
		}
		one := series{k.part, m.name}
		several[one] = several[one] || fresh
	}
	for one, fresh := range several {
		if before, found := verdicts[one.metric]; !found || before {
			verdicts[one.metric] = fresh
		}
	}
	return verdicts, true
}

// countNamed returns the number of series of a metric at all intervals.
func (h *host) countNamed(t *metricTable, name string) (n int32) {
	for _, m := range t.ids(name) {
		n += h.counts.of(m).all
	}
	return n
}

// hasSince reports whether the column has a sample that is expected at the time or
// later. It looks at the newest blocks alone, and at few slots of an open one.
func (g *grid) hasSince(column int32, since int64) bool {
	var buf [chunk.MaxSlots]float64
	for b := range g.blocks.backward() {
		if b.end <= since-g.frequency {
			return false
		}
		slot := max(ceilDiv(since-g.centre(b, 0), g.frequency), 0)
		if slot >= b.slots || !b.has(column) {
			continue
		}
		v := buf[:b.slots-slot]
		b.read(v, column, slot)
		if slices.ContainsFunc(v, func(x float64) bool { return !math.IsNaN(x) }) {
			return true
		}
	}
	return false
}

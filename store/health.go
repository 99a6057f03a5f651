package store

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

// Health judges the metrics of a host by the age of their newest samples. It
// returns false if the store holds nothing of the host.
func (s *Store) Health(cluster, name string, metrics []string) (Health, bool) {
	now := s.cfg.Now().Unix()
	key := hostKey{cluster, name}
	st := s.stripeOf(key)
	st.mu.RLock()
	defer st.mu.RUnlock()
	h := st.hosts[key]
	if h == nil {
		return Health{}, false
	}
	var out Health
	for _, m := range metrics {
		var found, stale bool
		if _, ok := s.metrics.config(m); ok {
			found, stale = h.freshness(s.metrics, s.metrics.numbers(m), now)
		}
		switch {
		case !found:
			out.Missing = append(out.Missing, m)
		case stale:
			out.Degraded = append(out.Degraded, m)
		default:
			out.Healthy++
		}
	}
	return out, true
}

// freshness reports whether the host has a series of the metric with these numbers,
// and whether one of them is stale at all of its intervals.
func (h *host) freshness(t *metricTable, numbers []MetricID, now int64) (found, stale bool) {
	left := int32(0) // series that are not found yet
	for _, m := range numbers {
		left += h.counts[m]
	}
	for i := 0; left > 0; i++ {
		held, fresh := false, false
		for _, m := range numbers {
			if column, ok := h.column(int32(i), m); ok {
				held = true
				left--
				g := h.grid(t.at(m).grid)
				fresh = fresh || g.hasSince(column, now-(staleAfter+1)*g.frequency)
			}
		}
		found = found || held
		stale = stale || held && !fresh
	}
	return found, stale
}

// hasSince reports whether the column has a sample that is expected at the time or
// later. It looks at the newest blocks alone.
func (g *grid) hasSince(column int32, since int64) bool {
	for b := range g.blocks.backward() {
		if b.end <= since-g.frequency {
			return false
		}
		if b.has(column) {
			_, last := b.extent(column)
			return g.centre(b, last) >= since
		}
	}
	return false
}

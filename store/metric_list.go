package store

import "slices"

// NamedMetric is a metric with its name.
type NamedMetric struct {
	Name string
	MetricConfig
}

// Metrics returns the metrics that are configured, and those of which the store holds samples, in
// order of their names. One that is accepted as Config.AnyMetric is has the values of that; one that
// is not accepted any more has its former interval and no aggregation.
func (s *Store) Metrics() []NamedMetric {
	t := s.metrics
	t.mu.RLock()
	defer t.mu.RUnlock()
	names := make([]string, 0, len(t.names))
	for name, n := range t.names {
		if n.configured || slices.ContainsFunc(n.all, func(m MetricID) bool { return t.at(m).series.Load() > 0 }) {
			names = append(names, name)
		}
	}
	slices.Sort(names)
	out := make([]NamedMetric, len(names))
	for i, name := range names {
		config, accepted := t.config(name)
		if !accepted {
			config = MetricConfig{Frequency: t.at(t.names[name].all[0]).frequency}
		}
		out[i] = NamedMetric{name, config}
	}
	return out
}

package store

import (
	"errors"
	"fmt"
	"slices"
)

// Aggregation says how the series of a host's parts (sockets, hardware
// threads, ...) become one series of the host.
type Aggregation uint8

const (
	// AggregateNone: there is no meaningful combination; a query that would
	// need one fails with ErrInvalidAggregation.
	AggregateNone Aggregation = iota
	// AggregateSum adds the values slot by slot.
	AggregateSum
	// AggregateAvg divides the sum by the number of series.
	AggregateAvg
)

// MetricConfig describes one metric that the store accepts.
type MetricConfig struct {
	// Frequency is the sampling interval in seconds, at least 1.
	Frequency int64
	// Aggregation combines the series of a host's parts.
	Aggregation Aggregation
}

// MetricID identifies a metric with one sampling interval in one Store. IDs count from 0.
// A metric has an ID for each sampling interval that it has or had. An ID is valid for the
// life of the Store and no longer.
type MetricID uint16

// maxMetrics is how many metrics a MetricID can tell apart.
const maxMetrics = 1 << 16

// maxMetricName is the length in bytes of the longest name that Config.AnyMetric accepts.
const maxMetricName = 256

func validateMetrics(c *Config) []error {
	var faults []error
	if len(c.Metrics) == 0 && c.AnyMetric == nil {
		faults = append(faults, errors.New("no metric is configured"))
	}
	if len(c.Metrics) > maxMetrics {
		return append(faults, fmt.Errorf("%d metrics are configured, at most %d are possible", len(c.Metrics), maxMetrics))
	}
	frequencies := map[int64]bool{}
	for _, name := range sortedNames(c.Metrics) {
		f := c.Metrics[name].Frequency
		if f < 1 {
			faults = append(faults, fmt.Errorf("metric %q: frequency %d s is not at least 1 s", name, f))
		}
		frequencies[f] = true
	}
	if len(frequencies) > maxFrequencies {
		faults = append(faults, fmt.Errorf("%d different frequencies are configured, at most %d are possible", len(frequencies), maxFrequencies))
	}
	if c.AnyMetric != nil && c.AnyMetric.Frequency < 1 {
		faults = append(faults, fmt.Errorf("metrics that are not named: frequency %d s is not at least 1 s", c.AnyMetric.Frequency))
	}
	if c.MaxMetrics < 1 || c.MaxMetrics > maxMetrics {
		faults = append(faults, fmt.Errorf("a limit of %d metrics is not within 1 and %d", c.MaxMetrics, maxMetrics))
	}
	return faults
}

// maxFrequencies bounds the intervals of a configuration: a host has a grid for each.
const maxFrequencies = 1 << 8

func sortedNames[V any](metrics map[string]V) []string {
	names := make([]string, 0, len(metrics))
	for name := range metrics {
		names = append(names, name)
	}
	slices.Sort(names)
	return names
}

// Metric returns the ID of a metric that is configured or was admitted, false for any other. It
// does not allocate and does not keep name.
func (s *Store) Metric(name []byte) (MetricID, bool) { return s.MetricIn(0, name) }

// MetricIn is Metric as of an era of the log.
func (s *Store) MetricIn(e Era, name []byte) (MetricID, bool) {
	if e == 0 {
		return s.metrics.present(name)
	}
	if f := s.era(e).interval(name); f > 0 {
		return s.metrics.find(name, f)
	}
	return 0, false
}

// Takes reports whether the configuration of an era accepts a metric: it has an ID already, or
// Admit can give it one.
func (s *Store) Takes(e Era, name []byte) bool { return s.intervalOf(e, name) > 0 }

// Names reports whether the configuration of an era names the metric. Otherwise it is accepted
// as one of any name, if at all.
func (s *Store) Names(e Era, name []byte) bool {
	if e != 0 {
		_, ok := s.era(e).Metrics[string(name)]
		return ok
	}
	_, ok := s.cfg.Metrics[string(name)]
	return ok
}

// intervalOf returns the sampling interval of samples of the metric in an era, in seconds, 0 if
// the metric is not accepted.
func (s *Store) intervalOf(e Era, name []byte) int64 {
	if e != 0 {
		return s.era(e).interval(name)
	}
	if m, ok := s.cfg.Metrics[string(name)]; ok {
		return m.Frequency
	}
	if s.cfg.AnyMetric != nil && isMetricName(name) {
		return s.cfg.AnyMetric.Frequency
	}
	return 0
}

// Admission says what Admit makes of a metric.
type Admission uint8

const (
	// NotConfigured: its samples are not kept.
	NotConfigured Admission = iota
	// Admitted: it has an ID.
	Admitted
	// OverMetrics: there are Config.MaxMetrics already.
	OverMetrics
)

// Admit gives an ID to a metric that MetricIn did not find, if the configuration of the era
// accepts it. cluster and host say who sent it. Admit does not keep name.
func (s *Store) Admit(e Era, cluster, host string, name []byte) (MetricID, Admission) {
	f := s.intervalOf(e, name)
	if f == 0 {
		return 0, NotConfigured
	}
	id, ok := s.metrics.admit(string(name), f)
	if !ok {
		s.refusals.count(Refused{Limit: limitMetrics, Cluster: cluster, Host: host}, 1)
		s.warnOfMetrics(cluster, host, name)
		return 0, OverMetrics
	}
	return id, Admitted
}

// warnOfMetrics logs, at most once a minute, that there are too many metrics, or have been too
// many since the start.
func (s *Store) warnOfMetrics(cluster, host string, name []byte) {
	now := s.cfg.Now().Unix()
	warned := s.metricsWarned.Load()
	if since := now - warned; since >= 0 && since < 60 || !s.metricsWarned.CompareAndSwap(warned, now) {
		return
	}
	if s.metrics.isFull() {
		s.cfg.Logger.Warn("samples of a new metric are refused, as there have been as many names of metrics since the start as this program can tell apart: "+
			"start it anew, which forgets those that have no samples any more, and see who makes up names",
			"metric", string(name[:min(len(name), maxMetricName)]), "cluster", cluster, "host", host, "limit", maxMetrics)
		return
	}
	s.cfg.Logger.Warn("samples of a new metric are refused, as there are as many metrics as there may be that the configuration does not name: name those that are needed, and see who makes up names",
		"metric", string(name[:min(len(name), maxMetricName)]), "cluster", cluster, "host", host, "limit", s.cfg.MaxMetrics)
}

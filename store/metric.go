package store

import (
	"fmt"
	"sort"
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

// MetricID numbers the configured metrics of one Store from 0, in order of
// their names. It is stable for the life of the Store and no longer.
type MetricID uint16

// maxMetrics is the number of metrics that a MetricID can tell apart.
const maxMetrics = 1 << 16

// metricTable is immutable once made.
type metricTable struct {
	ids     map[string]MetricID
	names   []string
	configs []MetricConfig
	grids   []uint8 // by MetricID: index into frequencies
	// frequencies lists the distinct sampling intervals in ascending order.
	frequencies []int64
}

func newMetricTable(metrics map[string]MetricConfig) (metricTable, []error) {
	t := metricTable{ids: make(map[string]MetricID, len(metrics))}
	var faults []error
	if len(metrics) == 0 {
		faults = append(faults, fmt.Errorf("no metric is configured"))
	}
	if len(metrics) > maxMetrics {
		faults = append(faults, fmt.Errorf("%d metrics are configured, at most %d are possible", len(metrics), maxMetrics))
		return t, faults
	}
	for name := range metrics {
		t.names = append(t.names, name)
	}
	sort.Strings(t.names)
	index := map[int64]uint8{}
	for _, name := range t.names {
		f := metrics[name].Frequency
		if f < 1 {
			faults = append(faults, fmt.Errorf("metric %q: frequency %d s is not at least 1 s", name, f))
			continue
		}
		if _, ok := index[f]; !ok {
			index[f] = 0
			t.frequencies = append(t.frequencies, f)
		}
	}
	if len(t.frequencies) > 1<<8 {
		faults = append(faults, fmt.Errorf("%d different frequencies are configured, at most %d are possible", len(t.frequencies), 1<<8))
	}
	if len(faults) > 0 {
		return t, faults
	}
	sort.Slice(t.frequencies, func(i, j int) bool { return t.frequencies[i] < t.frequencies[j] })
	for i, f := range t.frequencies {
		index[f] = uint8(i)
	}
	for i, name := range t.names {
		t.ids[name] = MetricID(i)
		t.configs = append(t.configs, metrics[name])
		t.grids = append(t.grids, index[metrics[name].Frequency])
	}
	return t, nil
}

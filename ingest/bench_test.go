package ingest

import (
	"testing"

	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

func benchMetrics() map[string]store.MetricConfig {
	m := map[string]store.MetricConfig{}
	for _, name := range testkit.BenchMetrics() {
		m[name] = store.MetricConfig{Frequency: 60, Aggregation: store.AggregateSum}
	}
	return m
}

func benchStore(b testing.TB) *store.Store {
	b.Helper()
	s, err := store.New(store.Config{Metrics: benchMetrics()})
	if err != nil {
		b.Fatal(err)
	}
	return s
}

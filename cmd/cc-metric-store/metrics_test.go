package main

import (
	"log/slog"
	"math"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"cc-metric-store/config"
	"cc-metric-store/store"
)

// TestMetricsOfTheDocuments compares the metrics that the documents and the alerts
// name with those that the program describes.
func TestMetricsOfTheDocuments(t *testing.T) {
	a, err := assemble(config.Default(), options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	described := map[string]bool{
		namespace + "request_duration_seconds": true, namespace + "rest_connections": true, namespace + "rest_connections_evicted_total": true,
	}
	name := regexp.MustCompile(namespace + `[a-z0-9_]*[a-z0-9]`)
	for _, c := range []prometheus.Collector{newStatsCollector(a), newCheckpointCollector(a), newArchiveCollector(a), newClusterCollector(a, "")} {
		descs := make(chan *prometheus.Desc)
		go func() {
			defer close(descs)
			c.Describe(descs)
		}()
		for d := range descs {
			described[name.FindString(d.String())] = true
		}
	}
	pages, err := filepath.Glob("../../*.md")
	if err != nil || len(pages) == 0 {
		t.Fatal(pages, err)
	}
	for _, page := range append(pages, "../../deploy/alerts.yml") {
		text, err := os.ReadFile(page)
		if err != nil {
			t.Fatal(err)
		}
		for _, metric := range name.FindAllString(string(text), -1) {
			if !described[metric] && metric != strings.TrimSuffix(namespace, "_") {
				t.Errorf("%s names %s, which /metrics lacks", page, metric)
			}
		}
	}
}

// TestInvalidSamplesAreCounted: what the store cannot hold does not go unseen.
func TestInvalidSamplesAreCounted(t *testing.T) {
	a, err := assemble(config.Default(), options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	id, ok := a.store.Metric([]byte("cpu_load"))
	if !ok {
		t.Fatal("cpu_load is not configured")
	}
	b := store.Batch{Cluster: "c", Host: "h", Parts: []store.Part{{}}}
	b.Add(0, id, 1_700_000_000, math.NaN())
	b.Add(0, id, 1_700_000_000, math.Inf(1))
	b.Add(0, id, math.MaxInt64, 1)
	a.store.Append(&b)
	const want = `
# HELP cc_metric_store_samples_invalid_total Samples whose time or value the store cannot hold: 0 as long as the lines of all such samples are refused before.
# TYPE cc_metric_store_samples_invalid_total counter
cc_metric_store_samples_invalid_total 3
`
	if err := testutil.CollectAndCompare(newStatsCollector(a), strings.NewReader(want), namespace+"samples_invalid_total"); err != nil {
		t.Error(err)
	}
}

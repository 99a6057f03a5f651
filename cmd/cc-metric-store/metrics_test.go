package main

import (
	"log/slog"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"

	"github.com/prometheus/client_golang/prometheus"

	"cc-metric-store/config"
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
	for _, c := range []prometheus.Collector{newStatsCollector(a.store, a.log), newCheckpointCollector(a)} {
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

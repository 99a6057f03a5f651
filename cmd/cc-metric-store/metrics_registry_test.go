package main

import (
	"io"
	"log/slog"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/testutil"

	"cc-metric-store/config"
	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

func TestMetricsKeepTheConventions(t *testing.T) {
	opts := options{logLevel: "crit"}
	log, err := newLogger(io.Discard, opts)
	if err != nil {
		t.Fatal(err)
	}
	a, err := assemble(config.Default(), opts, log)
	if err != nil {
		t.Fatal(err)
	}
	a.checkpointConfig.Directory = t.TempDir()
	if err := a.openCheckpoints(); err != nil {
		t.Fatal(err)
	}
	defer a.checkpoints.Close()
	registry, observe := newRegistry(a)
	observe("query", 200, time.Second)
	problems, err := testutil.GatherAndLint(registry)
	if err != nil {
		t.Fatal(err)
	}
	for _, p := range problems {
		t.Errorf("%s: %s", p.Metric, p.Text)
	}
}

// TestMetricsSurviveOneFault: what cannot be shown costs nothing else.
func TestMetricsSurviveOneFault(t *testing.T) {
	r := prometheus.NewRegistry()
	r.MustRegister(&invalid{prometheus.NewDesc("bad", "Bad.", nil, nil)})
	g := prometheus.NewGauge(prometheus.GaugeOpts{Name: "good"})
	r.MustRegister(g)
	var log testkit.LogBuffer
	answer := httptest.NewRecorder()
	metricsHandler(r, slog.New(slog.NewTextHandler(io.Writer(&log), nil))).ServeHTTP(answer, httptest.NewRequest("GET", "/metrics", nil))
	if answer.Code != 200 || !strings.Contains(answer.Body.String(), "good 0") || !strings.Contains(log.String(), "WARN") {
		t.Errorf("%d %s; log %s", answer.Code, answer.Body, log.String())
	}
}

type invalid struct{ desc *prometheus.Desc }

func (c *invalid) Describe(out chan<- *prometheus.Desc) { out <- c.desc }

func (c *invalid) Collect(out chan<- prometheus.Metric) {
	out <- prometheus.NewInvalidMetric(c.desc, &store.UnknownMetricError{Metric: "x"})
}

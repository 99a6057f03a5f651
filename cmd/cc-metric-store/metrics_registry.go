package main

import (
	"log/slog"
	"net/http"
	"strconv"
	"time"

	"github.com/prometheus/client_golang/prometheus"
	"github.com/prometheus/client_golang/prometheus/collectors"
	"github.com/prometheus/client_golang/prometheus/promhttp"
)

// newRegistry returns the registry that GET /metrics shows, and the function that REST
// has to call for each answer.
func newRegistry(a *app) (r *prometheus.Registry, observe func(endpoint string, status int, took time.Duration)) {
	r = prometheus.NewRegistry()
	answers := prometheus.NewHistogramVec(prometheus.HistogramOpts{
		Name:    namespace + "request_duration_seconds",
		Help:    "How long answers of the REST interface took, by endpoint and status.",
		Buckets: prometheus.ExponentialBuckets(0.0001, 4, 10), // 0.1 ms to 26 s
	}, []string{"endpoint", "code"})
	r.MustRegister(
		collectors.NewGoCollector(),
		collectors.NewProcessCollector(collectors.ProcessCollectorOpts{}),
		newStatsCollector(a),
		newCheckpointCollector(a),
		newArchiveCollector(a),
		answers,
		prometheus.NewGaugeFunc(prometheus.GaugeOpts{
			Name: namespace + "rest_connections", Help: "Open connections of the REST interface.",
		}, func() float64 { open, _ := a.rest.Connections(); return float64(open) }),
		prometheus.NewCounterFunc(prometheus.CounterOpts{
			Name: namespace + "rest_connections_evicted_total",
			Help: "Connections of the REST interface that were closed, or not taken, because as many were open as are possible.",
		}, func() float64 { _, evicted := a.rest.Connections(); return float64(evicted) }),
	)
	return r, func(endpoint string, status int, took time.Duration) {
		answers.WithLabelValues(endpoint, strconv.Itoa(status)).Observe(took.Seconds())
	}
}

// metricsHandler answers GET /metrics. A metric that cannot be shown is left out, with a
// warning.
func metricsHandler(r *prometheus.Registry, logger *slog.Logger) http.Handler {
	return promhttp.HandlerFor(r, promhttp.HandlerOpts{ErrorHandling: promhttp.ContinueOnError, ErrorLog: slog.NewLogLogger(logger.Handler(), slog.LevelWarn)})
}

package main

import "github.com/prometheus/client_golang/prometheus"

// checkpointCollector is a prometheus.Collector of the state of the checkpoints.
type checkpointCollector struct {
	app *app
	written, failed,
	last, duration, bytes *prometheus.Desc
}

func newCheckpointCollector(a *app) *checkpointCollector {
	desc := func(name, help string, labels ...string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+name, help, labels, nil)
	}
	return &checkpointCollector{
		app:      a,
		written:  desc("checkpoints_total", "Checkpoints written."),
		failed:   desc("checkpoint_failures_total", "Checkpoints that could not be written: see to the disk of the checkpoints."),
		last:     desc("checkpoint_last_timestamp_seconds", "When the newest checkpoint was written, 0 if there is none."),
		duration: desc("checkpoint_duration_seconds", "How long the newest checkpoint of this run took."),
		bytes:    desc("checkpoint_bytes", "Size of what was written with the newest checkpoint of this run: open blocks, and those sealed since the one before.", "blocks"),
	}
}

// Describe implements prometheus.Collector.
func (c *checkpointCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.written, c.failed, c.last, c.duration, c.bytes} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *checkpointCollector) Collect(out chan<- prometheus.Metric) {
	if c.app.checkpoints == nil {
		return
	}
	s := c.app.checkpoints.Stats()
	last := 0.0
	if !s.Last.IsZero() {
		last = float64(s.Last.UnixNano()) / 1e9
	}
	for _, m := range []prometheus.Metric{
		prometheus.MustNewConstMetric(c.written, prometheus.CounterValue, float64(s.Written)),
		prometheus.MustNewConstMetric(c.failed, prometheus.CounterValue, float64(s.Failed)),
		prometheus.MustNewConstMetric(c.last, prometheus.GaugeValue, last),
		prometheus.MustNewConstMetric(c.duration, prometheus.GaugeValue, s.Duration.Seconds()),
		prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(s.Bytes), "open"),
		prometheus.MustNewConstMetric(c.bytes, prometheus.GaugeValue, float64(s.SegmentBytes), "sealed"),
	} {
		out <- m
	}
}

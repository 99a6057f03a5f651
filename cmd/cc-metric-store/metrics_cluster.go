package main

import "github.com/prometheus/client_golang/prometheus"

// clusterCollector is a prometheus.Collector of how this node stands to a log that it keeps with
// others.
type clusterCollector struct {
	app *app
	log string // name of the stream
	leader, replicas,
	confirmed *prometheus.Desc
}

func newClusterCollector(a *app, log string) *clusterCollector {
	desc := func(name, help string) *prometheus.Desc {
		return prometheus.NewDesc(namespace+name, help, nil, nil)
	}
	return &clusterCollector{
		app: a, log: log,
		leader:    desc("log_leader", "1 while this node leads the log of the cluster, else 0: one of the nodes does."),
		replicas:  desc("log_replicas_current", "Nodes that have the whole log, as its leader says; 0 while there is none."),
		confirmed: desc("log_confirmed_seconds", "Seconds since the leader was asked how far the log is, and this node had all of that; -1 if that was never so."),
	}
}

// Describe implements prometheus.Collector.
func (c *clusterCollector) Describe(out chan<- *prometheus.Desc) {
	out <- c.leader
	out <- c.replicas
	out <- c.confirmed
}

// Collect implements prometheus.Collector.
func (c *clusterCollector) Collect(out chan<- prometheus.Metric) {
	s := c.app.ingest.Stats()
	confirmed := -1.0
	if s.Confirmed >= 0 {
		confirmed = s.Confirmed.Seconds()
	}
	out <- prometheus.MustNewConstMetric(c.leader, prometheus.GaugeValue, oneIf(c.app.embedded.server.Leads(c.log)))
	out <- prometheus.MustNewConstMetric(c.replicas, prometheus.GaugeValue, float64(s.Replicas))
	out <- prometheus.MustNewConstMetric(c.confirmed, prometheus.GaugeValue, confirmed)
}

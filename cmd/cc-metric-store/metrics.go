package main

import (
	"github.com/prometheus/client_golang/prometheus"

	"cc-metric-store/ingest"
	"cc-metric-store/store"
)

// statsCollector is a prometheus.Collector of the counters of store, ingest and the
// embedded server.
type statsCollector struct {
	app    *app
	simple []simpleMetric
	notStored, unknown, nameless, refused, writable, obstacle, lost,
	build *prometheus.Desc
}

// simpleMetric is a metric without labels, whose value is read from the counters.
type simpleMetric struct {
	desc *prometheus.Desc
	kind prometheus.ValueType
	read func(store.Stats, ingest.Stats) float64
}

const namespace = "cc_metric_store_"

func newStatsCollector(a *app) *statsCollector {
	c := &statsCollector{
		app: a,
		notStored: prometheus.NewDesc(namespace+"lines_not_stored_total",
			"Lines of the log that were not stored, by reason.", []string{"reason"}, nil),
		unknown: prometheus.NewDesc(namespace+"unknown_metric_lines_total",
			"Lines of metrics that are not configured and so not stored, by metric; of those beyond the first 500, without a name.", []string{"metric"}, nil),
		nameless: prometheus.NewDesc(namespace+"samples_nameless_total",
			"Samples stored under an empty name, as their lines lack the tag hostname, or cluster where there is no default.", []string{"tag"}, nil),
		refused: prometheus.NewDesc(namespace+"samples_refused_total",
			"Samples beyond a limit, by the limit and who sent them; of those beyond the first 64, without a name.", []string{"limit", "cluster", "hostname"}, nil),
		writable: prometheus.NewDesc(namespace+"log_writable",
			"1 while the log takes entries, 0 while it does not, and what is sent waits in memory or is refused: see to its server and the disk there.", nil, nil),
		obstacle: prometheus.NewDesc(namespace+"log_obstacle",
			"1 for the kind of what keeps this node from its log, or from having it where it was to be, else 0; /readyz says it in words.", []string{"kind"}, nil),
		lost: prometheus.NewDesc(namespace+"log_lost_entries_total",
			"Entries of a stream of the embedded server that this run has found to be gone from its disk: what no checkpoint holds of them is missing in the answers.", []string{"stream"}, nil),
		build: prometheus.NewDesc(namespace+"build_info",
			"1, with the version of the program as labels.", nil, prometheus.Labels{"version": version, "revision": gitHash}),
	}
	add := func(kind prometheus.ValueType, name, help string, read func(store.Stats, ingest.Stats) float64) {
		c.simple = append(c.simple, simpleMetric{prometheus.NewDesc(namespace+name, help, nil, nil), kind, read})
	}
	counter := func(name, help string, read func(store.Stats, ingest.Stats) int64) {
		add(prometheus.CounterValue, name, help, func(s store.Stats, i ingest.Stats) float64 { return float64(read(s, i)) })
	}
	gauge := func(name, help string, read func(store.Stats, ingest.Stats) float64) {
		add(prometheus.GaugeValue, name, help, read)
	}
	counter("log_entries_total", "Entries read from the log.", func(_ store.Stats, i ingest.Stats) int64 { return i.Entries })
	counter("log_bytes_total", "Bytes of the entries read from the log.", func(_ store.Stats, i ingest.Stats) int64 { return i.Bytes })
	counter("lines_total", "Lines read from the log.", func(_ store.Stats, i ingest.Stats) int64 { return i.Lines })
	counter("samples_total", "Samples stored.", func(s store.Stats, _ ingest.Stats) int64 { return s.Samples })
	counter("samples_replaced_total", "Samples that replaced one of another time in their slot: they arrive more often than the frequency of their metric says.", func(s store.Stats, _ ingest.Stats) int64 { return s.Replaced })
	counter("samples_invalid_total", "Samples whose time or value the store cannot hold: 0 as long as the lines of all such samples are refused before.", func(s store.Stats, _ ingest.Stats) int64 { return s.Invalid })
	counter("blocks_sealed_total", "How often a block of a host was compressed.", func(s store.Stats, _ ingest.Stats) int64 { return s.Sealed })
	counter("dead_letters_lost_total", "Refused lines that are not in the dead-letter stream.", func(_ store.Stats, i ingest.Stats) int64 { return i.LostDeadLetters })
	counter("intake_messages_total", "Messages to the embedded server, or of a broker without JetStream, that were put into the embedded log.", func(_ store.Stats, i ingest.Stats) int64 { return i.IntakeMessages })
	counter("intake_failures_total", "Such messages that could not be put into the embedded log: they are lost if nobody waits for an acknowledgement.", func(_ store.Stats, i ingest.Stats) int64 { return i.IntakeFailures })
	counter("log_skipped_entries_total", "Entries that the stream dropped before they were read, or that are not ours.", func(_ store.Stats, i ingest.Stats) int64 { return int64(i.Skipped) })
	counter("log_reattached_total", "How often reading the log was taken up again.", func(_ store.Stats, i ingest.Stats) int64 { return i.ConsumerResets })
	counter("log_stepped_over_total", "Entries of the log that could not be read and were left out: what they hold is not in the answers.", func(_ store.Stats, i ingest.Stats) int64 { return i.SteppedOver })
	counter("log_faulty_entries_total", "Entries of the log that were refused as decoding them failed, by a fault of this program: their stack is in its log.", func(_ store.Stats, i ingest.Stats) int64 { return i.Faults })
	counter("blocks_freed_total", "Series' blocks freed by retention and on request.", func(s store.Stats, _ ingest.Stats) int64 { return s.Freed })
	counter("blocks_evicted_total", "Series' blocks that gave way under the memory cap.", func(s store.Stats, _ ingest.Stats) int64 { return s.Evicted })
	counter("samples_archived_total", "Samples written to the archive.", func(s store.Stats, _ ingest.Stats) int64 { return s.Archived })
	counter("archive_failures_total", "How often the archive could not be written: samples stay in memory until it can.", func(s store.Stats, _ ingest.Stats) int64 { return s.ArchiveFailures })
	counter("blocks_unarchived_total", "Series' blocks dropped at two retentions, as the archive could not be written: they are lost.", func(s store.Stats, _ ingest.Stats) int64 { return s.Unarchived })
	gauge("log_watermark", "Sequence number up to which all entries of the log are in the store.", func(_ store.Stats, i ingest.Stats) float64 { return float64(i.Watermark) })
	gauge("log_lag_entries", "Entries by which the store is behind the log.", func(_ store.Stats, i ingest.Stats) float64 { return float64(i.LagEntries) })
	gauge("log_lag_seconds", "Age of the newest entry in the store while it is behind the log.", func(_ store.Stats, i ingest.Stats) float64 { return i.LagTime.Seconds() })
	gauge("log_complete_until_timestamp_seconds", "Unix time up to which the store holds all that the log took: now, unless it is behind the log or out of its reach.", func(_ store.Stats, i ingest.Stats) float64 {
		return max(float64(i.CompleteUntil.UnixMilli())/1000, 0)
	})
	gauge("broker_connected", "1 while there is a connection to the broker.", func(_ store.Stats, i ingest.Stats) float64 { return oneIf(i.Connected) })
	gauge("outbox_entries", "Writes over REST that wait in the embedded server until the log is in reach.", func(_ store.Stats, i ingest.Stats) float64 { return float64(i.InOutbox) })
	gauge("memo_bytes", "Memory that knowing the senders' lines takes, besides held_bytes.", func(_ store.Stats, i ingest.Stats) float64 { return float64(i.CacheBytes) })
	gauge("hosts", "Hosts in the store.", func(s store.Stats, _ ingest.Stats) float64 { return float64(s.Hosts) })
	gauge("series", "Series in the store.", func(s store.Stats, _ ingest.Stats) float64 { return float64(s.Series) })
	gauge("held_bytes", "Memory that hosts, series and samples take.", func(s store.Stats, _ ingest.Stats) float64 { return float64(s.Bytes) })
	return c
}

// Describe implements prometheus.Collector.
func (c *statsCollector) Describe(out chan<- *prometheus.Desc) {
	for _, m := range c.simple {
		out <- m.desc
	}
	out <- c.notStored
	out <- c.unknown
	out <- c.nameless
	out <- c.refused
	out <- c.writable
	out <- c.obstacle
	out <- c.lost
	out <- c.build
}

// Collect implements prometheus.Collector.
func (c *statsCollector) Collect(out chan<- prometheus.Metric) {
	s, i := c.app.store.Stats(), c.app.ingest.Stats()
	for _, m := range c.simple {
		out <- prometheus.MustNewConstMetric(m.desc, m.kind, m.read(s, i))
	}
	for reason, n := range i.NotStored {
		out <- prometheus.MustNewConstMetric(c.notStored, prometheus.CounterValue, float64(n), reason)
	}
	out <- prometheus.MustNewConstMetric(c.nameless, prometheus.CounterValue, float64(i.NoHost), "hostname")
	out <- prometheus.MustNewConstMetric(c.nameless, prometheus.CounterValue, float64(i.NoCluster), "cluster")
	unknown := labelCounter{desc: c.unknown}
	for _, m := range c.app.ingest.UnknownMetrics() {
		unknown.add(m.Lines, m.Name)
	}
	unknown.collect(out)
	refused := labelCounter{desc: c.refused}
	for _, r := range s.Refused {
		refused.add(r.Samples, r.Limit, r.Cluster, r.Host)
	}
	refused.collect(out)
	out <- prometheus.MustNewConstMetric(c.writable, prometheus.GaugeValue, oneIf(c.app.log.Writable() == nil))
	now := c.app.ingest.Obstacle()
	for _, kind := range ingest.Obstacles() {
		out <- prometheus.MustNewConstMetric(c.obstacle, prometheus.GaugeValue, oneIf(kind == now), string(kind))
	}
	for stream, n := range c.app.embedded.server.Lost() {
		out <- prometheus.MustNewConstMetric(c.lost, prometheus.CounterValue, float64(n), stream)
	}
	out <- prometheus.MustNewConstMetric(c.build, prometheus.GaugeValue, 1)
}

func oneIf(b bool) float64 {
	if b {
		return 1
	}
	return 0
}

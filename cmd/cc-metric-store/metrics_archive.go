package main

import "github.com/prometheus/client_golang/prometheus"

// archiveCollector is a prometheus.Collector of what the archive holds. Without an archive it
// collects nothing.
type archiveCollector struct {
	app *app
	files, samples, bytes, unreadable,
	oldest, newest, free, failing *prometheus.Desc
}

func newArchiveCollector(a *app) *archiveCollector {
	desc := func(name, help string) *prometheus.Desc { return prometheus.NewDesc(namespace+name, help, nil, nil) }
	return &archiveCollector{
		app:        a,
		files:      desc("archive_files", "Files in the archive."),
		samples:    desc("archive_samples", "Samples in the archive."),
		bytes:      desc("archive_bytes", "Size of the files in the archive."),
		unreadable: desc("archive_unreadable_files", "Files in the directory of the archive that are left out, as they are damaged or somebody else's: the log of the start names them."),
		oldest:     desc("archive_oldest_timestamp_seconds", "Unix time of the oldest sample in the archive, 0 if there is none."),
		newest:     desc("archive_newest_timestamp_seconds", "Unix time of the newest sample in the archive, 0 if there is none."),
		free:       desc("archive_disk_free_bytes", "What the disk of the archive has left, -1 if that is not known."),
		failing:    desc("archive_failing", "1 if the archive could not be written when it was last tried: /readyz says why."),
	}
}

// Describe implements prometheus.Collector.
func (c *archiveCollector) Describe(out chan<- *prometheus.Desc) {
	for _, d := range []*prometheus.Desc{c.files, c.samples, c.bytes, c.unreadable, c.oldest, c.newest, c.free, c.failing} {
		out <- d
	}
}

// Collect implements prometheus.Collector.
func (c *archiveCollector) Collect(out chan<- prometheus.Metric) {
	s, ok := c.app.store.ArchiveStats()
	if !ok {
		return
	}
	gauge := func(d *prometheus.Desc, v float64) {
		out <- prometheus.MustNewConstMetric(d, prometheus.GaugeValue, v)
	}
	gauge(c.files, float64(s.Files))
	gauge(c.samples, float64(s.Samples))
	gauge(c.bytes, float64(s.Bytes))
	gauge(c.unreadable, float64(s.Unreadable))
	gauge(c.oldest, float64(s.Oldest))
	gauge(c.newest, float64(s.Newest))
	gauge(c.free, float64(s.Free))
	gauge(c.failing, oneIf(c.app.store.ArchiveError() != nil))
}

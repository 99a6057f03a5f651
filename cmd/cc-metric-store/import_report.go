package main

import (
	"fmt"
	"maps"
	"slices"
	"time"

	"cc-metric-store/ingest/original"
)

// report returns what an import has done, as lines for an operator. No list has more than limit
// lines. It is called when run has returned.
func (i *importer) report(limit int) []string {
	r := i.reader.Report()
	lines := []string{fmt.Sprintf("%d samples were imported from %s", i.written.Load(), i.tree.Dir)}
	add := func(format string, a ...any) { lines = append(lines, fmt.Sprintf(format, a...)) }
	for _, kind := range []original.Kind{original.JSON, original.Binary, original.WAL, original.Parquet} {
		if n := r.Files[kind]; n > 0 {
			add("%s: %d read", kind, n)
		}
	}
	if n := len(i.tree.Archives); n > 0 && !i.archives {
		add("Parquet files that were not imported: %d; those in the directory of the archive (metric-store.cleanup.directory) are answered as they are, others are imported with -import", n)
	}
	if i.skipped > 0 {
		add("files that were imported before: %d", i.skipped)
	}
	for _, name := range slices.Sorted(maps.Keys(r.Clusters)) {
		lines = append(lines, clusterLines(name, r.Clusters[name])...)
	}
	list := func(what string, items []string) {
		if len(items) == 0 {
			return
		}
		add("%s:", what)
		for _, item := range items[:min(len(items), limit)] {
			add("  %s", item)
		}
		if more := len(items) - limit; more > 0 {
			add("  and more")
		}
	}
	var unknown []string
	for _, name := range r.UnknownNames() {
		unknown = append(unknown, fmt.Sprintf("%s: %d", quoteName(name), r.Unknown[name]))
	}
	if r.UnknownMore > 0 {
		unknown = append(unknown, fmt.Sprintf("others: %d", r.UnknownMore))
	}
	list("samples of metrics that are not configured were left out (name them in the section metrics, or \"*\", and import again)", unknown)
	list("metrics with another interval (of samples that share a slot the last one stays)", r.Intervals())
	var refused []string
	for _, reason := range slices.Sorted(maps.Keys(i.refused)) {
		refused = append(refused, fmt.Sprintf("%d: %s", i.refused[reason], reason))
	}
	list("samples that were refused (those of one request with the reason of its first)", refused)
	if r.Unusable > 0 {
		add("samples with an infinite value, or a name or time that no line can have, were left out: %d", r.Unusable)
	}
	if r.Late > 0 {
		add("samples of after the first start were left out, as they came here as well: %d", r.Late)
	}
	list("names that are not clear", r.Unclear())
	list("damaged, and imported as far as they could be read", r.Damaged())
	list("not read, as they are no checkpoints", r.Ignored())
	return lines
}

func clusterLines(name string, c *original.Cluster) []string {
	if c.Samples == 0 {
		return []string{fmt.Sprintf("cluster %q: no samples of %s", name, countHosts(c.Hosts()))}
	}
	earliest, end := c.Earliest()
	lines := []string{fmt.Sprintf("cluster %q: %d samples of %s, from %s to %s; nothing later is in the files (those of host %q end first, at %s)",
		name, c.Samples, countHosts(c.Hosts()), timeOf(c.From), timeOf(c.To), earliest, timeOf(end))}
	if c.Killed > 0 {
		lines = append(lines, fmt.Sprintf("cluster %q: the original was not stopped in order, as write-ahead files of %s say: what it had not yet written to them, about the last second, is lost", name, countHosts(c.Killed)))
	}
	if c.Gaps > 0 {
		lines = append(lines, fmt.Sprintf("cluster %q: of %s, what came while the newest snapshot was written is lost as well: it was between %s and %s", name, countHosts(c.Gaps), timeOf(c.GapFrom), timeOf(c.GapTo)))
	}
	return lines
}

func countHosts(n int) string {
	if n == 1 {
		return "1 host"
	}
	return fmt.Sprintf("%d hosts", n)
}

// timeOf formats Unix seconds for an operator.
func timeOf(seconds int64) string { return time.Unix(seconds, 0).UTC().Format(time.RFC3339) }

package main

import (
	"fmt"
	"maps"
	"slices"

	"cc-metric-store/store"
	"cc-metric-store/store/archive"
)

// fileReport says what was read of a file of samples.
type fileReport struct {
	taken    int64 // lines
	tooLong  int64 // lines
	unusable int64 // samples
	clusters map[string]*store.FileContents
	unknown  map[string]int64
	more     int64 // samples of further metrics that are not known
	unclear  map[string]bool
	interval map[string]string
	damage   error // why it could not be read to its end
}

func newFileReport() fileReport {
	return fileReport{clusters: map[string]*store.FileContents{}, unknown: map[string]int64{}, unclear: map[string]bool{}, interval: map[string]string{}}
}

// maxNoted bounds each list.
const maxNoted = 10 * maxReportLines

func (r *fileReport) addUnknown(metric string, n int64) {
	if _, ok := r.unknown[metric]; !ok && len(r.unknown) >= maxNoted {
		r.more += n
		return
	}
	r.unknown[metric] += n
}

func (r *fileReport) addUnclear(text string) {
	if len(r.unclear) < maxNoted {
		r.unclear[text] = true
	}
}

func (r *fileReport) addInterval(metric string, inFile, configured int64) {
	if _, ok := r.interval[metric]; !ok && len(r.interval) < maxNoted {
		r.interval[metric] = fmt.Sprintf("%s: every %d s in the file, every %d s in the configuration", metric, inFile, configured)
	}
}

// addRows counts the samples of a series in a Parquet file.
func (r *fileReport) addRows(cluster string, rows *archive.Rows) {
	n := len(rows.Times)
	if n == 0 {
		return
	}
	c := r.clusters[cluster]
	if c == nil {
		c = &store.FileContents{}
		r.clusters[cluster] = c
	}
	c.Add("", rows.Metric, int64(n), rows.Times[0], rows.Times[n-1])
}

// report returns what an import has done, as lines for an operator. It is called when run has
// returned.
func (i *fileImporter) report(limit int) []string {
	lines := []string{fmt.Sprintf("%d samples were imported from %s", i.kept(), i.what())}
	add := func(format string, a ...any) { lines = append(lines, fmt.Sprintf(format, a...)) }
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
	if i.taken > 0 {
		add("lines read: %d", i.taken)
	}
	for _, name := range slices.Sorted(maps.Keys(i.clusters)) {
		c := i.clusters[name]
		add("cluster %q: %d samples of %d metrics, from %s to %s", name, c.Samples, len(c.Metrics), timeOf(c.First), timeOf(c.Last))
	}
	var unknown []string
	for _, name := range slices.Sorted(maps.Keys(i.unknown)) {
		unknown = append(unknown, fmt.Sprintf("%s: %d", quoteName(name), i.unknown[name]))
	}
	if i.more > 0 {
		unknown = append(unknown, fmt.Sprintf("others: %d", i.more))
	}
	list("samples of metrics that are not configured were left out (name them in the section metrics, or \"*\", and import again)", unknown)
	list("metrics with another interval (of samples that share a slot the last one stays)", slices.Sorted(maps.Values(i.interval)))
	var refused []string
	for _, reason := range slices.Sorted(maps.Keys(i.refused)) {
		refused = append(refused, fmt.Sprintf("%d: %s", i.refused[reason], reason))
	}
	list("samples that were refused (those of one request with the reason of its first)", refused)
	if i.unusable > 0 {
		add("samples with a value or a name that no line can have were left out: %d", i.unusable)
	}
	if i.tooLong > 0 {
		add("lines of more than %d bytes were left out: %d", maxImportLine, i.tooLong)
	}
	list("parts whose names are not clear", slices.Sorted(maps.Keys(i.unclear)))
	if i.damage != nil {
		add("damaged, and imported as far as it could be read: %v", i.damage)
	}
	return lines
}

// unopened returns an error if the file could not be read to its end.
func (i *fileImporter) unopened() error { return i.damage }

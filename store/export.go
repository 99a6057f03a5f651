package store

import (
	"cmp"
	"context"
	"fmt"
	"maps"
	"math"
	"slices"

	"cc-metric-store/store/archive"
)

// ExportSelection says which samples Export gives. A nil list is all.
type ExportSelection struct {
	Clusters, Hosts, Metrics []string
	Types                    []string // of parts; "" is the host itself
	From, To                 int64    // times of samples in Unix seconds, without To
}

const (
	// exportCells is how many cells of a series are read at once, at the most, where there are samples.
	exportCells = 4096
	// exportLeap is how many are where there are none.
	exportLeap = MaxCells / 2
	// exportBudget bounds the cells of all series that are read at once, and with them the runs: see maxQueryRuns.
	exportBudget = 1 << 19
)

// Export gives use all samples that are stored of the selected series, in memory and in the archive: by
// cluster, host and metric, ascending, and of a metric of a host stretch of time after stretch of time, each
// with all parts of the host. Every sample comes once, as Read has it; runs may have gaps, but none has nothing
// else. What is appended or dropped meanwhile may be there or not.
//
// The run is good until use returns. No lock is held meanwhile, and memory is taken for some
// hundred thousand cells at a time. Export ends with the error of use, that of ctx when it ends, or that of the archive.
func (s *Store) Export(ctx context.Context, sel *ExportSelection, use func(id *SeriesID, r *Run) error) error {
	if sel.From > sel.To {
		return ErrInvalidTimeRange
	}
	bounded := *sel
	bounded.From, bounded.To = max(sel.From, -timeBound), min(sel.To, timeBound)
	for _, cluster := range s.exportedClusters(sel) {
		hosts := sortedSet(sel.Hosts)
		if sel.Hosts == nil {
			var err error
			if hosts, err = s.HostsIn(ctx, cluster, bounded.From, bounded.To); err != nil {
				return err
			}
		}
		for _, host := range hosts {
			e := exporter{store: s, key: hostKey{cluster, host}, sel: &bounded, use: use, metrics: map[string]*exportedMetric{}}
			if err := e.run(ctx); err != nil {
				return err
			}
		}
	}
	return nil
}

func (s *Store) exportedClusters(sel *ExportSelection) []string {
	if sel.Clusters != nil {
		return sortedSet(sel.Clusters)
	}
	all := s.hosts.clusterNames()
	if a := s.archived.opened.Load(); a != nil {
		all = append(all, a.Clusters()...)
	}
	return sortedSet(all)
}

// sortedSet returns the names in order, each once.
func sortedSet(names []string) []string {
	return slices.Compact(slices.Sorted(slices.Values(names)))
}

// exporter gives the samples of one host.
type exporter struct {
	store   *Store
	key     hostKey
	sel     *ExportSelection
	use     func(*SeriesID, *Run) error
	metrics map[string]*exportedMetric
	held    []heldRun
	values  []float64
}

// exportedMetric is what a host has of a metric.
type exportedMetric struct {
	parts  map[Part]struct{}
	spans  map[timeSpan]struct{} // outside of which there are no samples
	finest int64                 // the shortest interval, in seconds
}

// timeSpan is a stretch of time, [from, to) in Unix seconds.
type timeSpan struct{ from, to int64 }

func (e *exporter) run(ctx context.Context) error {
	if err := ctx.Err(); err != nil {
		return err
	}
	e.findInMemory()
	if err := e.findArchived(ctx); err != nil {
		return err
	}
	for _, name := range slices.Sorted(maps.Keys(e.metrics)) {
		if err := e.exportMetric(ctx, name, e.metrics[name]); err != nil {
			return err
		}
		delete(e.metrics, name)
	}
	return nil
}

func (e *exporter) wants(metric string, p *Part) bool {
	return (e.sel.Metrics == nil || slices.Contains(e.sel.Metrics, metric)) && (e.sel.Types == nil || slices.Contains(e.sel.Types, p.Type))
}

// add notes a series. Nothing is on a grid with a longer interval than 68 years.
func (e *exporter) add(metric string, p Part, frequency int64) *exportedMetric {
	frequency = min(frequency, math.MaxInt32)
	m := e.metrics[metric]
	if m == nil {
		m = &exportedMetric{parts: map[Part]struct{}{}, spans: map[timeSpan]struct{}{}, finest: frequency}
		e.metrics[metric] = m
	}
	m.parts[p] = struct{}{}
	m.finest = min(m.finest, frequency)
	return m
}

// addSpan notes that there are samples in [from, to). Spans are rounded, so that they are few.
func (m *exportedMetric) addSpan(frequency, from, to int64) {
	from, to = max(from, -timeBound), min(to, timeBound)
	width := min(frequency, math.MaxInt32) * exportCells
	m.spans[timeSpan{floorDiv(from, width) * width, ceilDiv(to, width) * width}] = struct{}{}
}

// findInMemory notes the series in memory, and where their blocks lie.
func (e *exporter) findInMemory() {
	type found struct {
		metric string
		part   Part
		grid   *grid
	}
	var all []found
	blocks := map[*grid][]timeSpan{}
	s := e.store
	st := s.stripeOf(e.key)
	st.mu.RLock()
	if h := st.hosts[e.key]; h != nil {
		for k := range h.series {
			m := s.metrics.at(k.metric)
			if !e.wants(m.name, &h.parts[k.part]) {
				continue
			}
			g := h.grid(m.grid)
			all = append(all, found{m.name, h.parts[k.part], g})
			if _, known := blocks[g]; known {
				continue
			}
			spans := []timeSpan{}
			for b := range g.blocks.all() {
				spans = append(spans, timeSpan{b.start, b.end + g.frequency}) // the last slot may be cut off before its sample
			}
			blocks[g] = spans
		}
	}
	st.mu.RUnlock()
	type gridOf struct {
		m *exportedMetric
		g *grid
	}
	noted := map[gridOf]bool{}
	for _, f := range all {
		m := e.add(f.metric, f.part, f.grid.frequency) // which does not change
		if noted[gridOf{m, f.grid}] {
			continue
		}
		noted[gridOf{m, f.grid}] = true
		for _, at := range blocks[f.grid] {
			m.addSpan(f.grid.frequency, at.from, at.to)
		}
	}
}

// findArchived notes the series in the archive.
func (e *exporter) findArchived(ctx context.Context) error {
	s := e.store
	if !s.isArchived(e.key.cluster, e.sel.From) {
		return nil
	}
	selection := &archive.SeriesSelection{Cluster: e.key.cluster, Hosts: []string{e.key.host}, Metrics: e.sel.Metrics, Types: e.sel.Types, From: e.sel.From, To: e.sel.To}
	err := s.archived.opened.Load().Series(ctx, selection, func(x *archive.SeriesExtent) error {
		if x.From < e.sel.To && x.To > e.sel.From {
			e.add(x.Metric, Part(x.Part), x.Frequency).addSpan(x.Frequency, x.From, x.To)
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("[METRICSTORE]> read the series of host %s of cluster %s in the archive: %w", e.key.host, e.key.cluster, err)
	}
	return nil
}

// exportMetric gives the samples of a metric, stretch after stretch.
func (e *exporter) exportMetric(ctx context.Context, name string, m *exportedMetric) error {
	parts := slices.SortedFunc(maps.Keys(m.parts), Part.compare)
	series := make([]SeriesID, len(parts))
	for i, p := range parts {
		series[i] = SeriesID{e.key.cluster, e.key.host, p, name}
	}
	most := max(exportBudget/len(parts), 1)
	for _, at := range joinSpans(m.spans, e.sel.From, e.sel.To) {
		cells := min(exportCells, most)
		for from := at.from; from < at.to; {
			to := min(from+int64(cells)*m.finest, at.to)
			some, err := e.read(ctx, series, from, to)
			if err != nil {
				return err
			}
			if cells = min(exportCells, most); !some { // nothing is near
				cells = min(exportLeap, most, 2*int((to-from)/m.finest)+1)
			}
			from = to
		}
	}
	return nil
}

// heldRun is a run of one of the series that are read.
type heldRun struct {
	series int
	run    Run
}

// read gives the samples of [from, to), and reports whether there were any.
func (e *exporter) read(ctx context.Context, series []SeriesID, from, to int64) (some bool, err error) {
	for again := true; again; {
		isArchived := e.store.isArchived(e.key.cluster, from)
		e.held = e.held[:0]
		if _, err := e.store.Read(ctx, series, from, to, func(i int, runs []Run) error {
			for _, r := range runs {
				e.held = append(e.held, heldRun{i, r})
			}
			return nil
		}); err != nil {
			return false, err
		}
		// Blocks go to the archive meanwhile. If it had nothing of that time, it was not asked.
		again = isArchived != e.store.isArchived(e.key.cluster, from)
	}
	for i := range e.held {
		h := &e.held[i]
		e.values = h.run.AppendTo(e.values[:0])
		if !slices.ContainsFunc(e.values, func(v float64) bool { return v == v }) {
			continue
		}
		if err := e.use(&series[h.series], &h.run); err != nil {
			return true, err
		}
	}
	some = len(e.held) > 0
	clear(e.held) // they keep blocks in memory
	return some, nil
}

// joinSpans returns the spans within [from, to) in order, those that touch each other as one.
func joinSpans(spans map[timeSpan]struct{}, from, to int64) []timeSpan {
	var all []timeSpan
	for _, s := range slices.SortedFunc(maps.Keys(spans), func(a, b timeSpan) int { return cmp.Compare(a.from, b.from) }) {
		s.from, s.to = max(s.from, from), min(s.to, to)
		switch n := len(all); {
		case s.from >= s.to:
		case n > 0 && s.from <= all[n-1].to:
			all[n-1].to = max(all[n-1].to, s.to)
		default:
			all = append(all, s)
		}
	}
	return all
}

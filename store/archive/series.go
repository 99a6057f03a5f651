package archive

import (
	"context"
	"fmt"
	"math"
	"slices"
)

// SeriesSelection says which series of a cluster Series asks for.
type SeriesSelection struct {
	Cluster string
	Hosts   []string // nil: all
	Metrics []string // nil: all
	Types   []string // of parts; nil: all; "" is the host itself
	// From and To are times in Unix seconds, without To: files that have samples in between are looked at.
	From, To int64
}

// SeriesExtent is where a file has samples of a series.
type SeriesExtent struct {
	Host      string
	Metric    string
	Part      Part
	Frequency int64 // seconds, above 0
	From, To  int64 // all are at times in [From, To), Unix seconds
}

// Series calls use for the series that are selected in the files that the times touch, once or
// more for each, in no order. It reads no samples, only the columns that name them. Extents are those
// of blocks, or of whole files of other programs; some may be outside of the selected times. It waits and fails as
// Read does.
func (a *Archive) Series(ctx context.Context, s *SeriesSelection, use func(*SeriesExtent) error) error {
	c := a.state.Load().clusters[s.Cluster]
	if c == nil || s.From >= s.To {
		return nil
	}
	f := newFilter([]string{s.Cluster}, s.Hosts, s.Metrics, s.Types, s.From, s.To)
	f.allSeries, f.onlyNames, f.part = true, true, a.part
	p := place{archive: a}
	defer p.leave()
	for _, file := range c.files {
		if file.info.Last < s.From || file.info.First >= s.To || !file.hasAny(s.Hosts) {
			continue
		}
		if err := p.enter(ctx); err != nil {
			return fmt.Errorf("read the series of cluster %q in the archive: %w", s.Cluster, err)
		}
		err := a.read(ctx, file, f, func(_, host string, r *Rows) error {
			e := SeriesExtent{Host: host, Metric: r.Metric, Part: r.Part, Frequency: r.Frequency}
			e.From, e.To = blockExtent(r, &file.info)
			return use(&e)
		})
		if err != nil {
			return err
		}
	}
	return nil
}

// hasAny reports whether the file may have samples of any of the hosts; nil: of any host.
func (f *file) hasAny(hosts []string) bool {
	return hosts == nil || slices.ContainsFunc(hosts, f.hosts.has)
}

// blockExtent returns the times that samples of a block may have; those of the file if it has no
// blocks.
func blockExtent(r *Rows, i *FileInfo) (from, to int64) {
	if b := r.Block; b.Frequency > 0 && b.Start > -maxTime && b.End < maxTime && b.Frequency < math.MaxInt32 {
		return b.Start, b.End + b.Frequency // the last slot may be cut off before the time of its sample
	}
	return i.First, i.Last + 1
}

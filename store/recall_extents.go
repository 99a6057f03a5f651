package store

import (
	"context"
	"errors"
	"maps"
	"math"
	"slices"

	"cc-metric-store/store/archive"
)

// A query that is not padded is cut where its series begin and end. Whether they go on outside of its
// window is looked for only if the samples in the window do not reach its ends, and only until there is
// one sample of each: the rest of the archive is not read.

// isCut reports whether the answer to a query that is not padded begins later than its window, or ends
// earlier, by the samples that the snapshots know.
func isCut(q *Query, snapshots []snapshot) (front, back bool) {
	if len(snapshots) == 0 {
		return false, false
	}
	shortest := snapshots[0].frequency
	for _, v := range snapshots {
		shortest = min(shortest, v.frequency)
	}
	for i := range snapshots[0].rows {
		all := noPeriod()
		for _, v := range snapshots {
			all = all.include(v.rows[i].period)
		}
		f, b := all.cuts(q.From, q.To, shortest)
		front, back = front || f, back || b
	}
	return front, back
}

// cuts reports whether the period begins after the first cell of a window, of f seconds, or ends before the
// last one.
func (p period) cuts(from, to, f int64) (front, back bool) {
	if p.first > p.last {
		return true, true
	}
	return p.first-f/2 > from, p.last-f/2+f < to
}

// isArchivedBefore reports whether the answer to a query that is not padded, which memory has, may begin
// earlier for samples of the archive: these are all before its window.
func (s *Store) isArchivedBefore(q *Query, snapshots []snapshot) bool {
	if !q.Unpadded || !s.isArchived(q.Cluster, -timeBound) {
		return false
	}
	front, _ := isCut(q, snapshots)
	return front
}

// extend notes that a column of a recalled grid has samples besides those in its blocks, up to the ends of
// a period.
func (g *grid) extend(column int32, p period) {
	for len(g.extents) <= int(column) {
		g.extents = append(g.extents, noPeriod())
	}
	g.extents[column] = g.extents[column].include(p)
}

var errAll = errors.New("all is known")

// findExtents finds a sample in the archive of each series that is not known to begin before the window, if
// front, or to end behind it, if back.
func (r *recall) findExtents(ctx context.Context, front, back bool) error {
	w, longest := &r.wanted, r.store.longest(r.wanted.cluster)
	begins, ends := r.cutParts()
	if selection := w.selection(); front {
		selection.To = w.from - longest
		if err := r.findSamples(ctx, selection, begins); err != nil {
			return err
		}
	}
	if selection := w.selection(); back {
		selection.From = w.to + longest
		if err := r.findSamples(ctx, selection, ends); err != nil {
			return err
		}
	}
	r.host.arrange()
	return nil
}

// cutParts returns the parts that have no sample at the beginning of the window or before, and those that
// have none at its end or behind.
func (r *recall) cutParts() (begins, ends map[Part]struct{}) {
	shortest := int64(math.MaxInt64)
	columns := make([][]period, len(r.host.grids)) // of all series, by grid
	for i, g := range r.host.grids {
		if g == nil {
			continue
		}
		shortest = min(shortest, g.frequency)
		rows, all := make([]selection, g.columns), make([]int32, g.columns)
		for c := range all {
			all[c] = int32(c)
			rows[c].columns = all[c : c+1]
		}
		columns[i] = g.periods(rows)
	}
	extents := map[int32]period{} // by part
	for k, column := range r.host.series {
		p, ok := extents[k.part]
		if !ok {
			p = noPeriod()
		}
		extents[k.part] = p.include(columns[r.table.at(k.metric).grid][column])
	}
	begins, ends = map[Part]struct{}{}, map[Part]struct{}{}
	for i, p := range extents {
		front, back := p.cuts(r.wanted.from, r.wanted.to, shortest)
		if front {
			begins[r.host.parts[i]] = struct{}{}
		}
		if back {
			ends[r.host.parts[i]] = struct{}{}
		}
	}
	return begins, ends
}

// findSamples finds a sample of each of the parts.
func (r *recall) findSamples(ctx context.Context, selection *archive.Selection, parts map[Part]struct{}) error {
	if len(parts) == 0 || selection.From >= selection.To {
		return nil
	}
	if len(parts) <= maxReadIDs {
		ids := idSet{}
		for p := range parts {
			ids[p.ID] = struct{}{}
		}
		selection.IDs = slices.Collect(maps.Keys(ids))
	}
	err := r.read(ctx, selection, func(rows *archive.Rows) error {
		part := Part(rows.Part)
		if _, ok := parts[part]; !ok || len(rows.Times) == 0 {
			return nil
		}
		g, m, ok := r.obtainGrid(rows.Frequency)
		if !ok {
			return nil
		}
		g.extend(r.addSeries(g, m, part), period{rows.Times[0], rows.Times[0]})
		if delete(parts, part); len(parts) == 0 {
			return errAll
		}
		return nil
	})
	if errors.Is(err, errAll) {
		return nil
	}
	return err
}

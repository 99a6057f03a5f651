package archive

import (
	"context"
	"errors"
	"fmt"
	"slices"

	"github.com/parquet-go/parquet-go/format"
)

// rowRange is rows of a row group.
type rowRange struct{ from, to int64 }

// readFile gives the rows of a file that the filter asks for. What the library or a damaged file
// brings to a panic becomes an error. If the filter salvages, a damaged row group costs no other one.
func readFile(ctx context.Context, s *source, g *groupReader, f *filter, use visitor) error {
	isInside := false
	guard := func(do func() error) (err error) {
		defer func() {
			if isInside { // a panic of the caller's function is the caller's
				return
			}
			if p := recover(); p != nil {
				err = errDamaged(p)
			}
		}()
		return do()
	}
	gather := &gatherer{isOurs: s.meta.version > 0, all: f.allSeries, narrow: s.meta.version == 0 && s.meta.types[columnValue] == format.Float, wait: map[rowsKey]*Rows{}}
	gather.use = func(cluster, host string, r *Rows) error {
		isInside = true
		err := use(cluster, host, r)
		isInside = false
		return err
	}
	var damaged []error
	for i := range s.meta.groups {
		err := guard(func() error { return g.readGroup(ctx, s, i, f, gather) })
		var ofUse *useError
		switch {
		case err == nil:
		case !f.salvage || errors.As(err, &ofUse) || ctx.Err() != nil:
			return err
		default:
			damaged = append(damaged, err)
		}
	}
	if err := guard(gather.flush); err != nil {
		return err
	}
	if len(damaged) > 1 {
		return fmt.Errorf("%w (and %d more row groups)", damaged[0], len(damaged)-1)
	}
	return errors.Join(damaged...)
}

// readGroup reads a row group.
func (g *groupReader) readGroup(ctx context.Context, s *source, i int, f *filter, gather *gatherer) error {
	if !s.meta.mayHave(i, f) {
		return nil
	}
	if err := g.open(s, i); err != nil {
		return err
	}
	for _, r := range g.prune(f) {
		if err := g.readRange(ctx, r, f, gather); err != nil {
			return err
		}
	}
	return nil
}

// errDamaged is the error for a panic.
func errDamaged(p any) error { return fmt.Errorf("it cannot be read, it is damaged: %v", p) }

// mayHave says by the statistics whether a row group may have rows that the filter asks for.
func (m *fileMeta) mayHave(group int, f *filter) bool {
	g := &m.groups[group]
	if g.rows == 0 {
		return false
	}
	for c, wanted := range m.wanted(f) {
		if wanted != nil && !hasAny(&g.chunks[c].bounds, wanted) {
			return false
		}
	}
	return f.allSeries || m.hasTime(&g.chunks[columnTimestamp].bounds, f)
}

// wanted returns the values that bounds are compared with, by column.
func (m *fileMeta) wanted(f *filter) [columns][]string {
	values := f.values
	if m.version == 0 && f.part != nil { // the file has other names of parts
		values[columnScope], values[columnScopeID] = nil, nil
	}
	return values
}

func hasAny(b *bounds, wanted []string) bool {
	return slices.ContainsFunc(wanted, func(v string) bool { return b.has(v) })
}

func (m *fileMeta) hasTime(b *bounds, f *filter) bool {
	return !b.known || m.int(columnTimestamp, b.min) < f.to && m.int(columnTimestamp, b.max) >= f.from
}

// prune returns the rows that the filter may ask for, by the page index.
func (g *groupReader) prune(f *filter) []rowRange {
	ranges := []rowRange{{0, g.rows}}
	for c, wanted := range g.source.meta.wanted(f) {
		if wanted != nil {
			ranges = intersect(ranges, g.index.pages[c], func(b *bounds) bool { return hasAny(b, wanted) })
		}
	}
	if f.allSeries {
		return ranges
	}
	return intersect(ranges, g.index.pages[columnTimestamp], func(b *bounds) bool { return g.source.meta.hasTime(b, f) })
}

// intersect returns the parts of the ranges whose pages are wanted.
func intersect(ranges []rowRange, pages []pageMeta, isWanted func(b *bounds) bool) []rowRange {
	var out []rowRange
	at := 0
	for i := range pages {
		p := &pages[i]
		from, to := p.first, p.first+p.rows
		for at < len(ranges) && ranges[at].to <= from {
			at++
		}
		if at == len(ranges) {
			break
		}
		if ranges[at].from >= to || !isWanted(&p.bounds) {
			continue
		}
		for k := at; k < len(ranges) && ranges[k].from < to; k++ {
			r := rowRange{max(from, ranges[k].from), min(to, ranges[k].to)}
			if n := len(out); n > 0 && out[n-1].to == r.from {
				out[n-1].to = r.to
			} else if r.from < r.to {
				out = append(out, r)
			}
		}
	}
	return out
}

func (g *groupReader) readRange(ctx context.Context, r rowRange, f *filter, gather *gatherer) error {
	var k rowsKey
	for row, page := r.from, int64(-1); row < r.to; {
		if now := row / pageRows; now != page { // once for some thousands of rows
			page = now
			if err := ctx.Err(); err != nil {
				return err
			}
		}
		// A page has many metrics of a host: the others are passed by without a look at the rest of the names.
		other, err := g.passBy(row, f)
		if err != nil {
			return err
		}
		if other > row {
			row = other
			continue
		}
		end, err := g.keyAt(row, &k)
		if err != nil {
			return err
		}
		end = min(end, r.to)
		if !g.isWanted(&k, f) {
			row = end
			continue
		}
		if f.onlyNames || f.allSeries && !k.mayHave(f) {
			if err := gather.begin(&k); err != nil {
				return err
			}
			row = end
			continue
		}
		for row < end {
			times, values, err := g.samples(row, end)
			if err != nil {
				return err
			}
			if len(times) == 0 {
				return g.fault(columnTimestamp, errPage)
			}
			if err := gather.add(&k, times, values, f); err != nil {
				return err
			}
			row += int64(len(times))
		}
	}
	return nil
}

// passBy returns the row up to which all from row on have another host or metric than those that the filter asks for: row
// if this one may be wanted.
func (g *groupReader) passBy(row int64, f *filter) (int64, error) {
	host, end, err := g.strings[columnHost].value(row)
	if err != nil || !f.host(host) {
		return end, err
	}
	metric, end, err := g.strings[columnMetric].value(row)
	if err != nil || !f.metric(metric) {
		return end, err
	}
	return row, nil
}

// isWanted reports whether the filter asks for the series, and takes its part apart if need be.
func (g *groupReader) isWanted(k *rowsKey, f *filter) bool {
	if f.part != nil && g.source.meta.version == 0 {
		k.part = f.part(k.part)
	}
	return f.cluster(k.cluster) && f.host(k.host) && f.metric(k.metric) && f.kind(k.part.Type) && f.id(k.part.ID)
}

// mayHave reports whether the block may have samples in the time of the filter.
func (k *rowsKey) mayHave(f *filter) bool {
	// The last slot may be cut off behind the time of its sample.
	b := &k.block
	return b.Frequency == 0 || b.Start < f.to && b.End+b.Frequency > f.from
}

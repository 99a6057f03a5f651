package store

import (
	"cmp"
	"context"
	"errors"
	"math"
	"slices"

	"cc-metric-store/store/archive"
)

const (
	// maxSpans bounds in how many spans of time the archive is asked for samples of a host that leaves.
	maxSpans = 16
	// maxKnownSlots bounds the slots whose archived samples are known at a time: 32 MiB.
	maxKnownSlots = 1 << 22
)

// archivedSamples are samples in slots of the blocks that leave a host which are archived already, as
// after a crash between a file and the next checkpoint. They are read for some series at a time.
type archivedSamples struct {
	pass  *archivePass
	host  *leavingHost
	spans []timeRange // where the archive has some; mostly none
	from  int         // index into host.series of the first one that is known
	to    int         // and behind the last one
	// slots has the samples of a series in the blocks of its grid, one behind the other; NaN: none. It
	// is nil for a series without any.
	slots  [][]float64
	series map[archivedSeries]int // index into host.series, of those that are known
}

type archivedSeries struct {
	part      Part
	frequency int64
}

// timeRange is a time from one Unix second to another one.
type timeRange struct{ from, to int64 }

var errSome = errors.New("there is a sample")

// findArchived finds where the archive may have samples of the blocks. Usually it has none, and then
// little is read, if anything: of grids with another interval. What cannot be read is not there:
// samples that are written once more do no harm, and a damaged file must not keep others from being
// written.
func (p *archivePass) findArchived(ctx context.Context, h *leavingHost) (*archivedSamples, error) {
	known := &archivedSamples{pass: p, host: h}
	newest, ok := p.archive.Newest(p.cluster)
	for _, in := range h.spans() {
		if !ok || newest < in.from {
			continue
		}
		selection := archive.Selection{Cluster: h.key.cluster, Host: h.key.host, From: in.from, To: in.to}
		err := p.archive.Read(ctx, &selection, func(rows *archive.Rows) error {
			if h.covers(rows) {
				return errSome
			}
			return nil
		})
		if errors.Is(err, errSome) {
			known.spans = append(known.spans, in)
		} else if err := p.tell(ctx, err); err != nil {
			return nil, err
		}
	}
	return known, nil
}

// tell logs, once, that a file cannot be read, and returns an error if nothing can be.
func (p *archivePass) tell(ctx context.Context, err error) error {
	if ctx.Err() != nil {
		return ctx.Err()
	}
	if err != nil && !p.isTold {
		p.isTold = true
		p.store.cfg.Logger.Warn("cannot read which samples are in the archive: some may be written a second time", "cluster", p.cluster, "error", err)
	}
	return nil
}

// spans returns the times of the blocks, ascending: few, so that they may have others between them.
func (h *leavingHost) spans() []timeRange {
	var all []timeRange
	for _, b := range h.all() {
		all = append(all, timeRange{b.of.Start, b.of.End + b.of.Frequency})
	}
	slices.SortFunc(all, func(a, b timeRange) int { return cmp.Compare(a.from, b.from) })
	joined := all[:0]
	for _, one := range all {
		if n := len(joined); n > 0 && one.from <= joined[n-1].to {
			joined[n-1].to = max(joined[n-1].to, one.to)
		} else {
			joined = append(joined, one)
		}
	}
	if len(joined) <= maxSpans {
		return joined
	}
	// The longest gaps stay.
	gaps := make([]int64, len(joined)-1)
	for i := range gaps {
		gaps[i] = joined[i+1].from - joined[i].to
	}
	slices.Sort(gaps)
	shortest := gaps[len(gaps)-(maxSpans-1)]
	few := joined[:1]
	for _, one := range joined[1:] {
		if last := &few[len(few)-1]; len(few) == maxSpans || one.from-last.to < shortest {
			last.to = one.to
		} else {
			few = append(few, one)
		}
	}
	return few
}

// covers reports whether any of the rows may be of a slot of the blocks.
func (h *leavingHost) covers(rows *archive.Rows) bool {
	for _, blocks := range h.blocks {
		if len(blocks) == 0 || blocks[0].of.Frequency != rows.Frequency || len(rows.Times) == 0 {
			continue
		}
		first, last := rows.Times[0], rows.Times[len(rows.Times)-1]
		// The first block that ends after the first row.
		at := search(len(blocks), func(i int) bool { return blocks[i].of.End+rows.Frequency > first })
		for ; at < len(blocks) && blocks[at].of.Start <= last; at++ {
			if of := rows.Block; of.Frequency == 0 || of.Start < blocks[at].of.End && blocks[at].of.Start < of.End {
				return true
			}
		}
	}
	return false
}

// read makes sure that the archived samples of a series are known, and those of some that follow. Series
// are asked for in their order.
func (a *archivedSamples) read(ctx context.Context, series int) error {
	if len(a.spans) == 0 || series < a.to {
		return nil
	}
	h := a.host
	a.from, a.to = series, series
	a.series = map[archivedSeries]int{}
	metric, slots := h.series[series].metric, int64(0)
	for ; a.to < len(h.series) && h.series[a.to].metric == metric; a.to++ {
		one := &h.series[a.to]
		if slots += h.slots(one.grid); slots > a.pass.store.cfg.knownSlots && a.to > series {
			break
		}
		a.series[archivedSeries{one.part, one.of}] = a.to
	}
	a.slots = make([][]float64, a.to-a.from)
	for _, in := range a.spans {
		selection := archive.Selection{Cluster: h.key.cluster, Host: h.key.host, Metrics: []string{metric}, From: in.from, To: in.to}
		if err := a.pass.tell(ctx, a.pass.archive.Read(ctx, &selection, a.add)); err != nil {
			return err
		}
	}
	return nil
}

// slots returns how many slots the blocks of a grid have.
func (h *leavingHost) slots(grid int) int64 {
	blocks := h.blocks[grid]
	if len(blocks) == 0 {
		return 0
	}
	last := &blocks[len(blocks)-1]
	return last.first + last.slots
}

// add takes archived samples of those series that are to be known. Of several for one slot, that of
// the newest file counts, which comes first.
func (a *archivedSamples) add(rows *archive.Rows) error {
	number, ok := a.series[archivedSeries{Part(rows.Part), rows.Frequency}]
	if !ok {
		return nil
	}
	grid := a.host.series[number].grid
	blocks, slots := a.host.blocks[grid], a.slots[number-a.from]
	for i, t := range rows.Times {
		at := search(len(blocks), func(i int) bool { return blocks[i].of.Start > t }) - 1
		if at < 0 {
			continue
		}
		b := &blocks[at]
		offset := t - b.of.Start - b.of.Frequency/2
		if slot := offset / b.of.Frequency; offset%b.of.Frequency == 0 && slot < b.slots {
			if slots == nil {
				slots = make([]float64, a.host.slots(grid))
				fillGaps(slots)
				a.slots[number-a.from] = slots
			}
			if at := b.first + slot; math.IsNaN(slots[at]) {
				slots[at] = rows.Values[i]
			}
		}
	}
	return nil
}

// remove makes gaps of those values of a block that are archived as they are. It reports whether none
// is left.
func (a *archivedSamples) remove(values []float64, series int, b *leavingBlock) bool {
	if series < a.from || series >= a.to || a.slots[series-a.from] == nil {
		return false
	}
	for i, old := range a.slots[series-a.from][b.first:][:len(values)] {
		if math.Float64bits(old) == math.Float64bits(values[i]) {
			values[i] = math.NaN()
		}
	}
	return !hasValue(values)
}

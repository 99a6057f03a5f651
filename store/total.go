package store

import (
	"cmp"
	"encoding/binary"
	"iter"
	"math"
	"slices"

	"github.com/cespare/xxhash/v2"

	"cc-metric-store/store/chunk"
)

// manyParts is of how many columns a total is made at least: it takes as much memory as one or
// two of them.
const manyParts = 8

// total is the sum of many columns: of all hardware threads of a host, for one. When a block is
// sealed, its totals are made once and kept beside its columns, so that queries need not decode
// all of these.
//
// A total of a block depends on nothing but the sealed values and the columns that are added: its
// key is a hash of these. When a series is added or goes, the columns are others, and the totals
// of older blocks are not found any more. While a block has patches, its totals do not count.
type total struct {
	columns []int32 // in the order in which they are added
	key     uint64
	grid    uint16 // index into host.grids
}

// totals are those of a host, for as long as it has the same series.
type totals struct {
	all []total // in order of their grids and keys
	// sums says by metric, in their order, of which columns the host's series is made, if these
	// are several without roles.
	sums       []hostSum
	generation uint32 // of the host
	series     int    // of the host
}

type hostSum struct {
	metric  MetricID
	columns []int32
}

// totalKey returns the key of the total of some columns.
func totalKey(columns []int32) uint64 {
	var array [1024]byte
	b := array[:0]
	for _, c := range columns {
		b = binary.LittleEndian.AppendUint32(b, uint32(c))
	}
	return xxhash.Sum64(b)
}

// levels returns where the columns of each level begin and end. adds says that the level is
// made by adding its columns.
func (s *selection) levels() iter.Seq2[[2]int, bool] {
	return func(yield func(level [2]int, adds bool) bool) {
		for from := 0; from < len(s.columns); {
			to, adds := from+1, true
			if s.roles == nil {
				to = len(s.columns)
			} else {
				adds = s.roles[from].choice == 0
				for ; to < len(s.roles) && s.roles[to].level == s.roles[from].level; to++ {
					adds = adds && s.roles[to].choice == 0
				}
			}
			if !yield([2]int{from, to}, adds) {
				return
			}
			from = to
		}
	}
}

// hasTotals reports whether the known totals are those of the host's present series.
func (h *host) hasTotals() bool {
	return h.totals.series == len(h.series) && h.totals.generation == h.generation
}

// knownSum returns the several columns without roles that make the host's series of m, nil if
// they are others, or if the totals of the host are not known.
func (h *host) knownSum(m MetricID) []int32 {
	if h.hasTotals() {
		if i, ok := slices.BinarySearchFunc(h.totals.sums, m, func(s hostSum, m MetricID) int { return cmp.Compare(s.metric, m) }); ok {
			return h.totals.sums[i].columns
		}
	}
	return nil
}

// findTotalsLocked finds the totals of the host anew if its series have changed.
func (s *Store) findTotalsLocked(h *host) {
	if h.hasTotals() {
		return
	}
	h.totals = totals{}
	h.arrange()
	// Each metric takes time for all parts of the host. The lock is held: a host of so many that
	// this would take long has totals of some of its metrics, or of none.
	left := maxTotalsWork
	for m, n := range h.counts.all() {
		if n.all < 2 {
			continue
		}
		if left -= len(h.parts); left < 0 {
			break
		}
		of := s.metrics.at(m)
		made := h.selectHost(nil, m, n)
		if made.roles == nil {
			made.columns = slices.Clip(made.columns)
			h.totals.sums = append(h.totals.sums, hostSum{m, made.columns})
		}
		if config, ok := s.metrics.config(of.name); !ok || config.Aggregation == AggregateNone {
			continue
		}
		for at, adds := range made.levels() {
			if adds && at[1]-at[0] >= s.cfg.totalParts {
				columns := made.columns[at[0]:at[1]]
				h.totals.all = append(h.totals.all, total{columns, totalKey(columns), of.grid})
			}
		}
	}
	slices.SortFunc(h.totals.sums, func(a, b hostSum) int { return cmp.Compare(a.metric, b.metric) })
	slices.SortFunc(h.totals.all, func(a, b total) int {
		return cmp.Or(cmp.Compare(a.grid, b.grid), cmp.Compare(a.key, b.key))
	})
	h.totals.series, h.totals.generation = len(h.series), h.generation
}

// maxTotalsWork bounds the metrics that totals are looked for, times the parts of the host. It
// takes about ten milliseconds.
const maxTotalsWork = 1 << 18

// makeTotalsLocked makes the totals of a block of g that was sealed just now. open is the head
// that it had, nil if it had none.
func (s *Store) makeTotalsLocked(h *host, g *grid, b *block, open *head, builder *chunk.GroupBuilder) {
	s.findTotalsLocked(h)
	var keys []uint64
	var buf [chunk.MaxSlots]float64
	sums := buf[:b.slots]
	for i := range h.totals.all {
		t := &h.totals.all[i]
		if h.grids[t.grid] != g || len(keys) == chunk.MaxKeys || len(keys) > 0 && keys[len(keys)-1] == t.key {
			continue // keys ascend in a Keyed; that two of 64 bits are equal is next to impossible
		}
		if open != nil {
			open.sum(sums, t.columns, 0)
		} else if !b.sum(sums, t.columns) {
			continue
		}
		if !hasValue(sums) {
			continue
		}
		if len(keys) == 0 {
			builder.Begin(int32(len(h.totals.all)), int(b.slots))
		}
		builder.Add(int32(len(keys)), sums)
		keys = append(keys, t.key)
	}
	if len(keys) > 0 {
		b.totals = chunk.NewKeyed(keys, builder.Finish())
	}
}

// sum writes the sums of some columns of a sealed block without patches to dst. It returns false
// if a column has no values.
func (b *block) sum(dst []float64, columns []int32) bool {
	for _, c := range columns {
		if !b.sealed.Has(c) {
			return false
		}
	}
	sumSealed(dst, b.sealed, columns, 0)
	return true
}

// sum writes the sums of some columns in the slots from slot on to dst. A gap in one of them makes
// a gap.
func (h *head) sum(dst []float64, columns []int32, slot int64) {
	for i := range dst {
		dst[i] = h.sumSlot(columns, slot+int64(i))
	}
}

func (h *head) sumSlot(columns []int32, slot int64) (sum float64) {
	if h.chunk(slot) == nil {
		return math.NaN()
	}
	values := h.row(slot)
	for i, c := range columns {
		switch {
		case int(c) >= len(values):
			return math.NaN()
		case i == 0:
			sum = values[c]
		default:
			sum += values[c]
		}
	}
	return sum
}

// total returns the column with the total of a key, false if there is none that counts.
func (b *block) total(key uint64) (g chunk.Group, column int32, ok bool) {
	if len(b.patches.list) > 0 {
		return nil, 0, false
	}
	column, ok = b.totals.Find(key)
	return b.totals.Group(), column, ok
}

// appendLevelRuns appends the runs of the columns of a level, column after column, and to ends
// where those of each column end. If the columns are added, and are many, a block with their
// total, or a head, has one run of all of them instead, as one of the first column.
func (g *grid) appendLevelRuns(memory *queryMemory, runs []Run, ends []int, columns []int32, adds bool, ranges []slotRange) ([]Run, []int) {
	if adds {
		runs, ranges = g.appendTotals(memory, runs, columns, ranges)
		ends = append(ends, len(runs))
		columns = columns[1:]
	}
	// There are fewer where the blocks hold other series, which may be nearly all.
	runs = slices.Grow(runs, min(len(columns)*len(ranges), fewRuns))
	for _, c := range columns {
		runs = g.appendRuns(memory, runs, c, ranges)
		ends = append(ends, len(runs))
	}
	return runs, ends
}

// fewRuns is for how many runs a level gets memory before they are known.
const fewRuns = 1 << 13

// appendTotals appends the totals of some columns, or the run of the first column where there is
// no total. It returns the ranges without one.
func (g *grid) appendTotals(memory *queryMemory, runs []Run, columns []int32, ranges []slotRange) (_ []Run, rest []slotRange) {
	key := totalKey(columns)
	runs = slices.Grow(runs, len(ranges))
	for i := range ranges {
		at := &ranges[i]
		r := Run{Start: at.start, Step: g.frequency, cells: int16(at.cells), slot: uint8(at.slot), isTotal: true}
		if at.block.head != nil {
			r.values = memory.takeValues(int(r.cells))
			at.block.head.sum(r.values, columns, int64(r.slot))
		} else if group, column, ok := at.block.total(key); ok {
			r.sealed, r.column = group, column
		} else {
			rest = append(rest, *at)
			runs = g.appendRuns(memory, runs, columns[0], ranges[i:i+1])
			continue
		}
		runs = append(runs, r)
	}
	return runs, rest
}

package store

import (
	"math"
	"slices"
)

// model is the store as plain maps and slow searches: the oracle of the
// equivalence test.
type model struct {
	metrics    map[string]MetricConfig
	blockSlots int64
	blocks     map[modelGrid][]modelBlock // in order of time
	series     map[modelSeries]map[modelSlot]float64
	// known has what kinds has found while a query runs, which changes no series. It is nil otherwise.
	known map[modelSeries][][]Part
}

type modelGrid struct {
	host      hostKey
	frequency int64
}

type modelBlock struct{ start, end int64 }

type modelSeries struct {
	host   hostKey
	part   Part
	metric string
}

// modelSlot is a slot of the block that starts at the given time.
type modelSlot struct{ block, slot int64 }

func newModel(metrics map[string]MetricConfig, blockSlots int) *model {
	return &model{metrics: metrics, blockSlots: int64(blockSlots), blocks: map[modelGrid][]modelBlock{}, series: map[modelSeries]map[modelSlot]float64{}}
}

func (m *model) grid(k modelSeries) modelGrid {
	return modelGrid{k.host, m.metrics[k.metric].Frequency}
}

// find returns the slot that covers t.
func (m *model) find(g modelGrid, t int64) (modelSlot, bool) {
	var found modelSlot
	ok := false
	for _, b := range m.blocks[g] {
		if b.start <= t && t < b.end {
			found, ok = modelSlot{b.start, (t - b.start) / g.frequency}, true
		}
	}
	return found, ok
}

func (m *model) set(k modelSeries, t int64, v float64) {
	g := m.grid(k)
	slot, ok := m.find(g, t)
	if !ok {
		b := m.newBlockFor(g, t)
		m.blocks[g] = append(m.blocks[g], b)
		slices.SortFunc(m.blocks[g], func(a, b modelBlock) int { return int(a.start - b.start) })
		slot = modelSlot{b.start, (t - b.start) / g.frequency}
	}
	if m.series[k] == nil {
		m.series[k] = map[modelSlot]float64{}
	}
	m.series[k][slot] = v
}

// newBlockFor says where the new block for t lies: see grid.newBlockFor.
func (m *model) newBlockFor(g modelGrid, t int64) modelBlock {
	f, length := g.frequency, m.blockSlots*g.frequency
	var before, after *modelBlock
	for _, b := range m.blocks[g] {
		switch {
		case b.start <= t:
			before = &b
		case after == nil:
			after = &b
		}
	}
	var start, end int64
	switch {
	case before != nil:
		start = before.end + (t-before.end)/length*length // not step by step: it may be far
		end = start + length
	case after != nil:
		end = after.start - (after.start-t-1)/length*length
		start = end - length
	default:
		start, end = t-f/2, t-f/2+length
	}
	if after != nil {
		end = min(end, after.start)
	}
	// Where the slots would have to start for t to be in the centre of one.
	centred := start
	for (t-f/2-centred)%f != 0 {
		centred++
	}
	if shift := centred - start; min(shift, f-shift) > f/4 {
		if t < centred {
			end = min(end, centred)
		} else {
			start = centred
		}
	}
	return modelBlock{start, end}
}

func (m *model) due(g modelGrid, s modelSlot) int64 {
	return s.block + g.frequency/2 + s.slot*g.frequency
}

// free drops what Store.Free drops and returns how many series' blocks.
func (m *model) free(selector []string, before int64) int {
	freed := 0
	for k, values := range m.series {
		if !k.matches(selector) {
			continue
		}
		last := map[int64]modelSlot{} // by block
		for s := range values {
			if l, ok := last[s.block]; !ok || s.slot > l.slot {
				last[s.block] = s
			}
		}
		for block, l := range last {
			l.slot++
			if m.due(m.grid(k), l) >= before {
				continue
			}
			freed++
			for s := range values {
				if s.block == block {
					delete(values, s)
				}
			}
		}
		if len(values) == 0 {
			delete(m.series, k)
		}
	}
	m.dropEmpty()
	return freed
}

// retain drops what Store.Retain drops.
func (m *model) retain(before int64) {
	for k, values := range m.series {
		g := m.grid(k)
		for s := range values {
			for _, b := range m.blocks[g] {
				if b.start == s.block && b.end+g.frequency/2 < before {
					delete(values, s)
				}
			}
		}
		if len(values) == 0 {
			delete(m.series, k)
		}
	}
	m.dropEmpty()
}

// isNext reports whether the block is the oldest one of those that have a newer
// one in their grid, or of all if there is none such.
func (m *model) isNext(of modelGrid, start int64) bool {
	older, newest := int64(math.MaxInt64), int64(math.MaxInt64)
	var end int64
	isNewest := false
	for g, blocks := range m.blocks {
		for i, b := range blocks {
			last := i == len(blocks)-1
			if last {
				newest = min(newest, b.end)
			} else {
				older = min(older, b.end)
			}
			if g == of && b.start == start {
				end, isNewest = b.end, last
			}
		}
	}
	if isNewest {
		return older == math.MaxInt64 && end == newest
	}
	return end == older
}

// evict drops a block.
func (m *model) evict(g modelGrid, start int64) {
	for k, values := range m.series {
		if m.grid(k) != g {
			continue
		}
		for s := range values {
			if s.block == start {
				delete(values, s)
			}
		}
		if len(values) == 0 {
			delete(m.series, k)
		}
	}
	m.dropEmpty()
}

func (m *model) dropEmpty() {
	used := map[modelGrid]map[int64]bool{}
	for k, values := range m.series {
		g := m.grid(k)
		if used[g] == nil {
			used[g] = map[int64]bool{}
		}
		for s := range values {
			used[g][s.block] = true
		}
	}
	for g, blocks := range m.blocks {
		m.blocks[g] = slices.DeleteFunc(blocks, func(b modelBlock) bool { return !used[g][b.start] })
	}
}

func (k modelSeries) matches(selector []string) bool {
	path := []string{k.host.cluster, k.host.host}
	if k.part.Type != "" {
		path = append(path, k.part.Type+k.part.ID)
	}
	if k.part.Subtype != "" {
		path = append(path, k.part.Subtype+k.part.SubID)
	}
	return len(selector) <= len(path) && slices.Equal(selector, path[:len(selector)])
}

// kinds returns the parts one level below a part that have a series of the metric,
// kind by kind.
func (m *model) kinds(host hostKey, part Part, metric string) [][]Part {
	parent := modelSeries{host, part, metric}
	if kinds, ok := m.known[parent]; ok {
		return kinds
	}
	kinds := m.findKinds(host, part, metric)
	if m.known != nil {
		m.known[parent] = kinds
	}
	return kinds
}

func (m *model) findKinds(host hostKey, part Part, metric string) [][]Part {
	var children []Part // one level down
	for k := range m.series {
		if k.host != host || k.metric != metric {
			continue
		}
		child := k.part
		switch {
		case part.Type == "" && child.Type != "":
			child.Subtype, child.SubID = "", ""
		case part.Type != "" && part.Subtype == "" && child.Subtype != "" && child.Type == part.Type && child.ID == part.ID:
		default:
			continue
		}
		if !slices.Contains(children, child) {
			children = append(children, child)
		}
	}
	kind := func(p Part) string {
		if part.Type == "" {
			return p.Type
		}
		return p.Subtype
	}
	slices.SortFunc(children, func(a, b Part) int {
		if ra, rb := typeRank(kind(a)), typeRank(kind(b)); ra != rb {
			return ra - rb
		}
		return a.compare(b)
	})
	var out [][]Part
	for i, c := range children {
		if i == 0 || kind(c) != kind(children[i-1]) {
			out = append(out, nil)
		}
		out[len(out)-1] = append(out[len(out)-1], c)
	}
	return out
}

// all returns all series at and below a part.
func (m *model) all(host hostKey, part Part, metric string) (out []modelSeries) {
	if own := (modelSeries{host, part, metric}); m.series[own] != nil {
		out = append(out, own)
	}
	for _, kind := range m.kinds(host, part, metric) {
		for _, child := range kind {
			out = append(out, m.all(host, child, metric)...)
		}
	}
	return out
}

// made returns the values that make up the part in a slot: its own one, or those of the
// first kind of parts of which none lacks one.
func (m *model) made(host hostKey, part Part, metric string, slot modelSlot) []float64 {
	if v, ok := m.series[modelSeries{host, part, metric}][slot]; ok {
		return []float64{v}
	}
	for _, kind := range m.kinds(host, part, metric) {
		if values := m.madeOf(host, kind, metric, slot); values != nil {
			return values
		}
	}
	return nil
}

// madeOf returns the values of several parts, nil if one has none.
func (m *model) madeOf(host hostKey, parts []Part, metric string, slot modelSlot) (all []float64) {
	for _, p := range parts {
		values := m.made(host, p, metric, slot)
		if values == nil {
			return nil
		}
		all = append(all, values...)
	}
	return all
}

// alternatives returns what a part may be made of, in order: one series, or several
// that would have to be combined.
func (m *model) alternatives(host hostKey, part Part, metric string) (out [][]modelSeries) {
	if own := (modelSeries{host, part, metric}); m.series[own] != nil {
		out = append(out, []modelSeries{own})
	}
	for _, kind := range m.kinds(host, part, metric) {
		if len(kind) == 1 {
			out = append(out, m.alternatives(host, kind[0], metric)...)
			continue
		}
		var several []modelSeries
		for _, child := range kind {
			several = append(several, m.all(host, child, metric)...)
		}
		out = append(out, several)
	}
	return out
}

// query answers like Store.Query, natively and without statistics.
func (m *model) query(q *Query) ([]Series, error) {
	m.known = map[modelSeries][][]Part{}
	defer func() { m.known = nil }()
	host := hostKey{q.Cluster, q.Host}
	var rows [][]Part // without those of which there is nothing
	add := func(p Part) {
		rows = append(rows, nil)
		if len(m.all(host, p, q.Metric)) > 0 {
			rows[len(rows)-1] = []Part{p}
		}
	}
	if q.Type == "" {
		add(Part{})
	} else {
		ids, subIDs := slices.Clone(q.TypeIDs), slices.Clone(q.SubtypeIDs)
		if q.Aggregate {
			slices.Sort(ids)
			slices.Sort(subIDs)
		}
		for _, id := range ids {
			if q.Subtype == "" {
				add(Part{Type: q.Type, ID: id})
				continue
			}
			for _, sub := range subIDs {
				add(Part{q.Type, id, q.Subtype, sub})
			}
		}
		if q.Aggregate && len(rows) > 1 {
			rows = [][]Part{slices.Concat(rows...)}
		}
	}
	if !slices.ContainsFunc(rows, func(r []Part) bool { return len(r) > 0 }) {
		return nil, nil
	}
	var out []Series
	for _, row := range rows {
		one, err := m.window(q, row)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

func (m *model) window(q *Query, row []Part) (Series, error) {
	c := m.metrics[q.Metric]
	host := hostKey{q.Cluster, q.Host}
	g := modelGrid{host, c.Frequency}
	out := Series{From: q.From, Resolution: c.Frequency}
	first, last := int64(math.MaxInt64), int64(math.MinInt64) // starts of slots
	for _, p := range row {
		for _, k := range m.all(host, p, q.Metric) {
			for s := range m.series[k] {
				start := s.block + s.slot*c.Frequency
				first, last = min(first, start), max(last, start)
			}
		}
	}
	if c.Aggregation == AggregateNone && !m.combines(q, row) {
		return out, ErrInvalidAggregation
	}
	for t := q.From; t < q.To; t += c.Frequency {
		if q.Unpadded {
			if len(row) == 0 || t >= last+c.Frequency {
				continue
			}
			if t < first {
				out.From += c.Frequency
				continue
			}
		}
		slot, ok := m.find(g, t)
		if !ok || len(row) == 0 {
			out.Values = append(out.Values, math.NaN())
			continue
		}
		out.Values = append(out.Values, m.cell(host, row, q.Metric, slot))
	}
	out.To = out.From + int64(len(out.Values))*c.Frequency
	return out, nil
}

// combines reports whether a row of a metric without an aggregation can be answered:
// there is a single series for some cell, or nothing at all in the window but could be
// one.
func (m *model) combines(q *Query, row []Part) bool {
	if len(row) != 1 {
		return len(row) == 0
	}
	host := hostKey{q.Cluster, q.Host}
	single, several, some := false, false, false
	for _, alternative := range m.alternatives(host, row[0], q.Metric) {
		found := false
		for _, k := range alternative {
			for t := q.From; t < q.To; t += m.metrics[q.Metric].Frequency {
				if slot, ok := m.find(m.grid(k), t); ok {
					_, ok = m.series[k][slot]
					found = found || ok
				}
			}
		}
		if len(alternative) == 1 {
			some, single = true, single || found
		} else {
			several = several || found
		}
	}
	return single || some && !several
}

func (m *model) cell(host hostKey, row []Part, metric string, slot modelSlot) float64 {
	how := m.metrics[metric].Aggregation
	if how == AggregateNone {
		for _, alternative := range m.alternatives(host, row[0], metric) {
			if v, ok := m.series[alternative[0]][slot]; ok && len(alternative) == 1 {
				return v
			}
		}
		return math.NaN()
	}
	values := m.madeOf(host, row, metric, slot)
	if values == nil {
		return math.NaN()
	}
	sum := math.Copysign(0, -1) // adding to it changes nothing, not even the sign of a zero
	for _, v := range values {
		sum += v
	}
	if how == AggregateAvg && len(values) > 1 {
		sum /= float64(len(values))
	}
	return sum
}

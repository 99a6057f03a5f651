package store

import (
	"math"
	"slices"
)

// model is the store as plain maps: the judge of the equivalence test.
type model struct {
	metrics    map[string]MetricConfig
	blockSlots int64
	origins    map[modelGrid]int64
	series     map[modelSeries]map[int64]float64 // by slot
}

type modelGrid struct {
	host      hostKey
	frequency int64
}

type modelSeries struct {
	host   hostKey
	part   Part
	metric string
}

func newModel(metrics map[string]MetricConfig, blockSlots int) *model {
	return &model{metrics, int64(blockSlots), map[modelGrid]int64{}, map[modelSeries]map[int64]float64{}}
}

func (m *model) grid(k modelSeries) modelGrid {
	return modelGrid{k.host, m.metrics[k.metric].Frequency}
}

func (m *model) set(k modelSeries, t int64, v float64) {
	g := m.grid(k)
	if _, ok := m.origins[g]; !ok {
		m.origins[g] = t - g.frequency/2
	}
	if m.series[k] == nil {
		m.series[k] = map[int64]float64{}
	}
	m.series[k][m.slot(g, t)] = v
}

func (m *model) slot(g modelGrid, t int64) int64 {
	return int64(math.Floor(float64(t-m.origins[g]) / float64(g.frequency)))
}

func (m *model) due(g modelGrid, slot int64) int64 {
	return m.origins[g] + g.frequency/2 + slot*g.frequency
}

// free drops what Store.Free drops and returns how many series' blocks.
func (m *model) free(selector []string, before int64) int {
	freed := 0
	for k, values := range m.series {
		if !k.matches(selector) {
			continue
		}
		blocks := map[int64][]int64{}
		for slot := range values {
			b := int64(math.Floor(float64(slot) / float64(m.blockSlots)))
			blocks[b] = append(blocks[b], slot)
		}
		for _, slots := range blocks {
			if m.due(m.grid(k), slices.Max(slots)+1) >= before {
				continue
			}
			freed++
			for _, slot := range slots {
				delete(values, slot)
			}
		}
		if len(values) == 0 {
			delete(m.series, k)
		}
	}
	for g := range m.origins {
		used := false
		for k := range m.series {
			used = used || m.grid(k) == g
		}
		if !used {
			delete(m.origins, g)
		}
	}
	return freed
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

// below returns the series of the metric that make up the level of the part.
func (m *model) below(host hostKey, part Part, metric string) []modelSeries {
	if own := (modelSeries{host, part, metric}); m.series[own] != nil {
		return []modelSeries{own}
	}
	var children []Part // one level down
	seen := map[Part]bool{}
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
		if !seen[child] {
			seen[child] = true
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
	var out []modelSeries
	for _, c := range children {
		if kind(c) == kind(children[0]) {
			out = append(out, m.below(host, c, metric)...)
		}
	}
	return out
}

// query answers like Store.Query, natively and without statistics.
func (m *model) query(q *Query) ([]Series, error) {
	host := hostKey{q.Cluster, q.Host}
	var rows [][]modelSeries
	if q.Type == "" {
		rows = [][]modelSeries{m.below(host, Part{}, q.Metric)}
	} else {
		for _, id := range q.TypeIDs {
			if q.Subtype == "" {
				rows = append(rows, m.below(host, Part{Type: q.Type, ID: id}, q.Metric))
				continue
			}
			for _, sub := range q.SubtypeIDs {
				rows = append(rows, m.below(host, Part{q.Type, id, q.Subtype, sub}, q.Metric))
			}
		}
		if q.Aggregate && len(rows) > 1 {
			rows = [][]modelSeries{slices.Concat(rows...)}
		}
	}
	if !slices.ContainsFunc(rows, func(r []modelSeries) bool { return len(r) > 0 }) {
		return nil, nil
	}
	var out []Series
	for _, row := range rows {
		if len(row) > 1 && m.metrics[q.Metric].Aggregation == AggregateNone {
			return nil, ErrInvalidAggregation
		}
		out = append(out, m.window(q, host, row))
	}
	return out, nil
}

func (m *model) window(q *Query, host hostKey, row []modelSeries) Series {
	c := m.metrics[q.Metric]
	g := modelGrid{host, c.Frequency}
	out := Series{From: q.From, Resolution: c.Frequency}
	first, last := int64(math.MaxInt64), int64(math.MinInt64)
	for _, k := range row {
		for slot := range m.series[k] {
			first, last = min(first, slot), max(last, slot)
		}
	}
	for t := q.From; t < q.To; t += c.Frequency {
		slot := m.slot(g, t)
		if q.Unpadded && (slot < first || slot > last) {
			if slot < first && len(row) > 0 {
				out.From += c.Frequency
			}
			continue
		}
		out.Values = append(out.Values, m.cell(row, slot, c.Aggregation))
	}
	out.To = out.From + int64(len(out.Values))*c.Frequency
	return out
}

func (m *model) cell(row []modelSeries, slot int64, how Aggregation) float64 {
	if len(row) == 0 {
		return math.NaN()
	}
	sum := math.Copysign(0, -1) // adding to it changes nothing, not even the sign of a zero
	for _, k := range row {
		v, ok := m.series[k][slot]
		if !ok {
			return math.NaN()
		}
		sum += v
	}
	if how == AggregateAvg && len(row) > 1 {
		sum /= float64(len(row))
	}
	return sum
}

package store

import "slices"

// typeOrder lists the kinds of parts from the coarsest to the finest. A host's
// own series is made of the first kind that has the metric; kinds that are not
// listed come after these, by name.
var typeOrder = [...]string{"socket", "die", "memoryDomain", "llc", "core", "hwthread", "accelerator"}

func typeRank(t string) int {
	if i := slices.Index(typeOrder[:], t); i >= 0 {
		return i
	}
	return len(typeOrder)
}

// selectColumns returns for each series of the answer the columns that make it
// up: one of the level itself if it has the metric, otherwise those of the
// parts below. No column means that there is no such series.
func (h *host) selectColumns(q *Query, m MetricID) [][]int32 {
	if q.Type == "" {
		return [][]int32{h.hostColumns(m)}
	}
	var rows [][]int32
	for _, id := range q.TypeIDs {
		if q.Subtype == "" {
			rows = append(rows, h.partColumns(q.Type, id, m))
			continue
		}
		for _, sub := range q.SubtypeIDs {
			rows = append(rows, h.own(Part{q.Type, id, q.Subtype, sub}, m))
		}
	}
	if q.Aggregate && len(rows) > 1 {
		return [][]int32{slices.Concat(rows...)}
	}
	return rows
}

// own returns the column of the part's own series.
func (h *host) own(key Part, m MetricID) []int32 {
	if p := h.index[key]; p != nil {
		if c, ok := p.column(m); ok {
			return []int32{c}
		}
	}
	return nil
}

// hostColumns returns the columns that make up the host's series of m.
func (h *host) hostColumns(m MetricID) []int32 {
	if own := h.own(Part{}, m); own != nil {
		return own
	}
	best, found := "", false
	for _, p := range h.parts {
		if found && p.Type == best {
			continue
		}
		if _, ok := p.column(m); !ok {
			continue
		}
		// The parts are sorted by type: of equal ranks the first name stays.
		if !found || typeRank(p.Type) < typeRank(best) {
			best, found = p.Type, true
		}
	}
	if !found {
		return nil
	}
	return h.columnsOf(h.ofType(best), m)
}

// partColumns returns the columns that make up the series of m of one part.
func (h *host) partColumns(typ, id string, m MetricID) []int32 {
	parts := h.ofType(typ)
	lo, _ := slices.BinarySearchFunc(parts, Part{Type: typ, ID: id}, func(p *part, k Part) int { return p.compare(k) })
	hi := lo
	for hi < len(parts) && parts[hi].ID == id {
		hi++
	}
	return h.columnsOf(parts[lo:hi], m)
}

// ofType returns the parts of one type, which are sorted by id.
func (h *host) ofType(typ string) []*part {
	lo, _ := slices.BinarySearchFunc(h.parts, Part{Type: typ}, func(p *part, k Part) int { return p.compare(k) })
	hi := lo
	for hi < len(h.parts) && h.parts[hi].Type == typ {
		hi++
	}
	return h.parts[lo:hi]
}

// columnsOf returns the columns of m of the given parts, which are sorted. A
// part's second levels count only where the part itself lacks the metric, and
// then only those of the first kind that has it: several kinds would count the
// same thing twice.
func (h *host) columnsOf(parts []*part, m MetricID) []int32 {
	var columns []int32
	for i := 0; i < len(parts); {
		id, own, kind, first := parts[i].ID, false, "", len(columns)
		for ; i < len(parts) && parts[i].ID == id; i++ {
			p := parts[i]
			c, ok := p.column(m)
			if !ok || own {
				continue
			}
			own = p.sublevel() == ""
			if len(columns) > first && p.Subtype != kind {
				continue
			}
			kind = p.Subtype
			columns = append(columns, c)
		}
	}
	return columns
}

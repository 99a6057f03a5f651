package store

import (
	"hash/maphash"
	"slices"
)

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

// selectColumns returns for each series that the query selects the columns that make
// it up: one of the level itself if it has the metric, otherwise those of the
// parts below. No column means that there is no such series. The series are not
// combined yet, and those of an id that is named again share its columns.
func (h *host) selectColumns(seed maphash.Seed, q *Query, m MetricID) [][]int32 {
	if q.Type == "" {
		return [][]int32{h.hostColumns(seed, m)}
	}
	rows := make([][]int32, 0, q.selected())
	var known map[string][]int32 // of the parts with more than one level
	for _, id := range q.TypeIDs {
		if q.Subtype == "" {
			columns, ok := known[id]
			if !ok {
				parts := h.partsOf(q.Type, id)
				columns = h.columnsOf(parts, m)
				if len(parts) > 1 {
					if known == nil {
						known = map[string][]int32{}
					}
					known[id] = columns
				}
			}
			rows = append(rows, columns)
			continue
		}
		for _, sub := range q.SubtypeIDs {
			rows = append(rows, h.own(seed, Part{q.Type, id, q.Subtype, sub}, m))
		}
	}
	return rows
}

// own returns the column of the part's own series.
func (h *host) own(seed maphash.Seed, key Part, m MetricID) []int32 {
	if p, ok := h.part(maphash.Comparable(seed, key), key); ok {
		if c, ok := h.column(p, m); ok {
			return []int32{c}
		}
	}
	return nil
}

// hostColumns returns the columns that make up the host's series of m.
func (h *host) hostColumns(seed maphash.Seed, m MetricID) []int32 {
	if own := h.own(seed, Part{}, m); own != nil {
		return own
	}
	best, found := "", false
	for _, i := range h.order {
		typ := h.parts[i].Type
		if found && typ == best {
			continue
		}
		if _, ok := h.column(i, m); !ok {
			continue
		}
		// The parts are in order of their types: of equal ranks the first stays.
		if !found || typeRank(typ) < typeRank(best) {
			best, found = typ, true
		}
	}
	if !found {
		return nil
	}
	return h.columnsOf(h.between(Part{Type: best}, func(p Part) bool { return p.Type == best }), m)
}

// partsOf returns a part and the levels below it, in order.
func (h *host) partsOf(typ, id string) []int32 {
	return h.between(Part{Type: typ, ID: id}, func(p Part) bool { return p.Type == typ && p.ID == id })
}

// between returns the parts, in order, from the first one on as long as they
// are wanted.
func (h *host) between(first Part, wanted func(Part) bool) []int32 {
	lo := h.search(first)
	hi := lo
	for hi < len(h.order) && wanted(h.parts[h.order[hi]]) {
		hi++
	}
	return h.order[lo:hi]
}

// columnsOf returns the columns of m of the given parts, which are sorted. A
// part's second levels count only where the part itself lacks the metric, and
// then only those of the first kind that has it: several kinds would count the
// same thing twice.
func (h *host) columnsOf(parts []int32, m MetricID) []int32 {
	var columns []int32
	for i := 0; i < len(parts); {
		id, own, kind, first := h.parts[parts[i]].ID, false, "", len(columns)
		for ; i < len(parts) && h.parts[parts[i]].ID == id; i++ {
			p := &h.parts[parts[i]]
			c, ok := h.column(parts[i], m)
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

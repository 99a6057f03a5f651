package store

import (
	"cmp"
	"hash/maphash"
	"slices"
)

// typeOrder lists the kinds of parts from the coarsest to the finest. Where a host
// has no sample of its own it is made of its parts, of the first kind that has the
// sample; kinds that are not listed come after these, by name.
var typeOrder = [...]string{"socket", "die", "memoryDomain", "llc", "core", "hwthread", "accelerator"}

func typeRank(t string) int {
	if i := slices.Index(typeOrder[:], t); i >= 0 {
		return i
	}
	return len(typeOrder)
}

// selection is what one series of the answer is made of. Each cell is the combination of the
// columns of one level: the first level that has a sample there. Without any column there is
// no such series.
type selection struct {
	columns []int32
	roles   []role // of the columns, ascending; nil: one level, to be combined as it is
}

// role is what a column is for.
type role struct {
	level  int32 // counted from the one that comes first
	member int32 // of the level: all of them are combined
	choice int32 // among what may stand for the member, as levels do for the series
}

// selectColumns returns for each series that the query selects what makes it up: the
// series of the level itself, and those of the parts below. They are not combined
// yet, and those of an id that is named again share what they are made of. The host has n series
// of m.
func (h *host) selectColumns(memory *queryMemory, seed maphash.Seed, q *Query, m MetricID, n seriesCount) []selection {
	if q.Type == "" {
		rows := take(&memory.selections, 1)
		rows[0] = h.selectHost(memory, m, n)
		return rows
	}
	rows := take(&memory.selections, q.selected())[:0]
	var known map[string]selection // of the parts with more than one level
	next := 0
	ids, subIDs := q.TypeIDs, q.SubtypeIDs
	if q.Aggregate {
		ids, subIDs = inOrder(ids), inOrder(subIDs)
	}
	for _, id := range ids {
		if q.Subtype == "" {
			one, ok := known[id]
			if !ok {
				var parts []int32
				parts, next = h.partsOf(q.Type, id, next)
				one = h.selectParts(parts, m)
				if len(parts) > 1 {
					if known == nil {
						known = map[string]selection{}
					}
					known[id] = one
				}
			}
			rows = append(rows, one)
			continue
		}
		for _, sub := range subIDs {
			rows = append(rows, selection{columns: h.own(memory, seed, Part{q.Type, id, q.Subtype, sub}, m)})
		}
	}
	return rows
}

// inOrder returns ids as the parts of a host are ordered, so that sums do not depend on the order
// in which they are named.
func inOrder(ids []string) []string {
	if slices.IsSorted(ids) {
		return ids
	}
	ids = slices.Clone(ids)
	slices.Sort(ids)
	return ids
}

// combine makes one selection of several: each one is a member of it.
func combine(rows []selection) selection {
	var all selection
	simple := true
	for _, r := range rows {
		all.columns = append(all.columns, r.columns...)
		simple = simple && r.roles == nil
	}
	if simple {
		return all
	}
	for i, r := range rows {
		for j := range r.columns {
			of := role{member: int32(i)}
			if r.roles != nil {
				of.choice = r.roles[j].level
			}
			all.roles = append(all.roles, of)
		}
	}
	all.finishLevel(0)
	return all.simplified()
}

// own returns the column of the part's own series.
func (h *host) own(memory *queryMemory, seed maphash.Seed, key Part, m MetricID) []int32 {
	if c, ok := h.columnOf(seed, key, m); ok {
		return memory.column(c)
	}
	return nil
}

// selectHost returns what makes up the host's series of m, of which it has n.
func (h *host) selectHost(memory *queryMemory, m MetricID, n seriesCount) selection {
	own, hasOwn := n.own-1, n.own > 0
	if n.all == 1 && hasOwn { // the usual case
		return selection{columns: memory.column(own)}
	}
	if known := h.knownSum(m); known != nil {
		return selection{columns: known}
	}
	all := int(n.all)
	s := selection{make([]int32, 0, all), make([]role, 0, all)}
	if hasOwn {
		s.columns, s.roles = append(s.columns, own), append(s.roles, role{})
	}
	for _, typ := range h.typesOf(m) {
		s.addLevel(h, h.between(Part{Type: typ}, func(p Part) bool { return p.Type == typ }), m)
		if len(s.columns) == all {
			break
		}
	}
	return s.simplified()
}

// typesOf returns the kinds of parts that have the metric, in their order.
func (h *host) typesOf(m MetricID) []string {
	var types []string
	for _, i := range h.order {
		typ := h.parts[i].Type
		if typ == "" || len(types) > 0 && typ == types[len(types)-1] {
			continue
		}
		if _, ok := h.column(i, m); ok {
			types = append(types, typ)
		}
	}
	// They are in order of their names: those of equal ranks stay so.
	slices.SortStableFunc(types, func(a, b string) int { return cmp.Compare(typeRank(a), typeRank(b)) })
	return types
}

// partsOf returns a part and the levels below it, in order, and the index in h.order of the part
// after them: the hint for the part that is asked for next, which is found without a search if it
// is that one.
func (h *host) partsOf(typ, id string, hint int) (parts []int32, next int) {
	isWanted := func(at int) bool {
		p := &h.parts[h.order[at]]
		return p.ID == id && p.Type == typ
	}
	lo := hint
	if lo >= len(h.order) || !isWanted(lo) || lo > 0 && isWanted(lo-1) {
		lo = h.search(Part{Type: typ, ID: id})
	}
	hi := lo
	for hi < len(h.order) && isWanted(hi) {
		hi++
	}
	return h.order[lo:hi], hi
}

// selectParts returns what makes up the series of m of a part and the levels below it.
func (h *host) selectParts(parts []int32, m MetricID) selection {
	var s selection
	for _, i := range parts {
		if c, ok := h.column(i, m); ok {
			s.columns = append(s.columns, c)
		}
	}
	if len(s.columns) > 1 {
		s.columns = s.columns[:0]
		s.addLevel(h, parts, m)
	}
	return s.simplified()
}

// between returns the indices of the parts, in order, from the first one that is not before
// first, up to one that is not wanted.
func (h *host) between(first Part, wanted func(Part) bool) []int32 {
	lo := h.search(first)
	hi := lo
	for hi < len(h.order) && wanted(h.parts[h.order[hi]]) {
		hi++
	}
	return h.order[lo:hi]
}

// addLevel adds a level of the given parts, which are sorted. A part's second
// levels count where the part itself lacks a sample, kind by kind: several kinds
// would count the same thing twice.
func (s *selection) addLevel(h *host, parts []int32, m MetricID) {
	level, first := int32(0), len(s.columns)
	if first > 0 {
		level = s.roles[first-1].level + 1
	}
	member := int32(-1)
	for i := 0; i < len(parts); {
		id, kind, choice := h.parts[parts[i]].ID, "", int32(-1)
		for ; i < len(parts) && h.parts[parts[i]].ID == id; i++ {
			p := &h.parts[parts[i]]
			c, ok := h.column(parts[i], m)
			if !ok {
				continue
			}
			if choice < 0 {
				member++
			}
			if choice < 0 || p.Subtype != kind {
				kind = p.Subtype
				choice++
			}
			s.columns = append(s.columns, c)
			s.roles = append(s.roles, role{level, member, choice})
		}
	}
	s.finishLevel(first)
}

// finishLevel ends the last level, which begins at the column first. If it has only one member,
// each choice for this member becomes a level of its own.
func (s *selection) finishLevel(first int) {
	if first == len(s.columns) || s.roles[first].member != s.roles[len(s.roles)-1].member {
		return
	}
	for i := range s.roles[first:] {
		r := &s.roles[first+i]
		*r = role{level: r.level + r.choice}
	}
}

// simplified returns the selection without roles if there is nothing to choose.
func (s selection) simplified() selection {
	for _, r := range s.roles {
		if r.level > 0 || r.choice > 0 {
			return s
		}
	}
	s.roles = nil
	return s
}

package store

import (
	"cmp"
	"slices"
)

// patch is one value of a block.
type patch struct {
	column int32
	slot   int32
	value  float64
}

func (p patch) compare(q patch) int {
	if p.column != q.column {
		return cmp.Compare(p.column, q.column)
	}
	return cmp.Compare(p.slot, q.slot)
}

// patches are single values of a block. A later one for the same column and slot replaces an
// earlier one.
type patches struct {
	// list begins with sorted values in order of columns and slots, at most one for each
	// column and slot. The few that follow are newer, in order of arrival.
	list   []patch
	sorted int32
}

// maxUnsorted is so small that reading a column stays quick, and so large that sorting seldom
// moves the other values.
const maxUnsorted = 64

// add appends a value, for which there is room in the list.
func (p *patches) add(v patch) {
	n := len(p.list)
	inOrder := n == int(p.sorted) && (n == 0 || p.list[n-1].compare(v) < 0)
	p.list = append(p.list, v)
	switch {
	case inOrder:
		p.sorted++
	case n+1-int(p.sorted) == maxUnsorted:
		p.sort()
	}
}

// replace overwrites the newest value if it has the column and slot of v. Otherwise it returns
// false.
func (p *patches) replace(v patch) bool {
	n := len(p.list)
	if n == 0 || p.list[n-1].column != v.column || p.list[n-1].slot != v.slot {
		return false
	}
	p.list[n-1].value = v.value
	return true
}

// grow makes room for n more values.
func (p *patches) grow(n int) {
	p.list = append(make([]patch, 0, cap(p.list)+n), p.list...)
}

// sort puts all values in order.
func (p *patches) sort() {
	sorted := p.list[:p.sorted]
	if len(sorted) == len(p.list) {
		return
	}
	var buf [maxUnsorted]patch
	added := append(buf[:0], p.list[p.sorted:]...)
	slices.SortStableFunc(added, patch.compare)
	n := 0
	for i, v := range added {
		if i+1 < len(added) && v.compare(added[i+1]) == 0 {
			continue // the later one stays
		}
		if at, ok := slices.BinarySearchFunc(sorted, v, patch.compare); ok {
			sorted[at].value = v.value
			continue
		}
		added[n] = v
		n++
	}
	p.list = p.list[:len(sorted)+n]
	for n--; n >= 0; n-- { // from the end, so that each value moves once
		at, _ := slices.BinarySearchFunc(sorted, added[n], patch.compare)
		copy(p.list[at+n+1:], sorted[at:])
		p.list[at+n] = added[n]
		sorted = sorted[:at]
	}
	p.sorted = int32(len(p.list))
}

// of returns the sorted values of the column, and the unsorted ones of all columns.
func (p *patches) of(column int32) (sorted, unsorted []patch) {
	sorted, unsorted = p.list[:p.sorted], p.list[p.sorted:]
	if len(sorted) == 0 {
		return nil, unsorted
	}
	from, _ := slices.BinarySearchFunc(sorted, column, func(v patch, c int32) int { return cmp.Compare(v.column, c) })
	to := from
	for to < len(sorted) && sorted[to].column == column {
		to++
	}
	return sorted[from:to], unsorted
}

// has reports whether the column has a value.
func (p *patches) has(column int32) bool {
	if len(p.list) == 0 {
		return false
	}
	sorted, unsorted := p.of(column)
	return len(sorted) > 0 || slices.ContainsFunc(unsorted, func(v patch) bool { return v.column == column })
}

// apply writes the column's values of the slots from slot on to dst.
func (p *patches) apply(dst []float64, column int32, slot int64) {
	if len(p.list) == 0 {
		return
	}
	sorted, unsorted := p.of(column)
	for _, run := range [2][]patch{sorted, unsorted} {
		for _, v := range run {
			if i := int64(v.slot) - slot; v.column == column && i >= 0 && i < int64(len(dst)) {
				dst[i] = v.value
			}
		}
	}
}

// columns returns how many columns have a value. All values are sorted.
func (p *patches) columns() (n int) {
	for i, v := range p.list {
		if i == 0 || v.column != p.list[i-1].column {
			n++
		}
	}
	return n
}

// drop removes all values of some columns, which ascend. All values are sorted.
func (p *patches) drop(columns []int32) {
	p.list = slices.DeleteFunc(p.list, func(v patch) bool {
		_, dropped := slices.BinarySearch(columns, v.column)
		return dropped
	})
	p.sorted = int32(len(p.list))
	if p.sorted == 0 {
		p.list = nil
	}
}

package store

import (
	"slices"
	"strings"
)

// Part names a part of a host: the host itself (the zero value), a socket, a
// hardware thread, ..., or a second level below one of these.
type Part struct {
	Type, ID       string
	Subtype, SubID string
}

// level is the name of the part's first level in selectors and dumps.
func (p Part) level() string { return p.Type + p.ID }

// sublevel is the name of the part's second level, empty if there is none.
func (p Part) sublevel() string { return p.Subtype + p.SubID }

func (p Part) compare(q Part) int {
	if c := strings.Compare(p.Type, q.Type); c != 0 {
		return c
	}
	if c := strings.Compare(p.ID, q.ID); c != 0 {
		return c
	}
	if c := strings.Compare(p.Subtype, q.Subtype); c != 0 {
		return c
	}
	return strings.Compare(p.SubID, q.SubID)
}

// host holds all samples of one host. It is guarded by its stripe.
type host struct {
	key   hostKey
	grids []*grid // by index into metricTable.frequencies; nil: no sample yet
	// parts is sorted, so that sums over parts do not depend on the order in
	// which the parts first sent a sample.
	parts []*part
	index map[Part]*part
}

// part holds the series of one part of a host.
type part struct {
	Part
	series []series // sorted by metric
}

// series is one metric of one part: a column of the grid of its frequency.
type series struct {
	metric MetricID
	column int32
}

func newHost(k hostKey, frequencies int) *host {
	return &host{key: k, grids: make([]*grid, frequencies), index: map[Part]*part{}}
}

// obtain returns the part, which it adds if it is new.
func (h *host) obtain(key Part) *part {
	if p := h.index[key]; p != nil {
		return p
	}
	// The strings of a batch are slices of something larger: keep copies.
	key = Part{
		Type: strings.Clone(key.Type), ID: strings.Clone(key.ID),
		Subtype: strings.Clone(key.Subtype), SubID: strings.Clone(key.SubID),
	}
	p := &part{Part: key}
	at, _ := slices.BinarySearchFunc(h.parts, key, func(p *part, k Part) int { return p.compare(k) })
	h.parts = slices.Insert(h.parts, at, p)
	h.index[key] = p
	return p
}

// column returns the column of the part's series of m, or false.
func (p *part) column(m MetricID) (int32, bool) {
	at, ok := p.search(m)
	if !ok {
		return 0, false
	}
	return p.series[at].column, true
}

func (p *part) search(m MetricID) (int, bool) {
	return slices.BinarySearchFunc(p.series, m, func(s series, m MetricID) int { return int(s.metric) - int(m) })
}

// insert adds a series at the position that search returned.
func (p *part) insert(at int, s series) { p.series = slices.Insert(p.series, at, s) }

// prune drops the series without samples, the parts without series and the
// grids without blocks. It reports whether the host itself is empty now.
func (h *host) prune(grids []uint8) bool {
	for i, g := range h.grids {
		if g != nil && len(g.blocks) == 0 {
			h.grids[i] = nil
		}
	}
	h.parts = slices.DeleteFunc(h.parts, func(p *part) bool {
		p.series = slices.DeleteFunc(p.series, func(s series) bool {
			g := h.grids[grids[s.metric]]
			if g == nil {
				return true
			}
			if g.holds(s.column) {
				return false
			}
			g.unused = append(g.unused, s.column)
			return true
		})
		if len(p.series) > 0 {
			return false
		}
		delete(h.index, p.Part)
		return true
	})
	return len(h.parts) == 0
}

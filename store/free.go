package store

import (
	"slices"
	"time"
)

// Free drops the values of whole blocks, series by series, below the selector
// if the last one ends before the given time (Unix seconds), and what becomes
// empty with them. It returns the number of series' blocks freed. The selector
// names a cluster, a host, a part and a second level, each one optional; an
// empty one selects everything, an unknown one nothing.
func (s *Store) Free(selector []string, before int64) int {
	freed := 0
	for i := range s.stripes {
		freed += s.freeStripe(&s.stripes[i], selector, before)
	}
	s.counters.freed.Add(int64(freed))
	return freed
}

// Retain makes one retention pass: it frees what is older than the retention.
func (s *Store) Retain() {
	before := s.cfg.Now().Add(-s.cfg.Retention)
	if n := s.Free(nil, before.Unix()); n > 0 {
		s.cfg.Logger.Info("retention pass", "blocks_freed", n, "older_than", before.Truncate(time.Second))
	}
}

func (s *Store) freeStripe(st *stripe, selector []string, before int64) int {
	st.mu.Lock()
	defer st.mu.Unlock()
	freed := 0
	for k, h := range st.hosts {
		if len(selector) > 0 && k.cluster != selector[0] || len(selector) > 1 && k.host != selector[1] {
			continue
		}
		n := h.free(selector[min(len(selector), 2):], before, s.metrics.grids)
		if n == 0 {
			continue
		}
		freed += n
		s.held.Add(-int64(n) * s.blockBytes())
		s.dropIfEmpty(st, h)
	}
	return freed
}

// free drops the selected columns of blocks that end before the given time.
func (h *host) free(selector []string, before int64, grids []uint8) int {
	freed := 0
	for _, p := range h.parts {
		if !p.matches(selector) {
			continue
		}
		for _, sr := range p.series {
			freed += h.grids[grids[sr.metric]].free(sr.column, before)
		}
	}
	for _, g := range h.grids {
		if g != nil {
			g.blocks = slices.DeleteFunc(g.blocks, func(b *block) bool { return b.live == 0 })
		}
	}
	return freed
}

// matches reports whether the part lies at or below the level that the last
// elements of a selector name. No level has an empty name.
func (p *part) matches(selector []string) bool {
	for i, level := range []string{p.level(), p.sublevel()} {
		if i < len(selector) && (level == "" || level != selector[i]) {
			return false
		}
	}
	return len(selector) <= 2
}

func (g *grid) free(column int32, before int64) int {
	freed := 0
	for _, b := range g.blocks {
		v := b.at(column)
		if v == nil {
			continue
		}
		if _, last := valueRange(v); g.centre(b.first+int64(last)+1) < before {
			b.columns[column] = nil
			b.live--
			freed++
		}
	}
	return freed
}

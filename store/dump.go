package store

import (
	"cmp"
	"slices"
)

// Level is one level of the tree that Dump describes: everything, a cluster, a
// host or a part of a host.
type Level struct {
	Metrics  map[string][]Buffer
	Children map[string]*Level
	// LeftOut names those of Metrics that are not configured any more.
	LeftOut map[string]bool
}

// Buffer describes the samples of one series in one block.
type Buffer struct {
	// Start is when the first sample was due in Unix seconds, Len the number
	// of slots from it to the last sample, End = Start + Len*frequency.
	Start, Len, End int64
}

func newLevel() *Level {
	return &Level{Metrics: map[string][]Buffer{}, Children: map[string]*Level{}}
}

// child returns the level below l with the given name, which it adds if need be.
func (l *Level) child(name string) *Level {
	c := l.Children[name]
	if c == nil {
		c = newLevel()
		l.Children[name] = c
	}
	return c
}

// Dump describes what the store holds at and below the level that the selector
// names (cluster, host, part, second level, each one optional). The caller owns
// the result. It fails with a NotFoundError if there is nothing.
func (s *Store) Dump(selector []string) (*Level, error) {
	root := newLevel()
	for i := range s.stripes {
		st := &s.stripes[i]
		st.mu.RLock()
		for k, h := range st.hosts {
			if len(selector) > 0 && k.cluster != selector[0] || len(selector) > 1 && k.host != selector[1] {
				continue
			}
			s.dumpHost(root.child(k.cluster).child(k.host), h)
		}
		st.mu.RUnlock()
	}
	for _, name := range selector {
		if root = root.Children[name]; root == nil {
			return nil, &NotFoundError{Selector: selector}
		}
	}
	return root, nil
}

func (s *Store) dumpHost(to *Level, h *host) {
	for key, column := range h.series {
		l := to
		p := h.parts[key.part]
		if p.level() != "" {
			l = l.child(p.level())
		}
		if p.sublevel() != "" {
			l = l.child(p.sublevel())
		}
		m := s.metrics.at(key.metric)
		if _, ok := s.metrics.config(m.name); !ok {
			if l.LeftOut == nil {
				l.LeftOut = map[string]bool{}
			}
			l.LeftOut[m.name] = true
		}
		before := l.Metrics[m.name] // at another interval
		l.Metrics[m.name] = append(before, h.grid(m.grid).buffers(column)...)
		if len(before) > 0 {
			slices.SortFunc(l.Metrics[m.name], func(a, b Buffer) int { return cmp.Compare(a.Start, b.Start) })
		}
	}
}

// buffers describes the column's values, oldest first.
func (g *grid) buffers(column int32) []Buffer {
	var out []Buffer
	for b := range g.blocks.all() {
		if !b.has(column) {
			continue
		}
		first, last := b.extent(column)
		start, length := g.centre(b, first), last-first+1
		out = append(out, Buffer{Start: start, Len: length, End: start + length*g.frequency})
	}
	return out
}

package store

import (
	"maps"
	"slices"
)

// MaxSelectors is how many selectors a free may have, be they the same or not: reading
// them takes some milliseconds.
const MaxSelectors = 1 << 17

// selection is a set of selectors in the form of a tree: a level is selected by
// those of the levels above it, too, so that a selector that another one covers
// takes nothing. The nil selection selects nothing.
type selection struct {
	all   bool // this level and all below
	below map[string]*selection
}

// newSelection returns what the selectors select. Its memory grows with the names of
// those that are different and not covered by others.
func newSelection(selectors [][]string) *selection {
	root := &selection{}
	for _, s := range selectors {
		root.add(s)
	}
	return root
}

func (n *selection) add(selector []string) {
	for _, name := range selector {
		if n.all {
			return
		}
		next := n.below[name]
		if next == nil {
			if n.below == nil {
				n.below = map[string]*selection{}
			}
			next = &selection{}
			n.below[name] = next
		}
		n = next
	}
	n.all, n.below = true, nil
}

// child returns what is selected below a level.
func (n *selection) child(name string) *selection {
	if n == nil || n.all {
		return n
	}
	return n.below[name]
}

// host returns what is selected of a host.
func (n *selection) host(k hostKey) *selection { return n.child(k.cluster).child(k.host) }

// part reports whether a part of a host is selected. No level has an empty name.
func (n *selection) part(p Part) bool {
	for _, level := range []string{p.level(), p.sublevel()} {
		if n == nil || n.all || level == "" {
			break
		}
		n = n.below[level]
	}
	return n != nil && n.all
}

// CompactSelectors returns the fewest selectors that select what the given ones do
// (see Free), in the order of their names.
func CompactSelectors(selectors [][]string) [][]string {
	return newSelection(selectors).list(nil, [][]string{})
}

// list appends the selectors of a level, whose path is given, and of those below it.
func (n *selection) list(path []string, out [][]string) [][]string {
	if n.all {
		return append(out, append([]string{}, path...)) // never nil: that is null in JSON
	}
	for _, name := range slices.Sorted(maps.Keys(n.below)) {
		out = n.below[name].list(append(path, name), out)
	}
	return out
}

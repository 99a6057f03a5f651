package store

import (
	"maps"
	"slices"
)

// MaxSelectors is how many selectors a free request may have, counting each one even if they
// are equal: to read so many takes some milliseconds.
const MaxSelectors = 1 << 17

// selectorTree is a set of selectors. A selector of a level selects all levels below it, too,
// so that no memory is needed for a selector that another one covers. The nil tree selects
// nothing.
type selectorTree struct {
	all   bool // this level and all below
	below map[string]*selectorTree
}

// newSelectorTree returns what the selectors select. Its memory grows with the names of
// those that are different and not covered by others.
func newSelectorTree(selectors [][]string) *selectorTree {
	root := &selectorTree{}
	for _, s := range selectors {
		root.add(s)
	}
	return root
}

func (n *selectorTree) add(selector []string) {
	for _, name := range selector {
		if n.all {
			return
		}
		next := n.below[name]
		if next == nil {
			if n.below == nil {
				n.below = map[string]*selectorTree{}
			}
			next = &selectorTree{}
			n.below[name] = next
		}
		n = next
	}
	n.all, n.below = true, nil
}

// child returns what is selected below a level.
func (n *selectorTree) child(name string) *selectorTree {
	if n == nil || n.all {
		return n
	}
	return n.below[name]
}

// host returns what is selected of a host.
func (n *selectorTree) host(k hostKey) *selectorTree { return n.child(k.cluster).child(k.host) }

// part reports whether a part of a host is selected. No level has an empty name.
func (n *selectorTree) part(p Part) bool {
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
	return newSelectorTree(selectors).list(nil, [][]string{})
}

// list appends the selectors of a level, whose path is given, and of those below it.
func (n *selectorTree) list(path []string, out [][]string) [][]string {
	if n.all {
		return append(out, append([]string{}, path...)) // never nil: that is null in JSON
	}
	for _, name := range slices.Sorted(maps.Keys(n.below)) {
		out = n.below[name].list(append(path, name), out)
	}
	return out
}

package config

// checker holds a tree of nodes against a format. It replaces each value by the Go value
// that it stands for, or by invalid, and removes unknown keys.
type checker struct {
	format field
	found  *findings
}

// check checks the node and all below it.
func (c checker) check(n *node, f field) {
	if n.value == any(invalid{}) {
		return
	}
	if f.unsupported != "" && !n.isEmpty() {
		c.found.fault(n, "%s", f.unsupported)
		n.value = invalid{}
		return
	}
	if f.ineffective != "" && !n.isEmpty() {
		c.found.warn(n, "%s", f.ineffective)
	}
	value, err := f.convert(n.value)
	if err != nil {
		c.found.fault(n, "%s", err)
		n.value = invalid{}
		return
	}
	n.value = value
	switch members := value.(type) {
	case object:
		if f.kind == section {
			c.checkSection(n, members, f)
		} else if f.kind == dictionary {
			c.checkDictionary(members, f)
		}
	case list:
		if f.kind == items {
			for _, item := range members {
				c.check(item, *f.element)
			}
		}
	}
	if f.valid == nil {
		return
	}
	if err := f.valid(n.value); err != nil {
		c.found.fault(n, "%s", err)
		n.value = invalid{}
	}
}

func (c checker) checkSection(n *node, members object, f field) {
	for _, key := range members.sortedKeys() {
		member := members[key]
		known, ok := f.keys[key]
		switch {
		case !ok:
			c.found.unknownKey(member, suggestion(key, f, c.format))
			delete(members, key)
		case member.value == nil || member.value == "":
			delete(members, key)
		default:
			c.check(member, known)
		}
	}
	for _, key := range f.sortedKeys() {
		if _, ok := members[key]; ok {
			continue
		}
		if known := f.keys[key]; known.required != "" {
			c.found.fault(n.child(key, nil), "is required: %s", known.required)
		}
	}
}

func (c checker) checkDictionary(members object, f field) {
	for _, key := range members.sortedKeys() {
		if f.name != nil {
			if err := f.name(key); err != nil {
				c.found.fault(members[key], "%s", err)
			}
		}
		c.check(members[key], *f.element)
	}
}

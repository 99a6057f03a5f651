package original

// PartOfScope returns the part that a scope and an id of the original's Parquet files name. Scopes are
// types, but for the names of levels that the original did not know, which it took as they are:
// "filesystemhome", or "mountm1" for a level below that, whose own level is in no column. They are taken apart by
// the known types. isClear says that nothing is missing.
func PartOfScope(scope, id string) (p Part, isClear bool) {
	if scope == "" || scope == "node" {
		return Part{Type: "node"}, true
	}
	for _, t := range partTypes() {
		if scope == t.name {
			return Part{Type: scope, TypeID: id}, true
		}
	}
	if id != "" {
		return Part{Type: scope, TypeID: id}, false
	}
	if kind, rest, ok := splitKey(scope, partTypes()); ok {
		return Part{Type: kind, TypeID: rest}, true
	}
	kind, rest, _ := splitKey(scope, subTypes())
	if kind == "" { // a number alone comes of type=node with a type-id
		return Part{Type: "node"}, false
	}
	return Part{Type: kind, TypeID: rest}, false
}

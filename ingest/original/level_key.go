package original

import "strings"

// Part is a part of a host, and of that, as the tags type, type-id, stype and stype-id name it.
type Part struct{ Type, TypeID, SubType, SubTypeID string }

// partType is a type that collectors send. numbered says that its ids are numbers, so that
// what follows it otherwise is the rest of another word, or, if it begins with a digit, an unusual id, such as 0-3.
type partType struct {
	name     string
	numbered bool
}

// partTypes and subTypes are those that collectors send, longest first.
func partTypes() []partType {
	return []partType{
		{"memoryDomain", true}, {"accelerator", false}, {"filesystem", false}, {"hwthread", true}, {"network", false}, {"socket", true},
		{"disk", false}, {"core", true}, {"numa", true}, {"cpu", true}, {"die", true}, {"llc", true}, {"gpu", true},
	}
}

func subTypes() []partType {
	return []partType{
		{"filesystem", false}, {"network", false}, {"device", false}, {"nvlink", true}, {"mount", false}, {"disk", false}, {"port", true}, {"numa", true},
	}
}

// splitKey takes the key of a level apart, which is a type and an id without anything between
// them. isClear says that the type is a known one. Otherwise the digits at its end are the id.
func splitKey(key string, known []partType) (kind, id string, isClear bool) {
	for _, t := range known {
		rest, ok := strings.CutPrefix(key, t.name)
		isNumber := strings.Trim(rest, "0123456789") == ""
		if ok && (!t.numbered || isNumber || rest[0] >= '0' && rest[0] <= '9') {
			return t.name, rest, !t.numbered || isNumber
		}
	}
	kind = strings.TrimRight(key, "0123456789")
	return kind, key[len(kind):], false
}

// partOf returns the part that the keys of the levels below the host name, at most two. isClear
// says that the types are known ones. A key that is only a number is of the host itself: it
// comes of type=node with a type-id. No line can name a level below two, which a record may claim: its Part
// is not usable.
func partOf(keys []string) (p Part, isClear bool) {
	isClear = true
	if len(keys) > 2 {
		return Part{Type: "\x00"}, false
	}
	if len(keys) > 0 {
		p.Type, p.TypeID, isClear = splitKey(keys[0], partTypes())
		if p.Type == "" {
			return Part{Type: "node"}, false
		}
	} else {
		p.Type = "node"
	}
	if len(keys) > 1 {
		var ok bool
		p.SubType, p.SubTypeID, ok = splitKey(keys[1], subTypes())
		if p.SubType == "" {
			p.SubType, p.SubTypeID = p.SubTypeID, ""
		}
		isClear = isClear && ok
	}
	return p, isClear
}

// String names the part for an operator.
func (p Part) String() string {
	text := "type " + p.Type
	for _, tag := range [...][2]string{{"type-id", p.TypeID}, {"stype", p.SubType}, {"stype-id", p.SubTypeID}} {
		if tag[1] != "" {
			text += ", " + tag[0] + " " + tag[1]
		}
	}
	return text
}

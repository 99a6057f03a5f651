package lineproto

// isSafeName rules out the names of clusters and hosts that would leave a
// directory if they were used as a path.
func isSafeName(name string) bool {
	for i := 0; i < len(name); i++ {
		switch name[i] {
		case '/', '\\':
			return false
		case '.':
			if i > 0 && name[i-1] == '.' {
				return false
			}
		}
	}
	return true
}

// isLiteral reports whether a tag's value is sure to mean itself. Others are left to
// the line protocol.
func isLiteral(value string) bool {
	for i := range len(value) {
		if c := value[i]; !('a' <= c|0x20 && c|0x20 <= 'z' || '0' <= c && c <= '9' || c == '-' || c == '_' || c == '.') {
			return false
		}
	}
	return true
}

const (
	// maxInterned bounds the names that an interner keeps.
	maxInterned = 1 << 16
	// Longer names are not those that come again and again.
	maxInternedName = 256
)

// interner keeps one string for each name that comes again and again.
type interner struct{ names map[string]string }

func (in *interner) intern(b []byte) string {
	if s, ok := in.names[string(b)]; ok {
		return s
	}
	if len(b) > maxInternedName {
		return string(b)
	}
	if in.names == nil || len(in.names) >= maxInterned {
		in.names = make(map[string]string)
	}
	s := string(b)
	in.names[s] = s
	return s
}

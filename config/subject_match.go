package config

import "strings"

// covers reports whether every subject that matches b matches a.
func covers(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i, token := range as {
		switch {
		case i == len(bs):
			return false
		case token == ">":
			return true
		case bs[i] == ">" || token != "*" && token != bs[i]:
			return false
		}
	}
	return len(as) == len(bs)
}

// overlap reports whether a subject can match both a and b.
func overlap(a, b string) bool {
	as, bs := strings.Split(a, "."), strings.Split(b, ".")
	for i, token := range as {
		switch {
		case i == len(bs):
			return false
		case token == ">" || bs[i] == ">":
			return true
		case token != "*" && bs[i] != "*" && token != bs[i]:
			return false
		}
	}
	return len(as) == len(bs)
}

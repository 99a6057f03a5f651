package config

import (
	"encoding/json"
	"fmt"
	"sort"
	"strconv"
	"strings"
	"unicode"
)

// node is a JSON value with the place where it was written, so that findings can name
// its path in the file.
type node struct {
	path string
	file string // the included file, empty for the main one
	// value is nil, bool, string, json.Number, list or object as parsed. The
	// check against the format replaces it by the Go value that the key stands
	// for, or by invalid.
	value any
}

type (
	object map[string]*node
	list   []*node
	// invalid replaces a value of which a fault was reported, so that it is neither
	// read nor reported as missing.
	invalid struct{}
)

// at returns the node below n that the keys lead to, or nil.
func (n *node) at(keys ...string) *node {
	for _, key := range keys {
		if n == nil {
			return nil
		}
		members, _ := n.value.(object)
		n = members[key]
	}
	return n
}

// read returns the value that the keys lead to, or absent if there is none of
// this type.
func read[T any](n *node, absent T, keys ...string) T {
	if n = n.at(keys...); n == nil {
		return absent
	}
	if value, ok := n.value.(T); ok {
		return value
	}
	return absent
}

// origin adds to a text the included file that n comes from, if it does.
func (n *node) origin(text string) string {
	if n.file == "" {
		return text
	}
	return fmt.Sprintf("%s (in %s)", text, n.file)
}

// child makes a node for a key of n, without attaching it.
func (n *node) child(key string, value any) *node {
	return &node{path: keyPath(n.path, key), file: n.file, value: value}
}

// isEmpty reports whether a parsed value asks for nothing: null, "", 0, false, and objects
// and lists of such values.
func (n *node) isEmpty() bool {
	switch value := n.value.(type) {
	case nil:
		return true
	case bool:
		return !value
	case string:
		return value == ""
	case json.Number:
		number, err := value.Float64()
		return err == nil && number == 0
	case object:
		for _, member := range value {
			if !member.isEmpty() {
				return false
			}
		}
		return true
	case list:
		for _, item := range value {
			if !item.isEmpty() {
				return false
			}
		}
		return true
	default:
		return false
	}
}

func (o object) sortedKeys() []string {
	keys := make([]string, 0, len(o))
	for key := range o {
		keys = append(keys, key)
	}
	sort.Strings(keys)
	return keys
}

// keyPath returns the path of a key below a path.
func keyPath(path, key string) string {
	if key == "" || strings.ContainsFunc(key, needsQuotes) {
		return path + "[" + strconv.Quote(key) + "]"
	}
	if path == "" {
		return key
	}
	return path + "." + key
}

func needsQuotes(r rune) bool {
	return r != '_' && r != '-' && !unicode.IsLetter(r) && !unicode.IsDigit(r)
}

package config

import (
	"fmt"
	"sort"
	"strings"
)

// suggestion says what an unknown key may be meant to be: a similar key of the same object,
// else the same key at another place of the format, else any of those that are known here.
func suggestion(key string, here, format field) string {
	known := here.sortedKeys()
	nearest, least := "", 0
	for _, candidate := range known {
		d := editDistance(key, candidate)
		if strings.HasPrefix(candidate, key) || strings.HasPrefix(key, candidate) {
			d = min(d, 1)
		}
		if nearest == "" || d < least {
			nearest, least = candidate, d
		}
	}
	if nearest != "" && least <= max(1, min(len(key), len(nearest))/3) {
		return fmt.Sprintf("unknown key, it has no effect: did you mean %q?", nearest)
	}
	if place := findKey(key, format, ""); place != "" {
		return fmt.Sprintf("unknown key, it has no effect here: it belongs at %s", place)
	}
	return fmt.Sprintf("unknown key, it has no effect: known here are %s", strings.Join(known, ", "))
}

// findKey returns the path of the first place in the format that has the key.
func findKey(key string, f field, path string) string {
	if _, ok := f.keys[key]; ok {
		return keyPath(path, key)
	}
	for _, name := range f.sortedKeys() {
		if place := findKey(key, f.keys[name], keyPath(path, name)); place != "" {
			return place
		}
	}
	switch {
	case f.element == nil:
		return ""
	case f.kind == items:
		return findKey(key, *f.element, path+"[]")
	default:
		return findKey(key, *f.element, path+".<name>")
	}
}

func (f field) sortedKeys() []string {
	names := make([]string, 0, len(f.keys))
	for name := range f.keys {
		names = append(names, name)
	}
	sort.Strings(names)
	return names
}

// editDistance returns the Levenshtein distance of two texts, in characters.
func editDistance(a, b string) int {
	from, to := []rune(a), []rune(b)
	row := make([]int, len(to)+1)
	for j := range row {
		row[j] = j
	}
	for i := range from {
		diagonal := row[0]
		row[0] = i + 1
		for j := range to {
			substituted := diagonal
			if from[i] != to[j] {
				substituted++
			}
			diagonal = row[j+1]
			row[j+1] = min(substituted, row[j]+1, row[j+1]+1)
		}
	}
	return row[len(to)]
}

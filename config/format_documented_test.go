package config

import (
	"maps"
	"os"
	"regexp"
	"slices"
	"strings"
	"testing"
)

// keysOf lists the keys with an effect below a field.
func keysOf(path string, f field) (found []string) {
	// Keys of former versions are read and need no place in the tables.
	older := []string{"metric-store.archive", "metric-store.subscriptions", "metric-store.checkpoints.interval"}
	switch {
	case f.kind == anything || f.ineffective != "" || f.unsupported != "" || slices.Contains(older, path):
		return nil
	case f.kind == section:
		for _, key := range slices.Sorted(maps.Keys(f.keys)) {
			if strings.HasSuffix(key, includeSuffix) && path == "" {
				continue
			}
			found = append(found, keysOf(strings.TrimPrefix(path+"."+key, "."), f.keys[key])...)
		}
		return found
	case f.element != nil && f.element.kind == section:
		below := "[]"
		if f.kind == dictionary {
			below = ".NAME"
		}
		return keysOf(path+below, *f.element)
	}
	return []string{path}
}

var (
	documentedSection = regexp.MustCompile("(?ms)^## (main|metrics|nats|metric-store)$(.*?)^## ")
	firstCell         = regexp.MustCompile("(?m)^\\| (`.*?) \\|")
	inBackticks       = regexp.MustCompile("`([^`]+)`")
)

// TestDocumentedKeys compares the tables of CONFIGURATION.md with the format.
func TestDocumentedKeys(t *testing.T) {
	page, err := os.ReadFile("../CONFIGURATION.md")
	if err != nil {
		t.Fatal(err)
	}
	documented := map[string]bool{}
	rest := string(page)
	for {
		m := documentedSection.FindStringSubmatchIndex(rest)
		if m == nil {
			break
		}
		name, body := rest[m[2]:m[3]], rest[m[4]:m[5]]
		for _, cell := range firstCell.FindAllStringSubmatch(body, -1) {
			before := ""
			for _, key := range inBackticks.FindAllStringSubmatch(cell[1], -1) {
				path := name + "." + key[1]
				if at := strings.LastIndex(before, "[]."); at >= 0 && !strings.Contains(key[1], ".") {
					path = before[:at+3] + key[1] // a further key of the same list
				}
				documented[path] = true
				before = path
			}
		}
		rest = rest[m[5]:]
	}
	keys := keysOf("", sectionFormat())
	for _, key := range keys {
		if !documented[key] {
			t.Errorf("CONFIGURATION.md lacks %s", key)
		}
		delete(documented, key)
	}
	for key := range documented {
		t.Errorf("CONFIGURATION.md names %s, which the configuration does not know", key)
	}
}

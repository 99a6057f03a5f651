package config

import "testing"

// TestForeignSections: another program's are none of ours.
func TestForeignSections(t *testing.T) {
	for _, base := range []string{minimal, minimalFlat} {
		for _, e := range []string{`fleet {"nodes": [1, {"a": null}], "main": {}}`, `fleet []`, `fleet null`, `fleet-file "/no/such/file"`} {
			_, plain, _ := parse("config.json", []byte(base))
			if _, warnings, err := parse("config.json", edit(t, base, e)); err != nil || len(warnings) != len(plain) {
				t.Errorf("%s: warnings %v, error %v", e, warnings, err)
			}
		}
	}
}

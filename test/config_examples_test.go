package test

import (
	"path/filepath"
	"testing"
)

// TestExamples: the configurations to begin with have no faults.
func TestExamples(t *testing.T) {
	files, err := filepath.Glob("../deploy/examples/*.json")
	if err != nil || len(files) < 3 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		path, err := filepath.Abs(file)
		if err != nil {
			t.Fatal(err)
		}
		n := run(t, launch{args: []string{"-config", path, "-check-config"}})
		n.wantExit(0)
		if n.log.String() != "" {
			t.Errorf("%s: %s", file, n.log)
		}
	}
}

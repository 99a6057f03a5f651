package config

import (
	"errors"
	"os"
	"path/filepath"
	"sort"
	"strings"
	"testing"
)

// FuzzParse holds that any bytes give either a Config or an error that names
// the file, and that faults are never empty and in order.
func FuzzParse(f *testing.F) {
	files, err := filepath.Glob(filepath.Join("testdata", "*.json"))
	if err != nil || len(files) == 0 {
		f.Fatalf("no seeds: %v", err)
	}
	for _, file := range files {
		data, err := os.ReadFile(file)
		if err != nil {
			f.Fatal(err)
		}
		f.Add(data)
	}
	for _, text := range []string{
		minimal, minimalFlat, "", "null", "{\n,}", `{"main": {"addr": 1}, "main": null}`, `{"metrics-file": "/dev/zero"}`,
		`{"main-file": "config.json", "nats": [[{}], null], "": {"": []}}`, `{"checkpoints": [], "nats": [null, {}]}`,
	} {
		f.Add([]byte(text))
	}
	f.Fuzz(func(t *testing.T, data []byte) {
		cfg, _, err := parse(filepath.Join("testdata", "config.json"), data)
		if (cfg == nil) != (err != nil) {
			t.Fatalf("got %v and %v", cfg, err)
		}
		if err != nil && !strings.Contains(err.Error(), "config.json") {
			t.Fatalf("the error does not name the file: %v", err)
		}
		var faults *faultsError
		if !errors.As(err, &faults) {
			return
		}
		if len(faults.Faults) == 0 || faults.Error() == "" {
			t.Fatal("an error without faults")
		}
		if !sort.SliceIsSorted(faults.Faults, func(i, j int) bool { return faults.Faults[i].Path < faults.Faults[j].Path }) {
			t.Fatalf("faults are out of order: %v", faults.Faults)
		}
	})
}

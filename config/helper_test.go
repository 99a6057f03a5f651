package config

import (
	"encoding/json"
	"errors"
	"strings"
	"testing"
)

const testKey = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="

func load(path string) (*Config, []Warning, error) { return Overrides{}.Load(path) }

func parse(file string, data []byte) (*Config, []Warning, error) {
	return Overrides{}.parse(file, data)
}

// expectFaults wants exactly these faults, in order, each as "path: words".
func expectFaults(t *testing.T, err error, want ...string) {
	t.Helper()
	var faults *faultsError
	if !errors.As(err, &faults) {
		t.Fatalf("got %v, want faults", err)
	}
	var got []string
	for _, f := range faults.Faults {
		got = append(got, f.Path+": "+f.Problem)
	}
	expect(t, "fault", got, want)
}

// expect compares texts in order: the path must be equal, the rest contained.
func expect(t *testing.T, what string, got, want []string) {
	t.Helper()
	if len(got) != len(want) {
		t.Errorf("%d %ss, want %d:\n%s", len(got), what, len(want), strings.Join(got, "\n"))
		return
	}
	for i := range want {
		path, words, _ := strings.Cut(want[i], ": ")
		if !strings.HasPrefix(got[i], path+": ") || !strings.Contains(got[i][len(path)+2:], words) {
			t.Errorf("%s %q, want %q", what, got[i], want[i])
		}
	}
}

func texts(warnings []Warning) []string {
	var all []string
	for _, w := range warnings {
		all = append(all, w.Path+": "+w.Text)
	}
	return all
}

const minimal = `{
	"main": {"addr": "localhost:8082"},
	"metrics": {"cpu_load": {"frequency": 60}},
	"metric-store": {"retention-in-memory": "48h", "nats-subscriptions": [{"subscribe-to": "hpc-nats"}]}
}`

const minimalFlat = `{
	"http-api": {"address": "localhost:8082"},
	"metrics": {"cpu_load": {"frequency": 60}},
	"retention-in-memory": "48h",
	"nats": [{"address": "broker:4222", "subscriptions": [{"subscribe-to": "hpc-nats"}]}]
}`

// edit returns base with the value at each dotted path replaced: "path value".
func edit(t *testing.T, base string, edits ...string) []byte {
	t.Helper()
	var root map[string]any
	if err := json.Unmarshal([]byte(base), &root); err != nil {
		t.Fatal(err)
	}
	for _, e := range edits {
		path, value, _ := strings.Cut(e, " ")
		keys := strings.Split(path, ".")
		section := root
		for _, key := range keys[:len(keys)-1] {
			below, ok := section[key].(map[string]any)
			if !ok {
				below = map[string]any{}
				section[key] = below
			}
			section = below
		}
		section[keys[len(keys)-1]] = json.RawMessage(value)
	}
	data, err := json.Marshal(root)
	if err != nil {
		t.Fatal(err)
	}
	return data
}

package config

import (
	"os"
	"path/filepath"
	"testing"
	"time"
)

func TestInclude(t *testing.T) {
	dir := t.TempDir()
	write := func(name, text string) string {
		path := filepath.Join(dir, name)
		if err := os.WriteFile(path, []byte(text), 0o600); err != nil {
			t.Fatal(err)
		}
		return path
	}
	write("metrics.json", `{"cpu_load": {"frequency": "60s"}, "clock": {"frequency": 60, "freq": 1}}`)
	write("broken.json", "{\n,}")
	// The same name is in the working directory: the one beside the file wins.
	if err := os.Mkdir(filepath.Join(dir, "testdata"), 0o700); err != nil {
		t.Fatal(err)
	}
	write("testdata/store.json", `{"retention-in-memory": "7h", "nats-subscriptions": [{"subscribe-to": "a"}]}`)
	path := write("config.json", `{
		"main": {"addr": "localhost:80"}, "main-file": "main.json",
		"metrics-file": "metrics.json", "nats-file": "broken.json", "metric-store-file": 5}`)
	_, warnings, err := load(path)
	expectFaults(t, err,
		"main-file: the section main is in this file as well",
		"metric-store-file: found a number, wanted the name of a file",
		"metrics.cpu_load.frequency: found text, wanted a whole number of seconds, such as 60, not a duration (in "+filepath.Join(dir, "metrics.json")+")",
		"nats-file: broken.json: line 2, column 1",
	)
	expect(t, "warning", texts(warnings), []string{
		`metrics.clock.freq: did you mean "frequency"? (in ` + filepath.Join(dir, "metrics.json") + ")",
	})

	path = write("config.json", `{"main": {"addr": "localhost:80"}, "metrics-file": "missing.json", "nats-file": ".", "metric-store-file": "testdata/store.json"}`)
	_, _, err = load(path)
	expectFaults(t, err, "metrics-file: no such file", "nats-file: not a regular file")

	path = write("config.json", `{"main": {"addr": "localhost:80"}, "metrics": {"clock": {"frequency": 1}}, "metric-store-file": "testdata/store.json"}`)
	cfg, _, err := load(path)
	if err != nil || cfg.MetricStore.Retention != 7*time.Hour {
		t.Errorf("got %+v, %v: want the file beside the including one", cfg, err)
	}
}

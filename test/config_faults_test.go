package test

import (
	"maps"
	"os"
	"path/filepath"
	"testing"
)

// TestFaultyConfigurations: all faults are told at once, and nothing starts.
func TestFaultyConfigurations(t *testing.T) {
	t.Parallel()
	base := func(name string, change object) object {
		cfg := baseConfig()
		maps.Copy(section(cfg, name), change)
		return cfg
	}
	for _, c := range []struct {
		name   string
		config any
		says   []string // each in a line of its own
	}{
		{"no JSON", "{\n  \"main\": oops\n}", []string{"line 2"}},
		{"empty file", " ", []string{"config.json"}},
		{"empty list", "[]", []string{"wanted an object"}},
		{"many faults", object{
			"main":         object{"addr": "nowhere", "jwt-public-key": "short", "https-cert-file": "none.pem"},
			"metrics":      object{"cpu_load": object{"frequency": 0}, "mem_used": object{"frequency": "60s"}},
			"nats":         object{"embedded": object{"sync": "sometimes"}, "stream": object{"replicas": 9}},
			"metric-store": object{"retention-in-memory": "two days", "memory-cap": -1, "nats-subscriptions": []object{{"subscribe-to": "a b"}}},
		}, []string{
			"main.addr", "main.jwt-public-key", "main.https-cert-file", "metrics.cpu_load.frequency", "metrics.mem_used.frequency",
			"nats.embedded.sync", "nats.stream.replicas", "metric-store.retention-in-memory", "metric-store.memory-cap",
			"metric-store.nats-subscriptions[0].subscribe-to",
		}},
		{"archive", base("metric-store", object{"cleanup": object{"mode": "keep"}}), []string{"metric-store.cleanup.mode"}},
		{"backend without a scheme", base("main", object{"backend-url": "127.0.0.1:8080"}), []string{"main.backend-url"}},
	} {
		t.Run(c.name, func(t *testing.T) {
			for _, args := range [][]string{{"-config", "config.json"}, {"-check-config"}} {
				n := run(t, launch{config: c.config, args: args})
				n.wantExit(1)
				for _, word := range c.says {
					if !n.log.hasLine(word) {
						t.Errorf("%q: nothing is said about %q", args, word)
					}
				}
			}
		})
	}
}

func TestUnknownKey(t *testing.T) {
	t.Parallel()
	cfg := baseConfig()
	section(cfg, "main")["jwt-pubic-key"] = "x"
	n := run(t, launch{config: cfg, args: []string{"-check-config"}})
	n.wantExit(1, "main.jwt-pubic-key", `did you mean "jwt-public-key"`)
	running := begin(t, launch{config: cfg}) // a warning is enough to run
	running.awaitReady()
	running.wantLog("level=WARN", "main.jwt-pubic-key", "jwt-public-key")
	delete(section(cfg, "main"), "jwt-pubic-key")
	n = run(t, launch{config: cfg, args: []string{"-check-config", "-config", "config.json"}})
	n.wantExit(0)
	if !n.stdout.hasLine("config.json", "no faults") {
		t.Errorf("a good file is not praised: %s", n.stdout)
	}
}

// TestCheckConfigLooksAtTheMachine: what it accepts starts.
func TestCheckConfigLooksAtTheMachine(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	file := filepath.Join(dir, "file")
	if err := os.WriteFile(file, []byte("text"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, c := range []struct {
		bound
		says []string
	}{
		{bound{"main.user", "nosuchuser"}, []string{"main.user", "nosuchuser"}},
		{bound{"main.group", "nosuchgroup"}, []string{"main.group", "nosuchgroup"}},
		{bound{"nats.embedded.directory", "file"}, []string{"nats.embedded.directory", file, "not a directory"}},
		{bound{"nats.embedded.directory", "file/below"}, []string{"nats.embedded.directory", file, "not a directory"}},
		{bound{"metric-store.checkpoints.directory", "file/below/it"}, []string{"metric-store.checkpoints.directory", file}},
		{bound{"main.backend-url", "http://cc:99999"}, []string{"main.backend-url", "port"}},
		{bound{"nats", object{"address": "broker", "creds-file-path": "file"}}, []string{"nats.creds-file-path", file}},
	} {
		cfg := baseConfig()
		c.put(cfg)
		run(t, launch{dir: dir, config: cfg, args: []string{"-check-config"}}).wantExit(1, c.says...)
	}
	cfg := baseConfig()
	section(cfg, "main")["https-cert-file"], section(cfg, "main")["https-key-file"] = "file", "file"
	run(t, launch{dir: dir, config: cfg, args: []string{"-check-config"}}).wantExit(1, "main.https-cert-file", file)
	entries, err := os.ReadDir(dir)
	if err != nil || len(entries) != 2 {
		t.Errorf("a check leaves something behind: %v, %v", entries, err)
	}
}

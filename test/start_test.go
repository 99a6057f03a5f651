package test

import (
	"fmt"
	"maps"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// TestWithoutConfiguration starts the program as a newcomer does. The default
// ports may belong to somebody else on this machine, which it then has to say.
func TestWithoutConfiguration(t *testing.T) {
	n := run(t, launch{args: []string{}})
	n.URL = "http://localhost:8080"
	ready := func() error {
		if n.ended() {
			return nil
		}
		a, err := n.try("GET", "/readyz", "")
		if err == nil && a.status != 200 {
			err = fmt.Errorf("readyz: %d %s", a.status, a.body)
		}
		return err
	}
	n.waitFor("the program to be ready or to end", ready)
	if n.ended() || !strings.Contains(n.stdout.String(), "built-in defaults") {
		n.wantExit(1, "address already in use")
		return
	}
	for _, word := range []string{"http://", "8080", "127.0.0.1:4222", "hpc-nats", "var/nats", "cc-metric-generator"} {
		if !strings.Contains(n.stdout.String(), word) {
			t.Errorf("the welcome does not name %q", word)
		}
	}
	// Whoever asks is at the right place only while the program runs.
	n.write(ramp("a", 3))
	n.wantRamp("a", 3)
	if _, err := os.Stat(filepath.Join(n.launch.dir, "var", "nats")); err != nil {
		t.Error(err)
	}
}

func TestFlags(t *testing.T) {
	t.Parallel()
	for _, c := range []struct {
		name string
		args []string
		code int
		says []string // in one line of standard error
	}{
		{"missing file", []string{"-config", "nowhere.json"}, 1, []string{"nowhere.json", "no such file"}},
		{"missing file to check", []string{"-check-config"}, 1, []string{"config.json", "no such file"}},
		{"directory as a file", []string{"-config", "."}, 1, []string{"directory"}},
		{"unknown flag", []string{"-confg", "x"}, 2, []string{"-confg"}},
		{"argument", []string{"config.json"}, 2, []string{"config.json", "flags"}},
		{"level", []string{"-loglevel", "loud"}, 2, []string{"loud", "debug", "warn"}},
		{"flag without a value", []string{"-config"}, 2, []string{"-config"}},
		{"help", []string{"-help"}, 0, []string{"-config"}},
	} {
		t.Run(c.name, func(t *testing.T) { run(t, launch{args: c.args}).wantExit(c.code, c.says...) })
	}
}

func TestVersion(t *testing.T) {
	t.Parallel()
	n := run(t, launch{args: []string{"-version"}})
	n.wantExit(0)
	for _, label := range []string{"Version:\t", "Git hash:\t", "Build time:\t"} {
		if !n.stdout.hasLine(label) {
			t.Errorf("no line %q", label)
		}
	}
}

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
		{"archive", base("metric-store", object{"cleanup": object{"mode": "archive", "directory": "./archive"}}), []string{"metric-store.cleanup.mode"}},
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

func TestArchiveIsRefusedWithAReason(t *testing.T) {
	t.Parallel()
	cfg := baseConfig()
	section(cfg, "metric-store")["cleanup"] = object{"mode": "archive", "directory": "./archive"}
	run(t, launch{config: cfg}).wantExit(1, "metric-store.cleanup.mode", "archiving is not supported", `"delete"`)
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

func TestIncludedSections(t *testing.T) {
	t.Parallel()
	cfg := baseConfig()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "metrics.json"), []byte(`{"cpu_load":{"frequency":60}}`), 0o600); err != nil {
		t.Fatal(err)
	}
	delete(cfg, "metrics")
	cfg["metrics-file"] = "metrics.json"
	n := begin(t, launch{dir: dir, config: cfg})
	n.awaitReady()
	n.write(ramp("a", 3))
	n.wantRamp("a", 3)
}

// TestOldConfiguration runs the flat format of older versions from end to end.
func TestOldConfiguration(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	key := newKeyPair(t)
	n := begin(t, launch{config: object{
		"metrics":             object{"cpu_load": object{"frequency": 60, "aggregation": nil}, "mem_used": object{"frequency": 60, "aggregation": "sum"}},
		"http-api":            object{"address": "127.0.0.1:0", "https-cert-file": nil, "https-key-file": nil},
		"jwt-public-key":      key.config(),
		"retention-in-memory": "48h",
		"checkpoints":         object{"interval": "12h", "directory": "./var/checkpoints", "restore": "48h"},
		"archive":             object{"interval": "50h", "directory": "./var/archive", "delete-instead": true},
		"debug":               object{"dump-to-file": "", "gops": false},
		"nats": []object{{
			"address": b.URL, "username": "", "password": "", "creds-file-path": "",
			"subscriptions": subscriptions("ee-hpc-nats", "fritz", "updates", "alex"),
		}},
	}})
	n.awaitReady()
	n.wantLog("level=WARN", "old flat format")
	c := connect(t, b.URL)
	n.publish(c, "ee-hpc-nats", "cpu_load,hostname=f0101,type=node value=3 1760000040\n")
	n.publish(c, "updates", "cpu_load,hostname=a0101,type=node value=4 1760000040\n")
	token := "Bearer " + key.token(t, nil)
	for _, q := range [][3]string{{"fritz", "f0101", "3"}, {"alex", "a0101", "4"}} {
		body := fmt.Sprintf(`{"cluster":%q,"from":1760000040,"to":1760000100,"queries":[{"metric":"cpu_load","host":%q}]}`, q[0], q[1])
		a := n.send("GET", "/api/query", body, "Authorization", token)
		if a.status != 200 || !strings.Contains(a.body, `"data":[`+q[2]+`]`) {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	n.wantError(n.send("GET", "/api/query", anyQuery), 401, "JWT")
}

func TestSecondProcess(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	n.write(ramp("a", 3))
	second := run(t, launch{dir: n.launch.dir})
	second.wantExit(1, "in use by another process", fmt.Sprint(n.cmd.Process.Pid), "metric-store.checkpoints.directory")
	n.write(line("a", "cpu_load", 3, origin+180)) // the first one is none the worse
	n.wantRamp("a", 4)
}

func TestPortsInUse(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	cfg := baseConfig()
	section(cfg, "main")["addr"] = address
	run(t, launch{config: cfg}).wantExit(1, "listen for REST", address, "address already in use")
	cfg = baseConfig()
	section(section(cfg, "nats"), "embedded")["addr"] = address
	run(t, launch{config: cfg}).wantExit(1, "nats-server", address, "address already in use")
}

// TestUnusableDirectory has one below a file, which not even root can make.
func TestUnusableDirectory(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "file"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	cfg := baseConfig()
	section(section(cfg, "nats"), "embedded")["directory"] = "file/nats"
	run(t, launch{dir: dir, config: cfg}).wantExit(1, "create directory", "file")
}

package test

import (
	"encoding/json"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

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
		{"ready, of nobody", []string{"-ready", "http://127.0.0.1:1"}, 1, []string{"not ready", "connection refused"}},
		{"ready, without an address", []string{"-ready", "localhost:8080"}, 1, []string{"http://localhost:8080"}},
		{"all without ready", []string{"-all"}, 2, []string{"-all", "-ready"}},
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

// TestAskReady: one process asks another one.
func TestAskReady(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	for _, args := range [][]string{{"-ready", n.URL}, {"-ready", n.URL + "/", "-all"}} {
		asking := run(t, launch{args: args})
		asking.wantExit(0)
		if asking.stdout.String() != "ready\n" {
			t.Errorf("%q: %q", args, asking.stdout)
		}
	}
	cfg := brokerConfig("nats://127.0.0.1:1")
	run(t, launch{args: []string{"-ready", begin(t, launch{config: cfg}).URL}}).wantExit(1, "not ready: ", "says 503", "the log is not reached")
}

// TestAddressesOfFlags: they go before a file and the defaults, and are checked.
func TestAddressesOfFlags(t *testing.T) {
	t.Parallel()
	n := begin(t, launch{args: []string{"-addr", "127.0.0.1:0", "-nats-addr", "127.0.0.1:0", "-loglevel", "info"}})
	n.awaitReady()
	n.wantBanner("try", n.URL+"/readyz")
	if n.NATSURL == "" || strings.HasSuffix(n.NATSURL, ":4222") {
		t.Errorf("NATS listens at %q", n.NATSURL)
	}
	cfg := baseConfig()
	section(cfg, "main")["addr"] = "192.0.2.1:1" // of nobody
	begin(t, launch{config: cfg, args: []string{"-addr", "127.0.0.1:0", "-loglevel", "info"}}).awaitReady()
	b := startBroker(t, server.Options{JetStream: true})
	begin(t, launch{config: brokerConfig(b.URL), args: []string{"-nats-addr", "127.0.0.1:0", "-loglevel", "info"}}).wantLog("level=WARN", "-nats-addr", "nats.address")
	for _, flag := range []string{"-addr", "-nats-addr"} {
		for _, config := range []any{nil, cfg} {
			run(t, launch{config: config, args: []string{flag, "nowhere"}}).wantExit(1, flag+": ", "host:port")
		}
	}
}

// TestPrintedConfigurationRuns: what -print-config prints is a configuration, of
// which it prints the same.
func TestPrintedConfigurationRuns(t *testing.T) {
	t.Parallel()
	printed := func(l launch) string {
		t.Helper()
		l.args = append([]string{"-print-config"}, l.args...)
		n := run(t, l)
		n.wantExit(0)
		return n.stdout.String()
	}
	defaults := printed(launch{})
	if again := printed(launch{config: defaults}); again != defaults {
		t.Errorf("%s\nprints\n%s", defaults, again)
	}
	if !json.Valid([]byte(defaults)) || !containsAll(defaults, []string{`"127.0.0.1:4222"`, `"*": {`, `"gpfs_iops": { "frequency": 60, "aggregation": "sum" }`}) {
		t.Errorf("printed %s", defaults)
	}
	n := begin(t, launch{config: defaults, args: []string{"-addr", "127.0.0.1:0", "-nats-addr", "127.0.0.1:0", "-loglevel", "info"}})
	n.awaitReady()
	if n.log.hasLine("level=WARN") {
		t.Error("the printed file gets warnings")
	}
	cfg := baseConfig()
	section(cfg, "nats")["address"], section(cfg, "nats")["username"], section(cfg, "nats")["password"] = "broker", "u", "secret"
	n = run(t, launch{config: cfg, args: []string{"-print-config", "-addr", "127.0.0.1:1"}})
	n.wantExit(0, "(hidden)")
	if text := n.stdout.String(); strings.Contains(text, "secret") || !containsAll(text, []string{`"(hidden)"`, `"127.0.0.1:1"`}) {
		t.Errorf("printed %s", text)
	}
	run(t, launch{config: n.stdout.String()}).wantExit(1, "nats.password", "(hidden)", "put it in")
}

// TestKeysAndTokens: the program makes what its own authentication needs.
func TestKeysAndTokens(t *testing.T) {
	t.Parallel()
	n := run(t, launch{args: []string{"-gen-keypair"}})
	n.wantExit(0)
	pair := map[string]string{}
	for line := range strings.Lines(n.stdout.String()) {
		name, key, _ := strings.Cut(strings.TrimSpace(line), "=")
		pair[name] = key
	}
	token := func(roles string) string {
		t.Helper()
		n := run(t, launch{args: []string{"-gen-token", roles}, env: []string{"JWT_PRIVATE_KEY=" + pair["JWT_PRIVATE_KEY"]}})
		n.wantExit(0, "valid until")
		return "Bearer " + strings.TrimSpace(n.stdout.String())
	}
	n = start(t, withKey(pair["JWT_PUBLIC_KEY"]))
	for _, c := range []struct {
		roles, path string
		status      int
	}{{"none", "/api/debug", 403}, {"api", "/api/debug", 200}, {"other, admin", "/api/debug", 200}, {"none", "/api/write?cluster=alex", 200}} {
		method := map[bool]string{true: "POST", false: "GET"}[strings.Contains(c.path, "write")]
		if a := n.send(method, c.path, "", "Authorization", token(c.roles)); a.status != c.status {
			t.Errorf("%s with %s: %d %s", c.path, c.roles, a.status, a.body)
		}
	}
	for value, says := range map[string]string{"": "no JWT_PRIVATE_KEY", "%": "base64", pair["JWT_PUBLIC_KEY"]: "32 bytes"} {
		run(t, launch{args: []string{"-gen-token", "api"}, env: []string{"JWT_PRIVATE_KEY=" + value}}).wantExit(1, "JWT_PRIVATE_KEY", says)
	}
	demo := begin(t, launch{config: withKey("kzfYrYy+TzpanWZHJ5qSdMj5uKUWgq74BWhQG6copP0=")})
	demo.wantLog("level=WARN", "main.jwt-public-key", "public demo", "-gen-keypair")
}

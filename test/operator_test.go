package test

import (
	"encoding/json"
	"net"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// wantBanner checks that a line of standard output begins with the word and
// holds the others.
func (n *node) wantBanner(what string, words ...string) {
	n.t.Helper()
	for line := range strings.Lines(n.stdout.String()) {
		if strings.HasPrefix(line, "  "+what+" ") {
			if !containsAll(line, words) {
				n.t.Errorf("the banner says %q, want %q", line, words)
			}
			return
		}
	}
	n.t.Errorf("the banner has no line %q:\n%s", what, n.stdout)
}

// TestBanner: with any configuration one banner says what is open, and what opens
// the rest.
func TestBanner(t *testing.T) {
	t.Parallel()
	t.Run("a file without nats", func(t *testing.T) {
		t.Parallel()
		n := begin(t, launch{config: object{
			"main": object{"addr": "127.0.0.1:0"}, "metrics": object{"a": minute(), "b": second(), "c": minute()},
			"metric-store": object{"retention-in-memory": "48h", "memory-cap": 1.5},
		}})
		n.awaitReady()
		n.wantBanner("REST", n.URL, "this machine alone", "main.jwt-public-key")
		n.wantBanner("NATS", "closed", "nats.embedded.addr", "-nats-addr")
		n.wantBanner("subjects", "hpc-nats")
		n.wantBanner("metrics", "1 at 1 s", "2 at 60 s", "no others")
		n.wantBanner("memory", "48h", "1.5 GB")
		n.wantBanner("log", "CC_METRICS", n.launch.dir+"/var/nats")
		n.wantBanner("checkpoints", n.launch.dir+"/var/checkpoints", "30m")
		if !n.stdout.hasLine("cc-metric-store ", n.launch.dir+"/config.json") {
			t.Error("neither version nor configuration is named")
		}
		if n.log.hasLine("level=WARN") {
			t.Error("a good file gets warnings")
		}
	})
	t.Run("embedded", func(t *testing.T) {
		t.Parallel()
		cfg := baseConfig()
		section(cfg, "main")["jwt-public-key"] = newKeyPair(t).config()
		section(section(cfg, "nats"), "embedded")["username"] = "u"
		section(section(cfg, "nats"), "embedded")["password"] = "secret"
		n := begin(t, launch{config: cfg})
		n.awaitReady()
		n.wantBanner("REST", "needs a token")
		n.wantBanner("NATS", "nats://127.0.0.1:0", "free port", "user u")
		n.wantBanner("subjects", "hpc-nats (cluster alex")
		if strings.Contains(n.stdout.String(), "secret") {
			t.Error("the banner gives a password away")
		}
	})
	t.Run("broker", func(t *testing.T) {
		t.Parallel()
		b := startBroker(t, server.Options{JetStream: true, Username: "root", Password: "secret"})
		cfg := brokerConfig(strings.Replace(b.URL, "://", "://root:secret@", 1))
		n := start(t, cfg)
		n.wantBanner("NATS", "broker", strings.TrimPrefix(b.URL, "nats://"))
		n.wantBanner("log", "on the broker", "500000h")
		if strings.Contains(n.stdout.String(), "secret") {
			t.Error("the banner gives a password away")
		}
	})
}

// TestDefaultsOfAFileThatSaysLittle: the metrics and all else of the defaults, at
// the addresses of the flags.
func TestDefaultsOfAFileThatSaysLittle(t *testing.T) {
	t.Parallel()
	for name, text := range map[string]string{"address alone": `{"main":{"addr":"127.0.0.1:0"}}`, "byte order mark": "\xef\xbb\xbf{}"} {
		t.Run(name, func(t *testing.T) {
			t.Parallel()
			n := begin(t, launch{config: text, args: []string{"-addr", "127.0.0.1:0", "-nats-addr", "127.0.0.1:0", "-loglevel", "info"}})
			n.awaitReady()
			n.wantBanner("metrics", "built-in")
			n.write("mem_bw,hostname=h,type=socket,type-id=0 value=1 1760000040\nmem_bw,hostname=h,type=socket,type-id=1 value=2 1760000040\n")
			n.want(hostMetric{"alex", "h", "mem_bw"}, 1760000040, 3)
			n.publish(n.client(), subject, "nfs4_read,cluster=alex,hostname=h,type=node value=7 1760000040\n")
			n.await(hostMetric{"alex", "h", "nfs4_read"}, 1760000040, 7)
		})
	}
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

// TestPortsInUseNameWhatToChange: the key and the flag.
func TestPortsInUseNameWhatToChange(t *testing.T) {
	t.Parallel()
	taken, err := net.Listen("tcp", "127.0.0.1:0")
	if err != nil {
		t.Fatal(err)
	}
	defer func() { _ = taken.Close() }()
	address := taken.Addr().String()
	run(t, launch{args: []string{"-addr", address, "-nats-addr", "127.0.0.1:0"}}).wantExit(1, address, "address already in use", "main.addr", "-addr")
	run(t, launch{args: []string{"-addr", "127.0.0.1:0", "-nats-addr", address}}).wantExit(1, address, "address already in use", "nats.embedded.addr", "-nats-addr")
	run(t, launch{args: []string{"-addr", "192.0.2.1:8080"}}).wantExit(1, "192.0.2.1:8080", "cannot assign", "main.addr")
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

// TestErrorsNameThePlace: the absolute path and the key.
func TestErrorsNameThePlace(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "var"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	l := launch{dir: dir, args: []string{"-addr", "127.0.0.1:0", "-nats-addr", "127.0.0.1:0"}}
	run(t, l).wantExit(1, dir+"/var/nats", "nats.embedded.directory", "not a directory")
	cfg := baseConfig()
	section(cfg, "metric-store")["checkpoints"] = object{"directory": "var/checkpoints"}
	section(cfg, "metric-store")["checkpoint-interval"] = "1s"
	n := begin(t, launch{dir: dir, config: cfg})
	n.awaitReady()
	n.write(ramp("a", 3))
	n.wantLog("no checkpoint could be written", dir+"/var/checkpoints", "last=none")
	n.waitFor("the trouble", func() error {
		if a := n.send("GET", "/readyz", ""); !containsAll(a.body, []string{"metric-store.checkpoints.directory", dir + "/var/checkpoints"}) {
			return os.ErrNotExist
		}
		return nil
	})
	n.stop()
	if strings.Contains(n.log.String(), "0001-01-01") {
		t.Error("the log has a time that is none")
	}
}

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

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

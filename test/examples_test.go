package test

import (
	"fmt"
	"os"
	"path/filepath"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

// TestExamples: -check-config finds no fault in the configurations to begin with.
func TestExamples(t *testing.T) {
	t.Parallel()
	var files []string
	for _, pattern := range []string{"../deploy/examples/*.json", "../deploy/compose/*.json"} {
		found, err := filepath.Glob(pattern)
		if err != nil || len(found) == 0 {
			t.Fatalf("%s: %q, %v", pattern, found, err)
		}
		files = append(files, found...)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			n := run(t, launch{config: string(text), args: []string{"-check-config"}})
			if code := n.exitCode(); code != 0 || n.log.hasLine("level=WARN") {
				t.Errorf("%s: exit status %d: %s%s", file, code, n.stdout, n.log)
			}
		})
	}
}

// TestBesideCCBackend runs the configuration for cc-backend's demo with a broker as the
// demo has it: with a password, and without JetStream.
func TestBesideCCBackend(t *testing.T) {
	t.Parallel()
	cfg := readConfig(t, "../deploy/compose/beside-cc-backend.json")
	user, password := section(cfg, "nats")["username"].(string), section(cfg, "nats")["password"].(string)
	b := startBroker(t, server.Options{Username: user, Password: password})
	section(cfg, "nats")["address"] = b.URL
	section(cfg, "main")["addr"] = "127.0.0.1:0"
	n := start(t, cfg)
	now := time.Now().Unix()
	publisher := connect(t, b.URL, nats.UserInfo(user, password))
	awaitBridge(n, publisher)
	for _, cluster := range []string{"alex", "fritz"} {
		publisher.send(subject, fmt.Sprintf("cpu_load,cluster=%s,hostname=h,type=node value=42.0 %d", cluster, now))
	}
	for _, cluster := range []string{"alex", "fritz"} {
		n.await(hostMetric{cluster, "h", "cpu_load"}, now, 42)
	}
}

package test

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

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

// TestConfigurationsOfSites: configurations as sites have them, of all versions, start as they are.
func TestConfigurationsOfSites(t *testing.T) {
	t.Parallel()
	files, err := filepath.Glob("testdata/configurations/20*.json")
	if err != nil || len(files) < 6 {
		t.Fatal(files, err)
	}
	for _, file := range files {
		t.Run(filepath.Base(file), func(t *testing.T) {
			t.Parallel()
			dir := t.TempDir()
			if err := os.CopyFS(dir, os.DirFS(filepath.Dir(file))); err != nil {
				t.Fatal(err)
			}
			n := begin(t, launch{dir: dir, args: []string{"-config", filepath.Base(file), "-loglevel", "info"}})
			if a := n.send("GET", "/healthz", ""); a.status != 200 {
				t.Errorf("%d %s", a.status, a.body)
			}
			text, err := os.ReadFile(file)
			if err != nil {
				t.Fatal(err)
			}
			archived := strings.Contains(string(text), `"archive"`) && !strings.Contains(string(text), `"delete-instead": true`)
			if got := n.stdout.hasLine("archive", "var/archive"); got != archived {
				t.Errorf("there is an archive: %v, want %v", got, archived)
			}
		})
	}
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

package main

import (
	"context"
	"encoding/json"
	"fmt"
	"io"
	"net/http"
	"os"
	"path/filepath"
	"regexp"
	"strings"
	"testing"
	"time"

	"cc-metric-store/test/testkit"

	"go.uber.org/goleak"
)

func TestMain(m *testing.M) {
	// nats-server keeps one goroutine of its own for the life of a process.
	goleak.VerifyTestMain(m, goleak.IgnoreAnyFunction("github.com/nats-io/nats-server/v2/server.init.0.func1"))
}

func writeConfig(t *testing.T, dir string) string {
	t.Helper()
	data, err := json.Marshal(map[string]any{
		"main":         map[string]any{"addr": "127.0.0.1:0"},
		"metrics":      map[string]any{"cpu_load": map[string]any{"frequency": 60, "aggregation": nil}},
		"nats":         map[string]any{"embedded": map[string]any{"directory": filepath.Join(dir, "nats"), "addr": "127.0.0.1:0"}},
		"metric-store": map[string]any{"retention-in-memory": "48h", "memory-cap": 1, "checkpoints": map[string]any{"directory": filepath.Join(dir, "checkpoints")}},
	})
	if err != nil {
		t.Fatal(err)
	}
	path := filepath.Join(dir, "config.json")
	if err := os.WriteFile(path, data, 0o600); err != nil {
		t.Fatal(err)
	}
	return path
}

// TestRunStopsInOrder starts the whole program in this process, uses it and
// stops it; TestMain then sees whether a goroutine is left.
func TestRunStopsInOrder(t *testing.T) {
	dir := t.TempDir()
	opts := options{config: writeConfig(t, dir), configGiven: true, logLevel: "info"}
	for range 2 {
		var log testkit.LogBuffer
		ctx, cancel := context.WithCancel(context.Background())
		done := make(chan error, 1)
		go func() { done <- run(ctx, opts, io.Discard, &log) }()

		url := waitFor(t, &log, `REST is listening" url=(\S+)`)
		waitFor(t, &log, `msg="(ready): `)
		body := fmt.Sprintf("cpu_load,cluster=c,hostname=h value=1 %d\n", time.Now().Unix())
		r, err := http.Post(url+"/api/write", "text/plain", strings.NewReader(body))
		if err != nil {
			t.Fatal(err)
		}
		r.Body.Close()
		if r.StatusCode != http.StatusOK {
			t.Errorf("write: %s", r.Status)
		}
		http.DefaultClient.CloseIdleConnections()
		cancel()
		if err := <-done; err != nil {
			t.Errorf("run: %v\n%s", err, &log)
		}
		if strings.Contains(log.String(), "level=ERROR") {
			t.Errorf("an undisturbed run logs errors:\n%s", &log)
		}
	}
}

func waitFor(t *testing.T, log *testkit.LogBuffer, pattern string) string {
	t.Helper()
	re := regexp.MustCompile(pattern)
	for end := time.Now().Add(time.Minute); time.Now().Before(end); time.Sleep(time.Millisecond) {
		if m := re.FindStringSubmatch(log.String()); m != nil {
			return m[1]
		}
	}
	t.Fatalf("%q does not appear in the log:\n%s", pattern, log)
	return ""
}

func readFile(t *testing.T, path string) []byte {
	t.Helper()
	b, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	return b
}

func TestRunFailsWhereItCannotStart(t *testing.T) {
	dir := t.TempDir()
	if err := os.WriteFile(filepath.Join(dir, "nats"), nil, 0o600); err != nil {
		t.Fatal(err)
	}
	err := run(context.Background(), options{config: writeConfig(t, dir), configGiven: true, logLevel: "crit"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "start the embedded nats-server") {
		t.Errorf("error %v", err)
	}
	err = run(context.Background(), options{config: filepath.Join(dir, "absent"), configGiven: true, logLevel: "warn"}, io.Discard, io.Discard)
	if err == nil || !strings.Contains(err.Error(), "absent") {
		t.Errorf("error %v", err)
	}
}

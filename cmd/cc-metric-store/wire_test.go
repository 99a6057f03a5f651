package main

import (
	"fmt"
	"os"
	"path/filepath"
	"strings"
	"testing"

	"cc-metric-store/config"
	"cc-metric-store/ingest"
)

// TestReservedSubjectsOfTheLog: config, which does not import ingest, refuses to subscribe
// to what ingest keeps for itself.
func TestReservedSubjectsOfTheLog(t *testing.T) {
	const stream = "hpc"
	subjects := ingest.ReservedSubjects(stream)
	if len(subjects) < 5 {
		t.Fatalf("only %q are reserved", subjects)
	}
	for _, reserved := range subjects {
		for _, subject := range []string{reserved, strings.ReplaceAll(reserved, "*", "x")} {
			text := fmt.Sprintf(`{"nats": {"address": "broker", "stream": {"name": %q}}, "metric-store": {"nats-subscriptions": [{"subscribe-to": %q}]}}`, stream, subject)
			file := filepath.Join(t.TempDir(), "config.json")
			if err := os.WriteFile(file, []byte(text), 0o600); err != nil {
				t.Fatal(err)
			}
			if _, _, err := (config.Overrides{}).Load(file); err == nil || !strings.Contains(err.Error(), "overlaps") {
				t.Errorf("%s, reserved for the log %s: subscribing to %s gives %v", reserved, stream, subject, err)
			}
		}
	}
}

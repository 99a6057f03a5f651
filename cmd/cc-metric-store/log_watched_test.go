package main

import (
	"log/slog"
	"strings"
	"testing"

	"cc-metric-store/config"
)

// TestNothingIsAnsweredBeforeTheCheckpoint: an empty store says nothing about what the
// last run knew, whatever the log would say.
func TestNothingIsAnsweredBeforeTheCheckpoint(t *testing.T) {
	a, err := assemble(config.Default(), options{}, slog.New(slog.DiscardHandler))
	if err != nil {
		t.Fatal(err)
	}
	conditions := map[string]func() error{"ready": a.log.Ready, "answerable": a.log.Answerable, "consistent": a.log.Consistent}
	for name, condition := range conditions {
		if err := condition(); err == nil || !strings.Contains(err.Error(), "loading the newest checkpoint") {
			t.Errorf("%s before the checkpoint is loaded: %v", name, err)
		}
	}
	close(a.log.loaded)
	for name, condition := range conditions {
		if err := condition(); err == nil || strings.Contains(err.Error(), "checkpoint") {
			t.Errorf("%s, with a checkpoint and without a log: %v", name, err)
		}
	}
}

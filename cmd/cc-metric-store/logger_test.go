package main

import (
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// TestNoTimesThatAreNone: what never was has no date in the log.
func TestNoTimesThatAreNone(t *testing.T) {
	var out testkit.LogBuffer
	log, err := newLogger(&out, options{logLevel: "info"})
	if err != nil {
		t.Fatal(err)
	}
	log.With("a", time.Time{}).WithGroup("g").Info("x", "b", time.Time{}.UTC(), "c", time.Unix(0, 0).UTC())
	if got := out.String(); got != "level=INFO msg=x a=none g.b=none g.c=1970-01-01T00:00:00.000Z\n" {
		t.Errorf("got %s", got)
	}
}

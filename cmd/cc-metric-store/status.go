package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// status says in one line whether queries are answered and writes are kept.
func (a *app) status() string {
	s := "answering queries"
	if err := a.log.Answerable(); err != nil {
		s = "not answering queries yet: " + err.Error()
	} else if err := a.log.Ready(); err != nil {
		s += " from before the start: " + err.Error()
	} else if err := errors.Join(a.log.Writable(), a.degraded()); err != nil {
		s += ", but " + err.Error()
	}
	return strings.ReplaceAll(s, "\n", "; ")
}

// degraded returns what an operator has to see to although everything is answered, nil
// if there is nothing.
func (a *app) degraded() error {
	return errors.Join(a.ingest.Degraded(), a.checkpointsDegraded(), a.store.ArchiveError(), a.embedded.server.Damage(), a.imports.degraded())
}

// checkpointsDegraded returns why no checkpoint can be written, nil if they can.
func (a *app) checkpointsDegraded() error {
	if a.checkpoints == nil {
		return nil
	}
	s := a.checkpoints.Stats()
	if s.Err == nil {
		return nil
	}
	last := "there is none yet"
	if !s.Last.IsZero() {
		last = "the newest one is of " + s.Last.UTC().Format(time.RFC3339)
	}
	return fmt.Errorf("no checkpoint can be written to %s, metric-store.checkpoints.directory (%s): %w", a.checkpointConfig.Directory, last, s.Err)
}

package main

import (
	"errors"
	"fmt"
	"strings"
	"time"
)

// status is one line.
func (a *app) status() string {
	s := "answering queries"
	if err := a.log.Answerable(); err != nil {
		s = "not answering queries yet: " + err.Error()
	} else if err := a.log.Ready(); err != nil {
		s += " from before the start: " + err.Error()
	} else if err := errors.Join(a.log.Writable(), a.trouble()); err != nil {
		s += ", but " + err.Error()
	}
	return strings.ReplaceAll(s, "\n", "; ")
}

// trouble returns what an operator has to see to although all is answered.
func (a *app) trouble() error {
	return errors.Join(a.ingest.Trouble(), a.checkpointTrouble(), a.embedded.server.Damage())
}

func (a *app) checkpointTrouble() error {
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
	return fmt.Errorf("no checkpoint can be written to %s, metric-store.checkpoints.directory (%s): %w", a.config.Directory, last, s.Err)
}

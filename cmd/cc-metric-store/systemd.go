package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// statusInterval is how often the status is looked at.
const statusInterval = time.Second

// notify sends a state to the service manager, if there is one. An error means that who
// asked to be notified is gone.
func notify(state string) { _, _ = daemon.SdNotify(false, state) }

// reportStatus tells the service manager the status of the program, in words, whenever
// it has changed, until ctx ends. READY was sent when REST began to listen: it cannot
// wait for the replay, as the broker may be away for longer than a start may take.
func (a *app) reportStatus(ctx context.Context) error {
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for last := ""; ; {
		if s := a.status(); s != last {
			notify("STATUS=" + s)
			last = s
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

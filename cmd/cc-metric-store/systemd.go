package main

import (
	"context"
	"time"

	"github.com/coreos/go-systemd/v22/daemon"
)

// statusInterval is how often the service manager may hear something new.
const statusInterval = time.Second

// reportStatus tells the service manager, if there is one, in words how the
// program is, until ctx ends. READY was sent when REST began to listen: it
// cannot wait for the replay, as the broker may be away for longer than any
// start may take.
func (a *app) reportStatus(ctx context.Context) error {
	tick := time.NewTicker(statusInterval)
	defer tick.Stop()
	for last := ""; ; {
		if s := a.status(); s != last {
			// An error means that the one who asked to be notified is gone.
			_, _ = daemon.SdNotify(false, "STATUS="+s)
			last = s
		}
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
	}
}

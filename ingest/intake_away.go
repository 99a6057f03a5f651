package ingest

import (
	"context"
	"sync"
	"time"
)

// keepAway lets publishers go to another node of the cluster, if there is one, until the function
// that it returns is called. What they have sent before is taken.
func (k *intake) keepAway(ctx context.Context) (done func()) {
	if !k.in.cfg.Clustered {
		return func() {}
	}
	server, err := k.in.embedded(ctx)
	if err != nil {
		return func() {} // it does not run, so that nobody is connected
	}
	server.Disconnect()
	stop, closing := make(chan struct{}), sync.WaitGroup{}
	closing.Go(func() {
		again := time.NewTicker(keepAwayInterval)
		defer again.Stop()
		for {
			select {
			case <-again.C:
				server.Disconnect()
			case <-stop:
				return
			}
		}
	})
	return func() {
		close(stop)
		closing.Wait()
	}
}

// keepAwayInterval is how long a publisher may be connected to a node that takes nothing more.
const keepAwayInterval = 5 * time.Millisecond

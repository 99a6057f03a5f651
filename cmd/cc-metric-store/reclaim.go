package main

import (
	"context"
	"runtime/debug"
	"time"
)

const (
	// reclaimInterval is how often it is looked whether memory can be given back.
	reclaimInterval = 15 * time.Second
	// reclaimBytes of the log are worth the collections.
	reclaimBytes = 64 << 20
)

// reclaim gives memory back to the system when the store has caught up after it
// has read a good part of the log, until ctx ends. What a burst leaves behind,
// most of it buffers that the embedded NATS server keeps to use again, would
// otherwise stay until so much garbage has gathered that a collection is due; on a
// calm site that takes hours.
func (a *app) reclaim(ctx context.Context) error {
	tick := time.NewTicker(reclaimInterval)
	defer tick.Stop()
	for last := int64(0); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		s := a.log.Stats()
		if s.LagEntries > 0 || s.Bytes-last < reclaimBytes {
			continue
		}
		last = s.Bytes
		// Buffers that are kept to be used again survive one collection.
		debug.FreeOSMemory()
		debug.FreeOSMemory()
	}
}

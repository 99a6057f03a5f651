package main

import (
	"context"
	"os"
	"runtime/debug"
	"runtime/metrics"
	"time"
)

const (
	// gcPercent is how much garbage may gather beside what is in use. Samples
	// lie in few large pieces without pointers, so a collection costs little, and
	// what it saves is memory for samples.
	gcPercent = 30
	// gcHeadroom may gather in any case while much of the log is read: if little is
	// in use, collections would follow each other so closely that buffers, which they
	// take away from those who keep them, are made anew all the time. A replay then
	// takes three times the CPU.
	gcHeadroom = 128 << 20
	// memoryReserve is for all that is not samples: messages on their way, the
	// caches of the embedded NATS server, answers.
	memoryReserve = 1 << 30
)

// collector paces the garbage collector as far as GOGC does not.
type collector struct {
	percent int // as set now, 0: GOGC has set it
}

// newCollector sets the limit of memory and the first pace, as far as GOMEMLIMIT
// and GOGC are not set: with a memory cap, the whole process keeps to the cap, a
// quarter of it, and memoryReserve, if it can.
func newCollector(memoryCap int64) *collector {
	if os.Getenv("GOMEMLIMIT") == "" && memoryCap > 0 {
		debug.SetMemoryLimit(memoryCap + memoryCap/4 + memoryReserve)
	}
	c := &collector{}
	if os.Getenv("GOGC") == "" {
		c.set(gcPercentFor(0, true))
	}
	return c
}

func (c *collector) set(percent int) {
	c.percent = percent
	debug.SetGCPercent(percent)
}

// gcPercentFor returns the pace when so many bytes are in use. busy says that
// much of the log is being read.
func gcPercentFor(live uint64, busy bool) int {
	if !busy {
		return gcPercent
	}
	const least = 8 << 20 // the program itself
	return max(gcPercent, int(gcHeadroom*100/max(live, least)))
}

const (
	// paceInterval is how often the pace follows what is in use.
	paceInterval = time.Second
	// busyBytes of the log in a paceInterval are much.
	busyBytes = 2 << 20
	// reclaimBytes of the log are worth the collections that give memory back.
	reclaimBytes = 64 << 20
	// calm is for how many intervals there was little to read by then: nats-server
	// keeps what was written or read for ten seconds.
	calm = 13
)

// follow keeps the pace, until ctx ends, and gives memory back to the system when
// the store has caught up after it has read a good part of the log. What a burst
// leaves behind, most of it buffers that the embedded NATS server keeps to use
// again, would otherwise stay until so much garbage has gathered that a collection
// is due; on a calm site that takes hours.
func (c *collector) follow(ctx context.Context, a *app) error {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(paceInterval)
	defer tick.Stop()
	quiet := 0 // intervals
	for read, reclaimed := int64(0), int64(0); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		s := a.ingest.Stats()
		busy := s.LagEntries > 0 || s.Bytes-read >= busyBytes
		read = s.Bytes
		if quiet++; busy {
			quiet = 0
		}
		if c.percent != 0 {
			metrics.Read(live)
			// Each setting stops the program for a moment.
			if p := gcPercentFor(live[0].Value.Uint64(), busy); p < c.percent*4/5 || p > c.percent*5/4 {
				c.set(p)
			}
		}
		if quiet == calm && read-reclaimed >= reclaimBytes {
			reclaimed = read
			a.ingest.Shrink()
			// Buffers that are kept to be used again survive one collection.
			debug.FreeOSMemory()
			debug.FreeOSMemory()
		}
	}
}

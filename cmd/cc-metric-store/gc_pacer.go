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
	// gcHeadroom may gather in any case while much of the log is read. If little is
	// in use, collections would follow each other so closely that the buffers of pools,
	// which a collection empties, are made anew all the time. A replay would take three
	// times the CPU.
	gcHeadroom = 128 << 20
	// memoryReserve is for all that is not samples: messages on their way, the caches
	// of the embedded NATS server, answers.
	memoryReserve = 1 << 30
)

// gcPacer sets how much garbage may gather before it is collected, unless the
// environment variable GOGC does.
type gcPacer struct {
	percent int // as set now, 0: GOGC has set it
}

// newGCPacer sets the limit of memory and the first pace, as far as GOMEMLIMIT and
// GOGC are not set. With a memory cap, the limit of the whole process is the cap, a
// quarter of it, and memoryReserve.
func newGCPacer(memoryCap int64) *gcPacer {
	if os.Getenv("GOMEMLIMIT") == "" && memoryCap > 0 {
		debug.SetMemoryLimit(memoryCap + memoryCap/4 + memoryReserve)
	}
	p := &gcPacer{}
	if os.Getenv("GOGC") == "" {
		p.set(gcPercentFor(0, true))
	}
	return p
}

func (p *gcPacer) set(percent int) {
	p.percent = percent
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
	// paceInterval is how often the pace is adapted to what is in use.
	paceInterval = time.Second
	// busyBytes is how much of the log is read in a paceInterval while much is.
	busyBytes = 2 << 20
	// reclaimBytes is from how much of the log on the collections that give memory
	// back are worth their while.
	reclaimBytes = 64 << 20
	// calmIntervals is how many paceIntervals with little to read come before that:
	// nats-server keeps what was written or read for ten seconds.
	calmIntervals = 13
)

// run keeps the pace until ctx ends. read returns how many bytes of the log were read
// since the start, and whether the store is behind the log. When the store has caught
// up after it has read a good part of the log, run calls shrink and gives memory back
// to the system. Most of what a burst leaves behind is buffers that the embedded NATS
// server keeps to use again; on a calm site, hours would pass until so much garbage has
// gathered that a collection is due.
func (p *gcPacer) run(ctx context.Context, read func() (bytes int64, behind bool), shrink func()) error {
	live := []metrics.Sample{{Name: "/gc/heap/live:bytes"}}
	tick := time.NewTicker(paceInterval)
	defer tick.Stop()
	quiet := 0 // intervals
	for before, reclaimed := int64(0), int64(0); ; {
		select {
		case <-tick.C:
		case <-ctx.Done():
			return nil
		}
		bytes, behind := read()
		busy := behind || bytes-before >= busyBytes
		before = bytes
		if quiet++; busy {
			quiet = 0
		}
		if p.percent != 0 {
			metrics.Read(live)
			// Each setting stops the program for a moment.
			if next := gcPercentFor(live[0].Value.Uint64(), busy); next < p.percent*4/5 || next > p.percent*5/4 {
				p.set(next)
			}
		}
		if quiet == calmIntervals && bytes-reclaimed >= reclaimBytes {
			reclaimed = bytes
			shrink()
			// Buffers that are kept to be used again survive one collection.
			debug.FreeOSMemory()
			debug.FreeOSMemory()
		}
	}
}

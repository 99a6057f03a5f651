package main

import (
	"os"
	"runtime/debug"
)

const (
	// gcPercent is how much garbage may gather beside what is in use. Samples
	// lie in few large pieces without pointers, so a collection costs little, and
	// what it saves is memory for samples.
	gcPercent = 30
	// memoryReserve is for all that is not samples: messages on their way, the
	// caches of the embedded NATS server, answers.
	memoryReserve = 1 << 30
)

// tuneCollector sets the garbage collector, as far as GOGC and GOMEMLIMIT are
// not set: with a memory cap, the whole process keeps to the cap, a quarter of
// it, and memoryReserve, if it can.
func tuneCollector(memoryCap int64) {
	if os.Getenv("GOGC") == "" {
		debug.SetGCPercent(gcPercent)
	}
	if os.Getenv("GOMEMLIMIT") == "" && memoryCap > 0 {
		debug.SetMemoryLimit(memoryCap + memoryCap/4 + memoryReserve)
	}
}

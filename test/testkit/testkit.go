// Package testkit is what the tests of all packages share: the source of random
// numbers, a buffer for log lines, waiting and free ports. No program imports it.
package testkit

import (
	"bytes"
	"math/rand/v2"
	"os"
	"strconv"
	"strings"
	"sync"
	"testing"
)

// Seed returns the seed of a random test: the environment variable SEED, or a
// new one. It is logged, so that a failure shows how to repeat the run.
func Seed(tb testing.TB) uint64 {
	tb.Helper()
	seed := rand.Uint64()
	if text := os.Getenv("SEED"); text != "" {
		var err error
		if seed, err = strconv.ParseUint(text, 10, 64); err != nil {
			tb.Fatalf("read the environment variable SEED: %v", err)
		}
	}
	tb.Logf("SEED=%d repeats this run", seed)
	return seed
}

// Rand returns a source of random numbers with the seed of Seed. It is not safe
// for concurrent use: a goroutine that needs one gets its own, seeded from it.
func Rand(tb testing.TB) *rand.Rand {
	tb.Helper()
	return rand.New(rand.NewPCG(Seed(tb), 0))
}

// LogBuffer collects what is written to it. The zero value is empty. It is safe
// for concurrent use.
type LogBuffer struct {
	mu   sync.Mutex
	text bytes.Buffer
}

// Write implements io.Writer.
func (b *LogBuffer) Write(p []byte) (int, error) {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.Write(p)
}

// String returns all that was written so far.
func (b *LogBuffer) String() string {
	b.mu.Lock()
	defer b.mu.Unlock()
	return b.text.String()
}

// Contains reports whether text was written.
func (b *LogBuffer) Contains(text string) bool { return strings.Contains(b.String(), text) }

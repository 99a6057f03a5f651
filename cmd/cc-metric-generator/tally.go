package main

import (
	"sync"
	"sync/atomic"
)

// tally counts what a run has sent and what came of it. All methods and
// counters are safe for concurrent use.
type tally struct {
	hostTicks    atomic.Int64 // hosts sent, once for each tick
	samples      atomic.Int64 // lines in the messages sent
	messages     atomic.Int64 // messages sent, each counted once however often it was tried
	bytes        atomic.Int64 // bodies of these messages
	acknowledged atomic.Int64 // messages that the other side has confirmed
	retries      atomic.Int64 // repeated attempts
	errors       atomic.Int64

	mu         sync.Mutex
	firstError error // guarded by mu
}

// sent counts a message that was handed to the other side.
func (t *tally) sent(m message) {
	t.samples.Add(int64(m.lines))
	t.messages.Add(1)
	t.bytes.Add(int64(len(m.body)))
}

// fail counts an error and keeps the first one for the summary.
func (t *tally) fail(err error) {
	t.errors.Add(1)
	t.mu.Lock()
	defer t.mu.Unlock()
	if t.firstError == nil {
		t.firstError = err
	}
}

// first returns the first error, or nil.
func (t *tally) first() error {
	t.mu.Lock()
	defer t.mu.Unlock()
	return t.firstError
}

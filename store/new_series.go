package store

import "sync"

// newSeries is how many series may still be made in a second of the log.
type newSeries struct {
	mu sync.Mutex
	// Guarded by mu.
	begun     bool
	second    int64 // Unix seconds
	remaining int
}

// allow uses up one of the series that may be made in the second, of which there are
// max. Seconds are those in which the log took the entries, so that a replay
// decides as before; entries of several hosts may come a little out of order.
func (n *newSeries) allow(second int64, max int) bool {
	n.mu.Lock()
	defer n.mu.Unlock()
	if !n.begun || second > n.second || second < n.second-60 { // later, or of another log
		n.begun, n.second, n.remaining = true, second, max
	}
	if n.remaining == 0 {
		return false
	}
	n.remaining--
	return true
}

package store

import "sync"

// newSeries limits the new series in a second of the log (Config.MaxNewSeries). It is safe for
// concurrent use.
type newSeries struct {
	mu sync.Mutex
	// Guarded by mu.
	begun     bool
	second    int64 // Unix seconds
	remaining int
}

// allow uses up one of the max new series of the second, and returns false if none remains. The
// second is the time of the entry in the log (Unix seconds), so that a replay decides as
// before. Entries of several hosts may come a little out of order: an earlier second counts as
// the present one.
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

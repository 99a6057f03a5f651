package rest

import (
	"bytes"
	"log/slog"
	"sync"
	"time"
)

// serverLog takes what http.Server has to tell. That a client did not get as far as a
// request is its own affair, and anybody can cause it at any rate: an operator sees
// the first line of a minute.
type serverLog struct {
	logger *slog.Logger

	mu sync.Mutex
	// Guarded by mu.
	warned time.Time
	held   int // lines that were not shown since
}

// Write implements io.Writer.
func (l *serverLog) Write(line []byte) (int, error) {
	text := clip(string(bytes.TrimSpace(line)))
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(line, []byte("TLS handshake error")) {
		l.logger.Debug(text)
		return len(line), nil
	}
	if now := time.Now(); now.Sub(l.warned) >= warnInterval {
		l.logger.Warn(text, "others_since_the_last_warning", l.held)
		l.warned, l.held = now, 0
	} else {
		l.held++
	}
	return len(line), nil
}

package rest

import (
	"bytes"
	"log/slog"
	"sync"
	"time"
)

// serverLogger logs what http.Server reports: clients that did not get as far as a
// request. Anybody can cause that at any rate, so there is one warning a minute. It is
// safe for concurrent use.
type serverLogger struct {
	logger *slog.Logger

	mu sync.Mutex
	// Guarded by mu.
	warned     time.Time // when a line was logged last
	suppressed int       // lines since then that were not logged
}

// Write implements io.Writer.
func (l *serverLogger) Write(line []byte) (int, error) {
	text := clip(string(bytes.TrimSpace(line)))
	l.mu.Lock()
	defer l.mu.Unlock()
	if bytes.Contains(line, []byte("TLS handshake error")) {
		l.logger.Debug(text)
		return len(line), nil
	}
	if now := time.Now(); now.Sub(l.warned) >= warnInterval {
		l.logger.Warn(text, "others_since_the_last_warning", l.suppressed)
		l.warned, l.suppressed = now, 0
	} else {
		l.suppressed++
	}
	return len(line), nil
}

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
	if bytes.Contains(line, []byte("TLS handshake error")) {
		l.logger.Debug(text)
	} else if suppressed, due := l.due(time.Now()); due {
		l.logger.Warn(text, "others_since_the_last_warning", suppressed)
	}
	return len(line), nil
}

// due reports whether a line is to be logged, and how many were suppressed since the last
// one.
func (l *serverLogger) due(now time.Time) (suppressed int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	if now.Sub(l.warned) < warnInterval {
		l.suppressed++
		return 0, false
	}
	suppressed, l.warned, l.suppressed = l.suppressed, now, 0
	return suppressed, true
}

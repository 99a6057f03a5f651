package embedded

import (
	"context"
	"errors"
	"fmt"
	"log/slog"
	"strings"
	"sync"
	"time"
)

// serverLogger passes the log lines of nats-server to a slog.Logger. Notices become debug lines:
// they matter only to someone who debugs the broker. It is safe for concurrent use.
type serverLogger struct {
	logger *slog.Logger
	now    func() time.Time

	// gaveUp is closed at the first fatal error. The server goes on without what failed, which
	// is of no use here.
	gaveUp chan struct{}
	once   sync.Once

	mu sync.Mutex
	// Guarded by mu.
	last, warned string                 // the newest ones
	logged       map[string]*loggedLine // within the last minute, by text
}

// loggedLine is a line that is not logged again within a minute.
type loggedLine struct {
	at       time.Time
	repeated int // since then
}

// maxLoggedLines bounds how many lines are remembered.
const maxLoggedLines = 64

func newServerLogger(logger *slog.Logger) *serverLogger {
	return &serverLogger{logger: logger, now: time.Now, gaveUp: make(chan struct{}), logged: map[string]*loggedLine{}}
}

// expected reports whether a warning is about a setting that is chosen on purpose, or about what
// passes by itself.
func expected(text string) bool {
	return strings.HasPrefix(text, "Maximum payloads over") ||
		strings.HasPrefix(text, "Plaintext passwords detected") || // we log in with it ourselves
		// They come each time that Watch asks a server of a cluster while it works.
		strings.Contains(text, "Falling behind in health check") || strings.Contains(text, "no longer falling behind") ||
		strings.HasPrefix(text, "Metalayer blocking snapshot")
}

func (l *serverLogger) Noticef(format string, v ...any) { l.logger.Debug(line(format, v)) }
func (l *serverLogger) Debugf(format string, v ...any)  { l.logger.Debug(line(format, v)) }
func (l *serverLogger) Tracef(format string, v ...any)  { l.logger.Debug(line(format, v)) }

func (l *serverLogger) Warnf(format string, v ...any) {
	if expected(fmt.Sprintf(format, v...)) {
		return
	}
	text := line(format, v)
	l.mu.Lock()
	l.warned = text
	l.mu.Unlock()
	l.logLine(slog.LevelWarn, text)
}

func (l *serverLogger) Errorf(format string, v ...any) { l.failure(line(format, v)) }

func (l *serverLogger) Fatalf(format string, v ...any) {
	l.failure(line(format, v))
	l.once.Do(func() { close(l.gaveUp) })
}

// failure logs an error and keeps it for lastError.
func (l *serverLogger) failure(text string) {
	l.mu.Lock()
	l.last = text
	l.mu.Unlock()
	l.logLine(slog.LevelError, text)
}

// logLine logs a line, but the same one at most once a minute: the server repeats some for each
// message.
func (l *serverLogger) logLine(level slog.Level, text string) {
	l.mu.Lock()
	before, now := l.logged[text], l.now()
	if before != nil && now.Sub(before.at) < time.Minute && !now.Before(before.at) {
		before.repeated++
		l.mu.Unlock()
		return
	}
	if before == nil && len(l.logged) >= maxLoggedLines {
		clear(l.logged)
	}
	l.logged[text] = &loggedLine{at: now}
	l.mu.Unlock()
	if before != nil && before.repeated > 0 {
		l.logger.Log(context.Background(), level, text, "repeated", before.repeated)
		return
	}
	l.logger.Log(context.Background(), level, text)
}

// lastError returns the newest error that the server logged, nil if none.
func (l *serverLogger) lastError() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.last == "" {
		return nil
	}
	return errors.New(l.last)
}

// lastWarning returns the newest warning that the server logged.
func (l *serverLogger) lastWarning() error {
	l.mu.Lock()
	defer l.mu.Unlock()
	if l.warned == "" {
		return errors.New("it does not say why")
	}
	return errors.New(l.warned)
}

// line formats a line of nats-server.
func line(format string, v []any) string {
	return "embedded nats-server: " + fmt.Sprintf(format, v...)
}

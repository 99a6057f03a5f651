package rest

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// accessLogger writes one line for each request. A 5xx is a warning, of each kind once a
// minute: anybody can ask at any rate. It is safe for concurrent use.
type accessLogger struct {
	*slog.Logger

	mu     sync.Mutex
	warned map[failure]*warning // guarded by mu
}

// failure is a kind of 5xx. There are few.
type failure struct {
	endpoint string
	status   int
}

// warning is the last one of a kind.
type warning struct {
	at         time.Time
	suppressed int // failures since that were not warned of
}

func newAccessLogger(l *slog.Logger) *accessLogger {
	return &accessLogger{Logger: l, warned: map[failure]*warning{}}
}

// logRequest writes the line of a request that was answered.
func (l *accessLogger) logRequest(c echo.Context, status int, begin time.Time, err error) {
	r := c.Request()
	level, suppressed := slog.LevelDebug, 0
	// That the program is not ready is said elsewhere, and probes ask often.
	if status >= http.StatusInternalServerError && r.URL.Path != "/readyz" {
		var due bool
		if suppressed, due = l.due(failure{endpoint(r.URL.Path), status}, time.Now()); due {
			level = slog.LevelWarn
		}
	}
	if !l.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
		slog.String("id", requestID(c)),
		slog.String("method", r.Method),
		slog.String("path", clip(r.URL.Path)),
		slog.Int("status", status),
		slog.Int64("bytes", c.Response().Size),
		slog.Duration("took", time.Since(begin)),
		slog.String("client", r.RemoteAddr),
	}
	if err != nil {
		attrs = append(attrs, slog.Any("error", err))
	}
	if suppressed > 0 {
		attrs = append(attrs, slog.Int("others_since_the_last_warning", suppressed))
	}
	l.LogAttrs(r.Context(), level, "request", attrs...)
}

// due reports whether a failure is to be warned of, and how many were suppressed since
// the last warning of its kind.
func (l *accessLogger) due(f failure, now time.Time) (suppressed int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.warned[f]
	switch {
	case w == nil:
		l.warned[f] = &warning{at: now}
		return 0, true
	case now.Sub(w.at) < warnInterval:
		w.suppressed++
		return 0, false
	}
	suppressed, w.at, w.suppressed = w.suppressed, now, 0
	return suppressed, true
}

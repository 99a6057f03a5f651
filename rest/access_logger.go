package rest

import (
	"log/slog"
	"net/http"
	"sync"
	"time"

	"github.com/labstack/echo/v4"
)

// accessLogger writes one line for each request. What fails for the server's sake is a
// warning, of each kind once in a while: anybody can ask at any rate.
type accessLogger struct {
	*slog.Logger

	mu     sync.Mutex
	warned map[failure]*warning // guarded by mu
}

// failure is a kind of them: there are few.
type failure struct {
	endpoint string
	status   int
}

// warning is when one was written, and how many were not since.
type warning struct {
	at   time.Time
	held int
}

func newAccessLogger(l *slog.Logger) *accessLogger {
	return &accessLogger{Logger: l, warned: map[failure]*warning{}}
}

func (l *accessLogger) log(c echo.Context, status int, begin time.Time, err error) {
	r := c.Request()
	level, held := slog.LevelDebug, 0
	// That the program is not ready is said elsewhere, and probes ask often.
	if status >= http.StatusInternalServerError && r.URL.Path != "/readyz" {
		var due bool
		if held, due = l.due(failure{endpoint(r.URL.Path), status}, time.Now()); due {
			level = slog.LevelWarn
		}
	}
	if !l.Enabled(r.Context(), level) {
		return
	}
	attrs := []slog.Attr{
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
	if held > 0 {
		attrs = append(attrs, slog.Int("others_since_the_last_warning", held))
	}
	l.LogAttrs(r.Context(), level, "request", attrs...)
}

// due reports whether a failure is to be warned of, and how many were not since the
// last time.
func (l *accessLogger) due(f failure, now time.Time) (held int, due bool) {
	l.mu.Lock()
	defer l.mu.Unlock()
	w := l.warned[f]
	switch {
	case w == nil:
		l.warned[f] = &warning{at: now}
		return 0, true
	case now.Sub(w.at) < warnInterval:
		w.held++
		return 0, false
	}
	held, w.at, w.held = w.held, now, 0
	return held, true
}

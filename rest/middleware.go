package rest

import (
	"errors"
	"fmt"
	"net/http"
	"runtime/debug"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// endpoint returns the name of the endpoint that a path leads to, "other" for what is not
// below /api. There are few names, as they are labels of metrics.
func endpoint(path string) string {
	if path == influxWrite1 {
		return "write"
	}
	name, _, _ := strings.Cut(strings.TrimPrefix(path, "/api/"), "/")
	switch name {
	case "query", "write", "free", "debug", "healthcheck", "page", "export", "v1", "v2": // the last two are Prometheus' and InfluxDB's
		return name
	}
	return "other"
}

// instrument is around every handler: it names the request, answers errors, survives
// panics, writes the access log and calls Config.Observe.
func (a *api) instrument(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		begin := time.Now()
		nameRequest(c)
		cl := newClient(c)
		a.clients.add(cl)
		defer a.clients.remove(cl)
		err := a.recoverPanic(next, c)
		status := c.Response().Status
		torn := false
		if err != nil {
			status = statusOf(c.Request(), err)
			torn = c.Response().Committed || status == statusGone
		}
		if err != nil && !torn {
			torn = answerError(c, status, err) != nil
		}
		a.logger.logRequest(c, status, begin, err)
		if a.observe != nil {
			a.observe(endpoint(c.Request().URL.Path), status, time.Since(begin))
		}
		if torn {
			// Returning would end the answer in order, and the client would take what
			// was sent for the whole.
			if !c.Request().ProtoAtLeast(1, 1) {
				breakOff(c.Request().Context())
			}
			panic(http.ErrAbortHandler)
		}
		return nil
	}
}

// recoverPanic calls a handler. It turns a panic into an error, and echo's error for a
// path without a route into ours.
func (a *api) recoverPanic(next echo.HandlerFunc, c echo.Context) (err error) {
	defer func() {
		if p := recover(); p != nil {
			a.logger.Error("panic in a request handler",
				"id", requestID(c), "panic", fmt.Sprint(p), "method", c.Request().Method, "path", c.Request().URL.Path, "stack", string(debug.Stack()))
			err = refuse(http.StatusInternalServerError, errPanic)
		}
	}()
	if err := next(c); !errors.Is(err, echo.ErrNotFound) {
		return err
	}
	return refuse(http.StatusNotFound, errNotFound)
}

// requireView answers 503 while the store lacks a part of the log that may come soon: an
// answer could contradict one given before the program was restarted.
func (a *api) requireView(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := a.log.Answerable(); err != nil {
			return refuse(http.StatusServiceUnavailable, err)
		}
		return next(c)
	}
}

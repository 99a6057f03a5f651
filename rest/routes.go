package rest

import (
	"errors"
	"net/http"
	"strings"
	"time"

	"github.com/labstack/echo/v4"
)

// class groups the endpoints that need the same roles.
type class string

const (
	classQuery class = "query"
	classWrite class = "write"
	classFree  class = "free"
	classDebug class = "debug"
)

// api answers the requests.
type api struct {
	store    Store
	log      Log
	auth     *authenticator // nil: everybody may do everything
	logger   *accessLogger
	replies  *replyPools
	gates    *gates
	clients  clients
	degraded func() error                                          // optional
	watch    func(endpoint string, status int, took time.Duration) // optional
}

func newAPI(cfg Config, set settings, s Store, l Log) *api {
	a := &api{store: s, log: l, logger: newAccessLogger(cfg.Logger), replies: newReplyPools(), gates: newGates(), degraded: cfg.Degraded, watch: cfg.Observe}
	if set.key != nil {
		a.auth = newAuthenticator(set.key, set.need)
	}
	return a
}

// routes returns the handler of all paths. Each endpoint has its path with and
// without a slash at the end, and everything below the former.
func (a *api) routes(cfg Config) (http.Handler, error) {
	e := echo.New()
	e.Use(a.observe)

	read := []string{http.MethodGet, http.MethodHead, http.MethodPost}
	view := []echo.MiddlewareFunc{a.requireView}
	a.endpoint(e, "query", classQuery, read, a.query, view...)
	a.endpoint(e, "healthcheck", classQuery, read, a.healthCheck, view...)
	a.endpoint(e, "debug", classDebug, read, a.debug, view...)
	a.endpoint(e, "write", classWrite, []string{http.MethodPost, http.MethodPut}, a.write)
	a.endpoint(e, "free", classFree, []string{http.MethodPost}, a.free)

	get := []string{http.MethodGet, http.MethodHead}
	add(e, "/", get, welcome(cfg))
	add(e, "/healthz", get, a.alive)
	add(e, "/readyz", get, a.ready)
	if cfg.Metrics != nil {
		add(e, "/metrics", get, echo.WrapHandler(cfg.Metrics))
	}
	if cfg.Dev {
		if err := addSwagger(e, get, cfg.Version); err != nil {
			return nil, err
		}
	}
	return e, nil
}

func (a *api) endpoint(e *echo.Echo, name string, c class, methods []string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) {
	if a.auth != nil {
		m = append([]echo.MiddlewareFunc{a.auth.require(c)}, m...)
	}
	add(e, "/api/"+name, methods, h, m...)
	add(e, "/api/"+name+"/*", methods, h, m...)
}

// add routes the methods of a path to h and all others to a 405. Without the
// latter echo would answer OPTIONS and offer it in Allow.
func add(e *echo.Echo, path string, methods []string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) {
	for _, method := range methods {
		e.Add(method, path, h, m...)
	}
	allow := strings.Join(methods, ", ")
	e.RouteNotFound(path, func(c echo.Context) error {
		c.Response().Header().Set(echo.HeaderAllow, allow)
		return refuse(http.StatusMethodNotAllowed, errMethod)
	})
}

// requireView refuses to answer from a store that lacks a part of the log, as long
// as that may come soon: such an answer could contradict one given before the
// program was restarted.
func (a *api) requireView(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		if err := a.log.Answerable(); err != nil {
			return refuse(http.StatusServiceUnavailable, err)
		}
		return next(c)
	}
}

// welcome returns what tells who comes with a browser or curl what this is.
func welcome(cfg Config) echo.HandlerFunc {
	text := "cc-metric-store " + cfg.Version + `: an in-memory store for the metrics of HPC clusters

/readyz           whether it answers and keeps what it is sent, otherwise the reason
/healthz          whether it lives
`
	if cfg.Metrics != nil {
		text += "/metrics          its own metrics, for Prometheus\n"
	}
	text += `/api/query        samples, asked for with JSON
/api/write        takes samples as line protocol
/api/healthcheck  which hosts and metrics have recent samples
/api/debug        what it holds
/api/free         drops old samples
`
	if cfg.Dev {
		text += "/swagger/         the same in full, to try out\n"
	} else {
		text += "Started with -dev, it describes them at /swagger/.\n"
	}
	return func(c echo.Context) error { return c.String(http.StatusOK, text) }
}

func (a *api) alive(c echo.Context) error {
	return c.String(http.StatusOK, "ok\n")
}

// ready answers 503 if the log cannot be read or written: a node that answers but
// loses what it is sent needs somebody, too. Conditions that clients do not feel yet
// are named in the body of a 200.
func (a *api) ready(c echo.Context) error {
	if err := errors.Join(a.log.Ready(), a.log.Writable()); err != nil {
		return refuse(http.StatusServiceUnavailable, err)
	}
	if a.degraded != nil {
		if err := a.degraded(); err != nil {
			return c.String(http.StatusOK, "ready, but "+err.Error()+"\n")
		}
	}
	return c.String(http.StatusOK, "ready\n")
}

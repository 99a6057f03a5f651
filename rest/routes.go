package rest

import (
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

// routes returns the handler of all paths. An endpoint answers its path with and without
// a slash at the end, and all paths below it.
func (a *api) routes(cfg Config) (http.Handler, error) {
	e := echo.New()
	e.Use(a.instrument)

	read := []string{http.MethodGet, http.MethodHead, http.MethodPost}
	view := []echo.MiddlewareFunc{a.requireView, a.awaitPosition}
	a.endpoint(e, "query", classQuery, read, a.query, view...)
	a.endpoint(e, "healthcheck", classQuery, read, a.healthCheck, view...)
	a.endpoint(e, "debug", classDebug, read, a.debug, view...)
	a.endpoint(e, "export", classQuery, []string{http.MethodGet, http.MethodHead}, a.export, view...)
	a.endpoint(e, "write", classWrite, []string{http.MethodPost, http.MethodPut}, a.write)
	a.endpoint(e, "free", classFree, []string{http.MethodPost}, a.free)

	if err := a.addPrometheus(e, cfg, read, view...); err != nil {
		return nil, err
	}

	get := []string{http.MethodGet, http.MethodHead}
	a.addInflux(e, get)
	if a.page == nil {
		add(e, "/", get, welcome(cfg))
	} else if err := a.addPage(e, get, welcome(cfg)); err != nil {
		return nil, err
	}
	add(e, "/healthz", get, a.healthz)
	add(e, "/readyz", get, a.readyz)
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

// endpoint adds an endpoint below /api for tokens with a role of the class.
func (a *api) endpoint(e *echo.Echo, name string, c class, methods []string, h echo.HandlerFunc, m ...echo.MiddlewareFunc) {
	if a.auth != nil {
		m = append([]echo.MiddlewareFunc{a.auth.require(c)}, m...)
	}
	add(e, "/api/"+name, methods, h, m...)
	add(e, "/api/"+name+"/*", methods, h, m...)
}

// add routes the methods of a path to h, and all others to a 405. Without that, echo
// would answer OPTIONS, and offer it in Allow.
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

package rest

import (
	"errors"
	"net/http"

	"github.com/labstack/echo/v4"
)

// welcome returns the handler of /, which says what this server is to somebody who comes
// with a browser or curl.
func welcome(cfg Config) echo.HandlerFunc {
	text := "cc-metric-store " + cfg.Version + `: an in-memory store for the metrics of HPC clusters

/readyz           whether it answers and keeps what it is sent, otherwise the reason
/readyz?all       whether another node of several may be stopped now, otherwise the reason
/healthz          whether it lives
`
	if cfg.Metrics != nil {
		text += "/metrics          its own metrics, for Prometheus\n"
	}
	text += `/api/query        samples, asked for with JSON
/api/v1/query     samples, asked for in PromQL, by clients of Prometheus
/api/write        takes samples as line protocol
/api/v2/write     the same for clients of InfluxDB
/api/healthcheck  which hosts and metrics have recent samples
/api/debug        what it holds
/api/free         drops old samples
`
	if cfg.Page != nil {
		text += "In a browser, this address shows the state, the hosts and their metrics.\n"
	}
	if cfg.Dev {
		text += "/swagger/         the same in full, to try out\n"
	} else {
		text += "Started with -dev, it describes them at /swagger/.\n"
	}
	return func(c echo.Context) error { return c.String(http.StatusOK, text) }
}

// healthz answers as long as the process does.
func (a *api) healthz(c echo.Context) error {
	return c.String(http.StatusOK, "ok\n")
}

// readyz answers 503 if no requests are to be sent here: the log cannot be read or written. A node
// that answers but loses what it is sent needs somebody, too. Conditions that clients do not feel
// yet are named in the body of a 200. With the parameter all, it answers 503 as long as no other
// node may be stopped.
func (a *api) readyz(c echo.Context) error {
	serving := a.log.Serving
	if c.QueryParams().Has("all") {
		serving = a.log.Settled
	}
	if err := serving(); err != nil {
		return refuse(http.StatusServiceUnavailable, err)
	}
	but := a.log.Writable()
	if a.degraded != nil {
		but = errors.Join(but, a.degraded())
	}
	if but != nil {
		return c.String(http.StatusOK, "ready, but "+but.Error()+"\n")
	}
	return c.String(http.StatusOK, "ready\n")
}

package rest

import (
	"errors"
	"fmt"
	"io"
	"net/http"
	"slices"

	"github.com/labstack/echo/v4"

	"cc-metric-store/store"
)

// healthRequest is the body of a health check.
type healthRequest struct {
	Cluster string   `json:"cluster"`
	Nodes   []string `json:"nodes"`
	Metrics []string `json:"metric-names"`
}

// healthCheck answers /api/healthcheck. Without a body it is the older form.
func (a *api) healthCheck(c echo.Context) error {
	b, err := a.openBody(c, false)
	if err != nil {
		return err
	}
	defer b.close()
	var req healthRequest
	if err := a.decodeJSON(b, &req, true); errors.Is(err, io.EOF) {
		return a.hostCheck(c)
	} else if err != nil {
		return fmt.Errorf("parsing request body failed: %w", err)
	}
	req.Nodes, req.Metrics = unique(req.Nodes), inOrder(req.Metrics)
	if err := req.check(); err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	r, err := a.newReply(c)
	if err != nil {
		return err
	}
	defer r.release()
	var t *turn
	if len(req.Nodes) > smallHosts || len(req.Nodes)*len(req.Metrics) > smallSeries {
		if t, err = a.enterQueries(c, len(req.Nodes)*(len(req.Metrics)+1)*seriesCost); err != nil {
			return err
		}
		defer func() { t.leave() }()
	}
	quoted := quotedTwice(req.Metrics)
	ctx := c.Request().Context()
	r.buf = append(r.buf, '{')
	for i, host := range req.Nodes {
		if t, err = t.yield(ctx); err == nil {
			err = ctx.Err()
		}
		if err != nil {
			return fmt.Errorf("judge host %d of %d: %w", i, len(req.Nodes), err)
		}
		if i > 0 {
			r.buf = append(r.buf, ',')
		}
		r.buf = appendString(r.buf, host)
		h, ok := a.store.Health(req.Cluster, host, req.Metrics)
		if err := r.verdict(h, ok, quoted); err != nil {
			return err
		}
	}
	r.buf = append(r.buf, "}\n"...)
	return r.finish()
}

// longestQuote is how many bytes of the answer one byte of a name may take.
const longestQuote = len(`\\u003c`)

// check returns why the answer would be too large.
func (r *healthRequest) check() error {
	names := 0
	for _, m := range r.Metrics {
		names += len(m) + len(`\"\",`)
	}
	if len(r.Nodes)*len(r.Metrics) > maxVerdicts || max(len(r.Nodes), longestQuote)*names > maxHealthBytes {
		return fmt.Errorf("%d nodes and %d metrics of %d bytes: at most %d verdicts and lists of %d MiB are possible in one health check, ask in several",
			len(r.Nodes), len(r.Metrics), names, maxVerdicts, maxHealthBytes>>20)
	}
	return nil
}

// unique returns each name once, in ascending order. It changes names.
func unique(names []string) []string {
	slices.Sort(names)
	return slices.Compact(names)
}

// inOrder returns each name once, in the order of their first mention. It changes names.
func inOrder(names []string) []string {
	known := make(map[string]bool, min(len(names), 1024))
	return slices.DeleteFunc(names, func(name string) bool {
		again := known[name]
		known[name] = true
		return again
	})
}

// verdict appends the state of a host and its metrics, as a JSON object in a string, which
// is empty if the store does not know the host. quoted has the names as they are written
// in the string.
func (r *reply) verdict(h store.Health, known bool, quoted map[string][]byte) error {
	if !known {
		r.buf = append(r.buf, `:{"State":"failed","HealthMetrics":""}`...)
		return r.spill()
	}
	state := "partial"
	switch {
	case len(h.Degraded)+len(h.Missing) == 0:
		state = "full"
	case h.Healthy == 0:
		state = "failed"
	}
	r.buf = append(r.buf, `:{"State":"`...)
	r.buf = append(r.buf, state...)
	r.buf = append(r.buf, `","HealthMetrics":"{\"degraded\":[`...)
	if err := r.names(h.Degraded, quoted); err != nil {
		return err
	}
	r.buf = append(r.buf, `],\"missing\":[`...)
	if err := r.names(h.Missing, quoted); err != nil {
		return err
	}
	r.buf = append(r.buf, `]}"}`...)
	return r.spill()
}

// names appends the elements of an array.
func (r *reply) names(names []string, quoted map[string][]byte) error {
	for i, name := range names {
		if i > 0 {
			r.buf = append(r.buf, ',')
		}
		r.buf = append(r.buf, quoted[name]...)
		if err := r.spill(); err != nil {
			return err
		}
	}
	return nil
}

// quotedTwice returns each name as a JSON string that is a part of a JSON string.
func quotedTwice(names []string) map[string][]byte {
	out := make(map[string][]byte, len(names))
	for _, name := range names {
		once := appendString(nil, name)
		twice := appendString(nil, string(once))
		out[name] = twice[1 : len(twice)-1]
	}
	return out
}

// unhealthyFrom is the number of stale series from which on a host is not healthy.
const unhealthyFrom = 5

// hostCheck answers the older form of the health check: one host is named in the URL, and
// the answer is one word.
func (a *api) hostCheck(c echo.Context) error {
	cluster, node := c.QueryParam("cluster"), c.QueryParam("node")
	if cluster == "" || node == "" {
		return refuse(http.StatusBadRequest, errors.New("'cluster' and 'node' are required query parameter"))
	}
	t, err := a.enterQueries(c, smallSeries*seriesCost) // the host may have any number of series
	if err != nil {
		return err
	}
	defer t.leave()
	stale, err := a.store.StaleSeries(c.Request().Context(), cluster, node)
	if err != nil {
		return dumpFault(err)
	}
	if stale < unhealthyFrom {
		return c.String(http.StatusOK, "Healthy")
	}
	return c.String(http.StatusOK, "Unhealthy")
}

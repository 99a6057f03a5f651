package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"time"

	"cc-metric-store/store"

	"github.com/labstack/echo/v4"
)

// healthRequest is the body of a health check.
type healthRequest struct {
	Cluster string   `json:"cluster"`
	Nodes   []string `json:"nodes"`
	Metrics []string `json:"metric-names"`
}

// hostHealth is the verdict on one host.
type hostHealth struct {
	State string
	// HealthMetrics is a JSON object in a string, empty if nothing is known of
	// the host.
	HealthMetrics string
}

func (a *api) healthCheck(c echo.Context) error {
	b, err := openBody(c)
	if err != nil {
		return err
	}
	defer b.close()
	var req healthRequest
	if err := decodeJSON(b, &req, true); errors.Is(err, io.EOF) {
		return a.hostCheck(c)
	} else if err != nil {
		return fmt.Errorf("parsing request body failed: %w", err)
	}
	hosts := make(map[string]hostHealth, len(req.Nodes))
	for _, host := range req.Nodes {
		if hosts[host], err = a.judge(req.Cluster, host, req.Metrics); err != nil {
			return err
		}
	}
	body, err := json.Marshal(hosts)
	if err != nil {
		return fmt.Errorf("encode the health of %d hosts: %w", len(hosts), err)
	}
	return c.Blob(http.StatusOK, echo.MIMEApplicationJSON, append(body, '\n'))
}

func (a *api) judge(cluster, host string, metrics []string) (hostHealth, error) {
	h, ok := a.store.Health(cluster, host, metrics)
	if !ok {
		return hostHealth{State: "failed"}, nil
	}
	state := "partial"
	switch {
	case len(h.Degraded)+len(h.Missing) == 0:
		state = "full"
	case h.Healthy == 0:
		state = "failed"
	}
	lists, err := json.Marshal(struct {
		Degraded []string `json:"degraded"`
		Missing  []string `json:"missing"`
	}{append([]string{}, h.Degraded...), append([]string{}, h.Missing...)}) // never null
	if err != nil {
		return hostHealth{}, fmt.Errorf("encode the health of %s: %w", host, err)
	}
	return hostHealth{State: state, HealthMetrics: string(lists)}, nil
}

const (
	// staleAfter is the number of intervals without a sample after which a
	// series is stale, tolerated the number of such series from which on a
	// host is not healthy.
	staleAfter = 5
	tolerated  = 5
)

// hostCheck answers the older form of the health check: one host, named in the
// URL, and one word.
func (a *api) hostCheck(c echo.Context) error {
	cluster, node := c.QueryParam("cluster"), c.QueryParam("node")
	if cluster == "" || node == "" {
		return refuse(http.StatusBadRequest, errors.New("'cluster' and 'node' are required query parameter"))
	}
	level, err := a.store.Dump([]string{cluster, node})
	if err != nil {
		return dumpFault(err)
	}
	if countStale(level, time.Now().Unix()) < tolerated {
		return c.String(http.StatusOK, "Healthy")
	}
	return c.String(http.StatusOK, "Unhealthy")
}

// countStale counts the series at and below a level without recent samples. Nobody
// sends those of metrics that are not configured any more.
func countStale(l *store.Level, now int64) int {
	n := 0
	for name, buffers := range l.Metrics {
		if len(buffers) == 0 || l.LeftOut[name] {
			continue
		}
		newest := buffers[len(buffers)-1]
		frequency := (newest.End - newest.Start) / max(newest.Len, 1)
		if now-newest.End > staleAfter*frequency {
			n++
		}
	}
	for _, child := range l.Children {
		n += countStale(child, now)
	}
	return n
}

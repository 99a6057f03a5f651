package rest

import (
	"context"
	"fmt"
	"net/http"

	"cc-metric-store/store"

	"github.com/labstack/echo/v4"
)

// queryRequest is the body of a query. A switch that is absent or null is on.
type queryRequest struct {
	Cluster string `json:"cluster"`
	From    int64  `json:"from"`
	To      int64  `json:"to"`

	Queries []queryItem `json:"queries"`
	// ForAllNodes asks for these metrics of every host of the cluster.
	ForAllNodes []string `json:"for-all-nodes"`

	WithStats   *bool `json:"with-stats"`
	WithData    *bool `json:"with-data"`
	WithPadding *bool `json:"with-padding"`
}

type queryItem struct {
	Metric     string   `json:"metric"`
	Host       string   `json:"host"`
	Type       string   `json:"type"`
	TypeIDs    []string `json:"type-ids"`
	Subtype    string   `json:"subtype"`
	SubtypeIDs []string `json:"subtype-ids"`
	Resolution int64    `json:"resolution"`
	ScaleBy    float64  `json:"scale-by"`
	Aggregate  bool     `json:"aggreg"`
}

func off(b *bool) bool { return b != nil && !*b }

func (a *api) query(c echo.Context) error {
	b, err := openBody(c)
	if err != nil {
		return err
	}
	defer b.close()
	var req queryRequest
	if err := decodeJSON(b, &req, false); err != nil {
		return err
	}
	// The status is sent before the last series is read, so what can be wrong
	// with the request comes first.
	if err := a.checkWindows(&req); err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	r := a.newReply(c)
	defer r.release()
	q := &queryRun{store: a.store, req: &req, reply: r}
	if err := q.run(c.Request().Context()); err != nil {
		return err
	}
	return r.finish()
}

func (a *api) checkWindows(req *queryRequest) error {
	if req.From > req.To {
		return fmt.Errorf("%w: from %d is after to %d", store.ErrInvalidTimeRange, req.From, req.To)
	}
	for i := range req.Queries {
		if err := a.store.Check(req.storeQuery(&req.Queries[i])); err != nil {
			return fmt.Errorf("queries[%d] of %q: %w", i, req.Queries[i].Metric, err)
		}
	}
	for i, m := range req.ForAllNodes {
		if err := a.store.Check(req.storeQuery(&queryItem{Metric: m})); err != nil {
			return fmt.Errorf("for-all-nodes[%d], %q: %w", i, m, err)
		}
	}
	return nil
}

// queryRun answers the queries of one request one after the other.
type queryRun struct {
	store Store
	req   *queryRequest
	reply *reply
	rows  int
}

func (q *queryRun) run(ctx context.Context) error {
	var hosts []string
	if len(q.req.ForAllNodes) > 0 {
		hosts = q.store.Hosts(q.req.Cluster)
	}
	r := q.reply
	r.buf = append(r.buf, '{')
	if len(hosts) > 0 {
		if err := q.echo(hosts); err != nil {
			return err
		}
	}
	r.buf = append(r.buf, `"results":[`...)
	for i := range q.req.Queries {
		if err := q.row(ctx, &q.req.Queries[i]); err != nil {
			return err
		}
	}
	for _, host := range hosts {
		for _, metric := range q.req.ForAllNodes {
			if err := q.row(ctx, &queryItem{Metric: metric, Host: host}); err != nil {
				return err
			}
		}
	}
	r.buf = append(r.buf, "]}\n"...)
	return nil
}

// echo lists the queries that for-all-nodes stands for.
func (q *queryRun) echo(hosts []string) error {
	r := q.reply
	r.buf = append(r.buf, `"queries":[`...)
	for i, host := range hosts {
		for j, metric := range q.req.ForAllNodes {
			if i+j > 0 {
				r.buf = append(r.buf, ',')
			}
			r.buf = append(r.buf, `{"metric":`...)
			r.buf = appendString(r.buf, metric)
			r.buf = append(r.buf, `,"host":`...)
			r.buf = appendString(r.buf, host)
			r.buf = append(r.buf, `,"resolution":0,"aggreg":false}`...)
		}
		if err := r.spill(); err != nil {
			return err
		}
	}
	r.buf = append(r.buf, "],"...)
	return nil
}

// row answers one query.
func (q *queryRun) row(ctx context.Context, item *queryItem) error {
	if err := ctx.Err(); err != nil {
		return fmt.Errorf("answer query %d: %w", q.rows, err)
	}
	r := q.reply
	if q.rows > 0 {
		r.buf = append(r.buf, ',')
	}
	q.rows++
	r.buf = append(r.buf, '[')
	series, err := q.store.Query(q.req.storeQuery(item))
	if err != nil {
		r.errorObject(err)
	}
	for i := range series {
		if i > 0 {
			r.buf = append(r.buf, ',')
		}
		if err := r.series(&series[i], !off(q.req.WithStats)); err != nil {
			return err
		}
		series[i].Values = nil // a long row gives way to its answer
	}
	r.buf = append(r.buf, ']')
	return r.spill()
}

// storeQuery returns the query that the item stands for.
func (req *queryRequest) storeQuery(item *queryItem) *store.Query {
	return &store.Query{
		Cluster:    req.Cluster,
		Host:       item.Host,
		Metric:     item.Metric,
		Type:       item.Type,
		TypeIDs:    item.TypeIDs,
		Subtype:    item.Subtype,
		SubtypeIDs: item.SubtypeIDs,
		Aggregate:  item.Aggregate,
		Scale:      item.ScaleBy,
		Resolution: max(item.Resolution, 0),
		From:       req.From,
		To:         req.To,
		Unpadded:   off(req.WithPadding),
		NoData:     off(req.WithData),
		NoStats:    off(req.WithStats),
	}
}

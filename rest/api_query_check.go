package rest

import (
	"context"
	"fmt"
	"net/http"

	"cc-metric-store/store"
)

// check counts what the request asks for. It returns a refusal if that is not possible or
// too much.
func (q *queryRun) check(ctx context.Context) error {
	req := q.req
	if req.From > req.To {
		return refuse(http.StatusBadRequest, fmt.Errorf("%w: from %d is after to %d", store.ErrInvalidTimeRange, req.From, req.To))
	}
	if len(req.ForAllNodes) > 0 {
		var err error
		if q.hosts, err = q.store.HostsIn(ctx, req.Cluster, req.From, req.To); err != nil {
			return err
		}
	}
	for i := range req.Queries {
		if err := q.count(&req.Queries[i], 1); err != nil {
			return refuse(http.StatusBadRequest, fmt.Errorf("queries[%d] of %q: %w", i, clip(req.Queries[i].Metric), err))
		}
	}
	for i, m := range req.ForAllNodes {
		if len(m) > maxName { // it is repeated for each host
			return refuse(http.StatusBadRequest, fmt.Errorf("for-all-nodes[%d] has %d bytes, at most %d are possible", i, len(m), maxName))
		}
		item := queryItem{Metric: m}
		if err := q.count(&item, len(q.hosts)); err != nil {
			return refuse(http.StatusBadRequest, fmt.Errorf("for-all-nodes[%d], %q: %w", i, clip(m), err))
		}
		q.forHosts = append(q.forHosts, item)
	}
	if q.rows > 0 { // Store.Cost says nothing about metrics that are not configured
		if err := checkWindow(req.From, req.To); err != nil {
			return refuse(http.StatusBadRequest, err)
		}
	}
	return nil
}

// checkWindow returns an error for a time that cannot be in seconds.
func checkWindow(from, to int64) error {
	if err := store.CheckSeconds("from", from); err != nil {
		return err
	}
	return store.CheckSeconds("to", to)
}

// count adds what a query of so many hosts is answered with at the most.
func (q *queryRun) count(item *queryItem, hosts int) error {
	one := q.answerer.storeQuery(item)
	if one.From > one.To {
		return fmt.Errorf("%w: from %d is after to %d", store.ErrInvalidTimeRange, one.From, one.To)
	}
	cost, err := q.store.Cost(one)
	if err != nil {
		return err
	}
	if item.From != nil || item.To != nil { // Cost says nothing about metrics that are not configured
		if err := checkWindow(one.From, one.To); err != nil {
			return err
		}
	}
	item.setCost(cost)
	q.cost += item.cost * hosts
	if !item.isDirect() {
		q.helpCost += item.cost * hosts
	}
	q.cells += max(cost.Cells, 1) * hosts
	q.series += max(cost.Series, 1) * hosts
	q.runs = max(q.runs, cost.Runs)
	q.allRuns += cost.Runs * hosts
	q.rows++
	if q.cells > maxRequestCells || q.series > maxRequestSeries {
		return fmt.Errorf("the request asks for more than %d samples, or for more than %d series, in all: ask in several", maxRequestCells, maxRequestSeries)
	}
	return nil
}

// large reports whether the request has to wait for its turn.
func (q *queryRun) large() bool {
	return q.cells > smallCells || q.series > smallSeries || q.runs > smallRuns || q.allRuns > smallRequestRuns || len(q.hosts) > 0
}

package promapi

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
)

// query answers query: the value of an expression at one time.
func (a *API) query(ctx context.Context, p *parameters, out *answer) error {
	at, err := p.time("time", time.Now())
	if err != nil {
		return err
	}
	return a.evaluate(ctx, p, out, func(ctx context.Context, q *queryable, opts promql.QueryOpts, text string) (promql.Query, error) {
		return a.engine.NewInstantQuery(ctx, q, opts, text, at)
	})
}

// queryRange answers query_range: the values of an expression at times that are a step apart.
func (a *API) queryRange(ctx context.Context, p *parameters, out *answer) error {
	for _, name := range []string{"start", "end", "step"} {
		if p.values.Get(name) == "" {
			return badData(fmt.Errorf("the parameter %q is missing: a range has start, end and step", name))
		}
	}
	start, err := p.time("start", time.Time{})
	if err != nil {
		return err
	}
	end, err := p.time("end", time.Time{})
	if err != nil {
		return err
	}
	step, err := p.duration("step")
	switch {
	case err != nil:
		return err
	case end.Before(start):
		return badData(errors.New(`the parameter "end" is before "start"`))
	case step < time.Millisecond:
		return badData(errors.New(`the parameter "step" is below a millisecond: give a longer one`))
	case (end.UnixMilli()-start.UnixMilli())/step.Milliseconds() > int64(a.cfg.MaxPoints):
		return badData(fmt.Errorf("the range has more than %d steps, which is the maximum resolution: ask for a longer step (parameter %q) or a shorter range", a.cfg.MaxPoints, "step"))
	}
	return a.evaluate(ctx, p, out, func(ctx context.Context, q *queryable, opts promql.QueryOpts, text string) (promql.Query, error) {
		return a.engine.NewRangeQuery(ctx, q, opts, text, start, end, step)
	})
}

// evaluate answers with the result of a query that prepare makes of its text.
func (a *API) evaluate(ctx context.Context, p *parameters, out *answer, prepare func(context.Context, *queryable, promql.QueryOpts, string) (promql.Query, error)) error {
	source := a.queryable()
	text := p.values.Get("query")
	if text == "" {
		return badData(errors.New(`the parameter "query" is missing`))
	}
	labelCopies, err := a.checkExpression(text)
	if err != nil {
		return badData(fmt.Errorf(`parameter "query": %w`, err))
	}
	source.labelCopies = labelCopies
	limit, err := p.limit("limit")
	if err != nil {
		return err
	}
	timeout, err := p.duration("timeout")
	if err != nil {
		return err
	}
	lookback, err := p.duration("lookback_delta")
	if err != nil {
		return err
	}
	if lookback < 0 {
		return badData(errors.New(`the parameter "lookback_delta" is below zero`))
	}
	if timeout <= 0 || timeout > a.cfg.Timeout {
		timeout = a.cfg.Timeout
	}
	evaluation, cancel := context.WithTimeout(ctx, timeout)
	defer cancel()
	opts := promql.NewPrometheusQueryOpts(false, lookback, nil)
	q, err := prepare(evaluation, source, opts, text)
	if err != nil {
		return badData(fmt.Errorf(`parameter "query": %w`, err))
	}
	defer q.Close() // the points are used again
	if err := checkSubqueries(q); err != nil {
		return err
	}
	if err := (valuesCheck{a, source, opts}).check(evaluation, q); err != nil {
		return evaluationError(ctx, err)
	}
	source.steps = stepsOf(q)
	result := q.Exec(evaluation)
	if result.Err != nil {
		return evaluationError(ctx, result.Err)
	}
	n := notes{}
	n.warnings, n.infos = result.Warnings.AsStrings(text, maxNotes, maxNotes)
	if truncated := limitResult(result, limit); truncated {
		n.warnings = append(n.warnings, truncatedNote)
	}
	out.begin()
	if err := out.result(ctx, result.Value); err != nil {
		return NewError(http.StatusInternalServerError, err)
	}
	out.end(n)
	return nil
}

const (
	// maxNotes bounds the warnings, and the infos, of an answer.
	maxNotes      = 10
	truncatedNote = "results truncated due to limit"
)

// limitResult cuts a result to so many series, 0 for all. It reports whether there were more.
func limitResult(result *promql.Result, limit int) bool {
	if limit <= 0 {
		return false
	}
	switch v := result.Value.(type) {
	case promql.Vector:
		if len(v) > limit {
			result.Value = v[:limit]
			return true
		}
	case promql.Matrix:
		if len(v) > limit {
			result.Value = v[:limit]
			return true
		}
	}
	return false
}

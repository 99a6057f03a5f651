package promapi

import (
	"context"
	"fmt"
	"math"
	"net/http"
	"slices"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// maxReserved is for how many steps the engine reserves memory with the first sample of a series.
const maxReserved = 5000

// valuesCheck looks for values that become series. count_values makes a series of each different one, for
// which the engine reserves all steps, whatever its own bound of samples is: each sample may take as
// much as 5,000. So what is counted is evaluated before, and its values are counted here.
type valuesCheck struct {
	api    *API
	source *queryable // of the query itself
	opts   promql.QueryOpts
}

// evaluation says when the engine evaluates a part of an expression.
type evaluation struct {
	start, end milliseconds
	step       int64
}

func (e evaluation) steps() int64 { return (e.end-e.start)/max(e.step, 1) + 1 }

// of returns when the engine evaluates what is in a subquery, or some more.
func (e evaluation) of(s *parser.SubqueryExpr) evaluation {
	before := s.Offset + s.Range
	end := e.end - s.Offset.Milliseconds()
	if s.Timestamp != nil {
		before = s.OriginalOffset + s.Range
		e.start, end = *s.Timestamp, *s.Timestamp-s.OriginalOffset.Milliseconds()
	}
	step := s.Step.Milliseconds()
	if step <= 0 {
		step = subqueryStep.Milliseconds()
	}
	return evaluation{floorDiv(e.start-before.Milliseconds(), step) * step, end, step}
}

// check returns why a query that was prepared is not to be evaluated: it has too many values, or what
// is counted fails.
func (c valuesCheck) check(ctx context.Context, q promql.Query) error {
	statement, ok := q.Statement().(*parser.EvalStmt)
	if !ok {
		return nil
	}
	return c.walk(ctx, statement.Expr, evaluation{statement.Start.UnixMilli(), statement.End.UnixMilli(), statement.Interval.Milliseconds()})
}

func (c valuesCheck) walk(ctx context.Context, node parser.Node, when evaluation) error {
	inner := when
	switch n := node.(type) {
	case *parser.StepInvariantExpr:
		inner.end = inner.start
	case *parser.SubqueryExpr:
		inner = when.of(n)
	}
	for child := range parser.ChildrenIter(node) { // what is in others is counted before these are evaluated
		if err := c.walk(ctx, child, inner); err != nil {
			return err
		}
	}
	if n, ok := node.(*parser.AggregateExpr); ok && n.Op == parser.COUNT_VALUES && when.steps() > 1 {
		return c.count(ctx, n, when)
	}
	return nil
}

// count evaluates what is counted, and returns an error if it has too many values.
func (c valuesCheck) count(ctx context.Context, n *parser.AggregateExpr, when evaluation) error {
	cfg := c.api.cfg
	most := min(cfg.MaxSeries, cfg.MaxSamples/int(min(when.steps(), maxReserved)))
	source := c.api.queryable()
	source.labelCopies = c.source.labelCopies
	q, err := c.api.engine.NewRangeQuery(ctx, source, c.opts, n.Expr.String(),
		time.UnixMilli(when.start), time.UnixMilli(when.end), time.Duration(when.step)*time.Millisecond)
	if err != nil {
		return fmt.Errorf("evaluate %v: %w", n.Expr, err)
	}
	defer q.Close()
	matrix, err := q.Exec(ctx).Matrix()
	if err != nil {
		return err
	}
	names := slices.Sorted(slices.Values(n.Grouping))
	type key struct{ group, value uint64 }
	found := map[key]struct{}{}
	var buf []byte
	for i := range matrix {
		var k key
		if n.Without {
			k.group, buf = matrix[i].Metric.HashWithoutLabels(buf, names...)
		} else {
			k.group, buf = matrix[i].Metric.HashForLabels(buf, names...)
		}
		for _, p := range matrix[i].Floats {
			if k.value = math.Float64bits(p.F); math.IsNaN(p.F) {
				k.value = math.Float64bits(math.NaN())
			}
			found[k] = struct{}{}
			if len(found) > most {
				return NewError(http.StatusUnprocessableEntity, fmt.Errorf("count_values finds more than %d different values, of which each becomes a series of %d steps: ask for longer steps or a shorter range, or round the values", most, when.steps()))
			}
		}
	}
	return c.source.spendOnLabels(len(found) * leastLabel)
}

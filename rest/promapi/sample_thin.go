package promapi

import (
	"errors"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

// steps are the times at which a range query is evaluated, in milliseconds. At each, the engine looks at the
// last sample alone of a plain selector, so that of the samples between two steps only the last one matters.
// The zero value knows of no steps.
type steps struct {
	start, end milliseconds
	step       int64 // 0: all samples matter
}

// stepsOf returns the steps of a query that was prepared. It knows of none if any selector is evaluated at other
// times, or looks at other samples.
func stepsOf(q promql.Query) steps {
	statement, ok := q.Statement().(*parser.EvalStmt)
	if !ok || !statement.Start.Before(statement.End) {
		return steps{}
	}
	other := errors.New("other samples matter")
	plain := true
	parser.Inspect(statement.Expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.SubqueryExpr, *parser.StepInvariantExpr:
			plain = false
		case *parser.VectorSelector:
			plain = plain && n.Timestamp == nil && n.StartOrEnd == 0 && !n.Smoothed && !n.Anchored
		}
		if !plain {
			return other
		}
		return nil
	})
	if !plain {
		return steps{}
	}
	return steps{statement.Start.UnixMilli(), statement.End.UnixMilli(), statement.Interval.Milliseconds()}
}

// shifted returns the steps of a selector whose last one is then: it may have an offset.
func (s steps) shifted(end milliseconds) steps {
	return steps{s.start - (s.end - end), end, s.step}
}

// next returns the first step that is not before t.
func (s steps) next(t milliseconds) milliseconds {
	if t <= s.start {
		return s.start
	}
	return s.start + (t-s.start+s.step-1)/s.step*s.step
}

package promapi

import (
	"fmt"
	"net/http"
	"time"

	"github.com/prometheus/prometheus/promql"
	"github.com/prometheus/prometheus/promql/parser"
)

const (
	// maxSteps bounds the steps of all subqueries of an expression. The engine takes memory for
	// each step before it evaluates the first one.
	maxSteps = 1_000_000
	// subqueryStep is the step of a subquery that gives none.
	subqueryStep = time.Minute
)

// checkSubqueries returns why a query that was prepared is not to be evaluated: its subqueries have too
// many steps.
func checkSubqueries(q promql.Query) error {
	statement, ok := q.Statement().(*parser.EvalStmt)
	if !ok {
		return nil
	}
	steps := int64(0)
	var walk func(node parser.Node, window time.Duration)
	walk = func(node parser.Node, window time.Duration) {
		if s, ok := node.(*parser.SubqueryExpr); ok {
			step := s.Step
			if step <= 0 {
				step = subqueryStep
			}
			window = min(window, maxWindow) + min(s.Range, maxWindow)
			steps = min(steps+int64(window/step)+1, maxSteps+1)
		}
		for child := range parser.ChildrenIter(node) {
			walk(child, window)
		}
	}
	walk(statement.Expr, statement.End.Sub(statement.Start))
	if steps > maxSteps {
		return NewError(http.StatusUnprocessableEntity, fmt.Errorf("the subqueries have more than %d steps in all: ask for longer steps or a shorter range", maxSteps))
	}
	return nil
}

// maxWindow is so long that longer ones make no difference, and so short that some can be added.
const maxWindow = 100 * 365 * 24 * time.Hour

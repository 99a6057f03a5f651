package promapi

import (
	"errors"
	"fmt"
	"regexp/syntax"
	"strings"

	"github.com/prometheus/prometheus/promql/parser"
	"github.com/prometheus/prometheus/util/strutil"

	"cc-metric-store/store"
)

// An expression is evaluated by functions that call themselves, of which each takes kilobytes of the
// stack, and a process cannot outlive the end of a stack. So how deep an expression may be has a bound:
// that of its words. Long lists of hosts are one word.
const (
	maxExpression = 1 << 20 // bytes
	maxWords      = 5000
	// maxRegexpSteps bounds the steps of all regular expressions: each takes some forty bytes.
	maxRegexpSteps = 4 * store.MaxRegexpSteps
	// maxGrowth bounds how many times longer functions may make labels, all together: label_join
	// of a label with itself, applied n times, makes it 2^n times as long. Labels that are made stay
	// beside the others.
	maxGrowth = 64
	// maxSigns bounds signs: the engine looks at no timeout while it changes those of all samples.
	maxSigns = 64
	// freeText is how long a literal in a label may be that does not count.
	freeText = 32
)

// budget is what all expressions of a request may have.
type budget struct {
	words, steps int // so far
}

// check returns why a text is not to be parsed, although it may be an expression. Not even the
// parser may see each one: it compiles regular expressions, and a few bytes may become a hundred
// megabytes.
func (b *budget) check(text string) error {
	if len(text) > maxExpression {
		return fmt.Errorf("the expression has %d bytes, at most %d are possible", len(text), maxExpression)
	}
	lexer := parser.Lex(text)
	var item parser.Item
	for ; b.words < maxWords; b.words++ {
		before := item.Typ
		lexer.NextItem(&item)
		switch item.Typ {
		case parser.EOF, parser.ERROR:
			return nil // the parser says what is wrong
		case parser.STRING:
			steps, err := checkString(item.Val, before == parser.EQL_REGEX || before == parser.NEQ_REGEX)
			if err != nil {
				return err
			}
			if b.steps += steps; b.steps > maxRegexpSteps {
				return fmt.Errorf("the regular expressions have more than %d steps in all: repeat less", maxRegexpSteps)
			}
		}
	}
	return fmt.Errorf("the expression has more than %d names, signs and numbers: ask in several", maxWords)
}

// checkString returns why a text in quotes is not possible, and the steps that it has as a regular expression: if
// it is no matcher's, it may be one all the same. A matcher may have a list of texts of any length.
func checkString(quoted string, ofMatcher bool) (steps int, err error) {
	text, err := strutil.Unquote(quoted)
	if err != nil {
		return 0, nil // the parser says so
	}
	if !ofMatcher && len(text) > store.MaxRegexp {
		return 0, fmt.Errorf("a text of %d bytes: at most %d are possible", len(text), store.MaxRegexp)
	}
	steps, err = store.RegexpSteps(text)
	if _, ok := errors.AsType[*syntax.Error](err); ok {
		return 0, nil // so does the parser, or the function
	}
	return steps, err
}

// checkExpression returns how many times as long as the longest label of a series those are that an
// expression makes of it, all together, or why it cannot be asked.
func (a *API) checkExpression(text string) (labelCopies int, err error) {
	if err := new(budget).check(text); err != nil {
		return 0, err
	}
	expr, err := a.parser.ParseExpr(text)
	if err != nil {
		return 0, err
	}
	longest, signs := 1, 0
	var walk func(node parser.Node)
	walk = func(node parser.Node) {
		for child := range parser.ChildrenIter(node) {
			walk(child)
		}
		switch n := node.(type) {
		case *parser.UnaryExpr:
			signs++
		case *parser.Call:
			if growth := growthOf(n); growth > 0 {
				longest = min(longest*growth, maxGrowth+1)
				labelCopies = min(labelCopies+longest, maxGrowth+1)
			}
		}
	}
	walk(expr)
	switch {
	case labelCopies > maxGrowth:
		return 0, fmt.Errorf("label_join and label_replace make labels more than %d times as long, all together: ask for less", maxGrowth)
	case signs > maxSigns:
		return 0, fmt.Errorf("the expression has more than %d signs before others than numbers: they cancel each other out", maxSigns)
	}
	return labelCopies, nil
}

// growthOf returns how many times as long as before a label may be that a call makes, 0 if it makes none.
func growthOf(call *parser.Call) int {
	text := ""
	if len(call.Args) > 2 {
		parser.Inspect(call.Args[2], func(n parser.Node, _ []parser.Node) error {
			if s, ok := n.(*parser.StringLiteral); ok {
				text = s.Val
			}
			return nil
		})
	}
	switch call.Func.Name {
	case "label_join": // the text stands between the others
		return max(len(call.Args)-3, 1) * (1 + len(text)/freeText)
	case "label_replace":
		return max(strings.Count(text, "$"), 1) + len(text)/freeText
	}
	return 0
}

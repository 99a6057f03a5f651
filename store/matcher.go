package store

import (
	"fmt"
	"regexp"
	"regexp/syntax"
	"strings"
	"unicode/utf8"
)

// Label is a part of what names a series.
type Label string

// The labels of a series. One that a series does not have is the empty string: those of
// a host itself have no type, and those of a part without a second level no subtype.
const (
	LabelCluster   Label = "cluster"
	LabelHost      Label = "host"
	LabelMetric    Label = "metric"
	LabelType      Label = "type"
	LabelTypeID    Label = "type-id"
	LabelSubtype   Label = "subtype"
	LabelSubtypeID Label = "subtype-id"
)

// isOfPart reports whether the label is one of those that name a part.
func (l Label) isOfPart() bool {
	return l == LabelType || l == LabelTypeID || l == LabelSubtype || l == LabelSubtypeID
}

// label returns the value of a label that is one of a part.
func (p *Part) label(l Label) string {
	switch l {
	case LabelType:
		return p.Type
	case LabelTypeID:
		return p.ID
	case LabelSubtype:
		return p.Subtype
	}
	return p.SubID
}

// check returns an error if there is no such label.
func (l Label) check() error {
	switch l {
	case LabelCluster, LabelHost, LabelMetric, LabelType, LabelTypeID, LabelSubtype, LabelSubtypeID:
		return nil
	}
	return fmt.Errorf("there is no label %q: those of a series are cluster, host, metric, type, type-id, subtype and subtype-id", string(l))
}

// MatchType says how a Matcher compares.
type MatchType uint8

const (
	// MatchEqual: the label has one of the values. Without a value nothing matches.
	MatchEqual MatchType = iota
	// MatchNotEqual: the label has none of the values.
	MatchNotEqual
	// MatchRegexp: the regular expression matches all of the label.
	MatchRegexp
	// MatchNotRegexp: it does not.
	MatchNotRegexp
)

// Bounds of the regular expression of a Matcher. One that only lists texts, as "a|b\.c",
// is a set and has no bound.
const (
	// MaxRegexp is the largest length of the expression in bytes.
	MaxRegexp = 4 << 10
	// MaxRegexpSteps is the largest number of steps of its program: repetitions like
	// {1000} make many of few bytes, and each byte of a label may take them all.
	MaxRegexpSteps = 1 << 14
)

// Matcher is a condition on one label of a series. Make one with NewMatcher. It is
// immutable and safe for concurrent use.
type Matcher struct {
	label   Label
	negated bool
	set     map[string]struct{} // of values; nil: see regexp
	regexp  *regexp.Regexp
	// verdict decides by itself, if it is not nil; then set has the only values that it may
	// be true for, nil: there is no such list.
	verdict func(string) bool
}

// NewMatcher returns a matcher of the label. MatchEqual and MatchNotEqual take any number
// of values. MatchRegexp and MatchNotRegexp take one, a regular expression in the syntax
// of RE2 (package regexp), which has to match the whole label as if it stood between ^
// and $, and in which a dot matches a newline, too: so it is in Prometheus. The error
// says what is wrong with the label or the values.
func NewMatcher(t MatchType, label Label, values ...string) (*Matcher, error) {
	m := &Matcher{label: label, negated: t == MatchNotEqual || t == MatchNotRegexp}
	if err := label.check(); err != nil {
		return nil, err
	}
	switch t {
	case MatchEqual, MatchNotEqual:
		m.set = setOf(values)
		return m, nil
	case MatchRegexp, MatchNotRegexp:
	default:
		return nil, fmt.Errorf("match label %q: there is no match type %d", string(label), t)
	}
	if len(values) != 1 {
		return nil, fmt.Errorf("match label %q: %d regular expressions are given, one is possible", string(label), len(values))
	}
	if err := m.compile(values[0]); err != nil {
		return nil, fmt.Errorf("match label %q: %w", string(label), err)
	}
	return m, nil
}

// NewMatcherFunc returns a matcher of the label that asks verdict. Values that are not in
// among never match, unless it is nil: then hosts and metrics need not be searched for others.
// verdict is called without a lock, by one goroutine for each Select, and gives the same answer
// for the same value. The error says what is wrong with the label.
func NewMatcherFunc(label Label, among []string, verdict func(string) bool) (*Matcher, error) {
	m := &Matcher{label: label, verdict: verdict}
	if among != nil {
		m.set = setOf(among)
	}
	return m, label.check()
}

func setOf(values []string) map[string]struct{} {
	set := make(map[string]struct{}, len(values))
	for _, v := range values {
		set[v] = struct{}{}
	}
	return set
}

// compile sets the set or the regexp.
func (m *Matcher) compile(expression string) error {
	if texts, ok := alternatives(expression); ok {
		m.set = setOf(texts)
		return nil
	}
	tree, _, err := parseRegexp(expression)
	if err != nil {
		return err
	}
	m.regexp, err = regexp.Compile("^(?:" + tree.String() + ")$")
	return err
}

// RegexpSteps returns how many steps the program of a regular expression has, 0 if it only lists
// texts. The error says why the expression is not possible: it is larger than MaxRegexp or
// MaxRegexpSteps, or none at all, which is a *syntax.Error (package regexp/syntax). It takes little
// memory and time, whatever the expression is.
func RegexpSteps(expression string) (steps int, err error) {
	if _, ok := alternatives(expression); ok {
		return 0, nil
	}
	_, steps, err = parseRegexp(expression)
	return steps, err
}

func parseRegexp(expression string) (tree *syntax.Regexp, steps int, err error) {
	if len(expression) > MaxRegexp {
		return nil, 0, fmt.Errorf("a regular expression of %d bytes: at most %d are possible", len(expression), MaxRegexp)
	}
	// By itself, as "a)(b" would be valid between brackets, and "\Q" take them as text.
	tree, err = syntax.Parse(expression, syntax.Perl|syntax.DotNL)
	if err != nil {
		return nil, 0, fmt.Errorf("regular expression %q: %w", expression, err)
	}
	// A program may take a hundred megabytes: it is made only if it may be small enough.
	if steps := leastSteps(tree); steps > MaxRegexpSteps {
		return nil, 0, fmt.Errorf("regular expression %q: it has too many steps, at most %d are possible: repeat less", expression, MaxRegexpSteps)
	}
	program, err := syntax.Compile(tree.Simplify())
	if err != nil {
		return nil, 0, fmt.Errorf("regular expression %q: %w", expression, err)
	}
	if len(program.Inst) > MaxRegexpSteps {
		return nil, 0, fmt.Errorf("regular expression %q: it has %d steps, at most %d are possible: repeat less", expression, len(program.Inst), MaxRegexpSteps)
	}
	return tree, len(program.Inst), nil
}

// leastSteps returns how many steps a regular expression has at least, up to a bit more than
// MaxRegexpSteps.
func leastSteps(tree *syntax.Regexp) int {
	steps := 0
	switch tree.Op {
	case syntax.OpLiteral:
		steps = len(tree.Rune)
	case syntax.OpCharClass, syntax.OpAnyChar, syntax.OpAnyCharNotNL:
		steps = 1
	}
	for _, sub := range tree.Sub {
		steps = min(steps+leastSteps(sub), MaxRegexpSteps+1)
	}
	if tree.Op == syntax.OpRepeat {
		steps *= max(tree.Min, tree.Max, 1)
	}
	return min(steps, MaxRegexpSteps+1)
}

// alternatives returns the texts that a regular expression lists, as "a|b\.c" does. It
// returns false if the expression is more than a list.
func alternatives(expression string) (texts []string, ok bool) {
	// A regexp takes each byte that is not UTF-8 for U+FFFD.
	if !utf8.ValidString(expression) || strings.ContainsRune(expression, utf8.RuneError) {
		return nil, false
	}
	texts = strings.Split(expression, "|")
	for i, text := range texts {
		texts[i] = strings.ReplaceAll(text, `\`, "")
		if regexp.QuoteMeta(texts[i]) != text {
			return nil, false
		}
	}
	return texts, true
}

// matches reports whether a value of the matcher's label fulfils the condition.
func (m *Matcher) matches(value string) bool {
	if m.verdict != nil {
		if _, among := m.set[value]; m.set != nil && !among {
			return false
		}
		return m.verdict(value)
	}
	found := false
	if m.set != nil {
		_, found = m.set[value]
	} else {
		found = m.regexp.MatchString(value)
	}
	return found != m.negated
}

// listed returns the only values that match, false if there is no such list.
func (m *Matcher) listed() (map[string]struct{}, bool) {
	return m.set, m.set != nil && !m.negated
}

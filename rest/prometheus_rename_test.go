package rest

import (
	"math"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/common/model"
	"github.com/prometheus/prometheus/model/labels"
	"github.com/prometheus/prometheus/model/value"
	"github.com/prometheus/prometheus/promql/parser"

	"cc-metric-store/store"
)

// scriptSection is what stands between two clears of a script, with the names of labels that our series
// can have in place of its own.
type scriptSection struct {
	commands []scriptCommand
	names    map[string]string // of labels
	hasType  bool              // a label of the script is our type; otherwise all series have the type node
	dropped  map[string]string // metrics that cannot be stored as they are, with the reason
	steps    map[string]int64  // sampling intervals in seconds
	refusal  string            // why nothing of it can be loaded
}

// ourLabels are those that a series may have, but the type.
var ourLabels = []string{"type_id", "stype", "stype_id", "hostname", "cluster"}

func newSection(commands []scriptCommand) *scriptSection {
	s := &scriptSection{commands: commands, names: map[string]string{}, dropped: map[string]string{}, steps: map[string]int64{}}
	count, series := map[string]int{}, 0
	var order []string
	for _, c := range commands {
		if c.isEval {
			continue
		}
		for _, one := range c.series {
			name := one.labels.Get(model.MetricNameLabel)
			if why := cannotLoad(c, one); why != "" {
				s.dropped[name] = why
				for _, suffix := range []string{"_bucket", "_count", "_sum"} { // a native histogram is made of them
					if base, ok := strings.CutSuffix(name, suffix); ok && c.unreadable != "" {
						s.dropped[base] = why
					}
				}
				continue
			}
			series++
			s.steps[name] = greatestDivisor(s.steps[name], int64(c.interval/time.Second))
			one.labels.Range(func(l labels.Label) {
				if l.Name == model.MetricNameLabel || l.Value == "" {
					return
				}
				if count[l.Name] == 0 {
					order = append(order, l.Name)
				}
				count[l.Name]++
			})
		}
	}
	left := slices.Clone(ourLabels)
	for _, name := range order {
		if count[name] == series && !s.hasType {
			s.names[name], s.hasType = "type", true
		}
	}
	for _, name := range order {
		if s.names[name] != "" {
			continue
		}
		if len(left) == 0 {
			s.refusal = "more than six labels"
			return s
		}
		s.names[name], left = left[0], left[1:]
	}
	return s
}

// cannotLoad returns why a series cannot be stored as it is, empty if it can.
func cannotLoad(c scriptCommand, one scriptSeries) string {
	switch name := one.labels.Get(model.MetricNameLabel); {
	case c.unreadable != "":
		return c.unreadable
	case name == "":
		return "a series without a metric"
	case one.labels.Has("le") || one.labels.Has("quantile"):
		return "labels le and quantile, which functions look for"
	case c.interval < time.Second || c.interval%time.Second != 0:
		return "times below a second"
	}
	for _, v := range one.values {
		switch {
		case v.Histogram != nil:
			return "native histograms"
		case v.Omitted:
		case value.IsStaleNaN(v.Value):
			return "stale markers"
		case math.IsNaN(v.Value) || math.IsInf(v.Value, 0):
			return "NaN and Inf"
		}
	}
	return ""
}

func greatestDivisor(a, b int64) int64 {
	for b != 0 {
		a, b = b, a%b
	}
	return a
}

// name returns what stands for the name of a label.
func (s *scriptSection) name(of string) string {
	if to, ok := s.names[of]; ok {
		return to
	}
	if of == "type" || slices.Contains(ourLabels, of) {
		return "not_" + of
	}
	return of
}

func (s *scriptSection) renameAll(list []string) []string {
	var out []string
	for _, n := range list {
		out = append(out, s.name(n))
	}
	return out
}

// rename returns labels with our names.
func (s *scriptSection) rename(of labels.Labels) labels.Labels {
	b := labels.NewScratchBuilder(of.Len())
	of.Range(func(l labels.Label) { b.Add(s.name(l.Name), l.Value) })
	b.Sort()
	return b.Labels()
}

// store returns a store for the section, without samples.
func (s *scriptSection) store(t *testing.T) *store.Store {
	t.Helper()
	metrics := map[string]store.MetricConfig{"unused": {Frequency: 60}}
	for name, f := range s.steps {
		metrics[name] = store.MetricConfig{Frequency: f}
	}
	out, err := store.New(store.Config{Metrics: metrics, Retention: 100 * 365 * 24 * time.Hour})
	if err != nil {
		t.Fatal(err)
	}
	return out
}

// load stores the series of a command, but those that are dropped.
func (s *scriptSection) load(t *testing.T, to *store.Store, c scriptCommand) {
	t.Helper()
	for _, one := range c.series {
		metric := one.labels.Get(model.MetricNameLabel)
		id, known := to.Metric([]byte(metric))
		if s.dropped[metric] != "" || !known {
			continue
		}
		l := s.rename(one.labels)
		b := &store.Batch{Cluster: l.Get("cluster"), Host: l.Get("hostname"), Parts: []store.Part{{Type: l.Get("type"), ID: l.Get("type_id"), Subtype: l.Get("stype"), SubID: l.Get("stype_id")}}}
		samples := 0
		for i, v := range one.values {
			if !v.Omitted {
				b.Add(0, id, int64(i)*int64(c.interval/time.Second), v.Value)
				samples++
			}
		}
		if got := to.Append(b); got.Stored != samples {
			t.Fatalf("line %d: %d of %d samples of %v are stored: %+v", c.line, got.Stored, samples, one.labels, got)
		}
	}
}

// translate returns the expression with our labels, or why it cannot be asked.
func (s *scriptSection) translate(text string) (out, why string) {
	expr, err := scriptParser().ParseExpr(text)
	if err != nil {
		return text, "" // it is to fail
	}
	if _, err := parser.NewParser(parser.Options{}).ParseExpr(text); err != nil {
		return "", "experimental parts of the language, which are off"
	}
	literal := func(e parser.Expr) {
		if l, ok := e.(*parser.StringLiteral); ok {
			l.Val = s.name(l.Val)
		}
	}
	parser.Inspect(expr, func(n parser.Node, _ []parser.Node) error {
		switch n := n.(type) {
		case *parser.VectorSelector:
			for name, reason := range s.dropped {
				if slices.ContainsFunc(n.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel && m.Matches(name) }) ||
					!slices.ContainsFunc(n.LabelMatchers, func(m *labels.Matcher) bool { return m.Name == model.MetricNameLabel }) {
					why = reason
				}
			}
			for _, m := range n.LabelMatchers {
				m.Name = s.name(m.Name)
			}
		case *parser.AggregateExpr:
			n.Grouping = s.renameAll(n.Grouping)
			if !s.hasType && !n.Without {
				n.Grouping = append(n.Grouping, "type")
			}
			if n.Op == parser.COUNT_VALUES {
				literal(n.Param)
			}
		case *parser.BinaryExpr:
			if m := n.VectorMatching; m != nil {
				m.MatchingLabels, m.Include = s.renameAll(m.MatchingLabels), s.renameAll(m.Include)
				if m.On && !s.hasType {
					m.MatchingLabels = append(m.MatchingLabels, "type")
				}
			}
		case *parser.Call:
			switch n.Func.Name {
			case "vector":
				if !s.hasType && strings.Contains(strings.ToLower(text), " and ") {
					why = "series without any label, while ours always have a type"
				}
			case "label_replace":
				literal(n.Args[1])
				literal(n.Args[3])
			case "label_join":
				for i, arg := range n.Args {
					if i == 1 || i > 2 {
						literal(arg)
					}
				}
			}
		}
		return nil
	})
	if why != "" {
		return "", why
	}
	return expr.String(), ""
}

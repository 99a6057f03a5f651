package store

import (
	"cmp"
	"context"
	"errors"
	"fmt"
	"math/rand/v2"
	"regexp"
	"slices"
	"strconv"
	"strings"
	"testing"
	"time"

	"cc-metric-store/test/testkit"
)

// labelOf returns the value of a label.
func labelOf(id SeriesID, label Label) string {
	switch label {
	case LabelCluster:
		return id.Cluster
	case LabelHost:
		return id.Host
	case LabelMetric:
		return id.Metric
	}
	return id.Part.label(label)
}

var allLabels = []Label{LabelCluster, LabelHost, LabelType, LabelTypeID, LabelSubtype, LabelSubtypeID, LabelMetric}

func compareSeries(a, b SeriesID) int {
	for _, label := range allLabels {
		if c := cmp.Compare(labelOf(a, label), labelOf(b, label)); c != 0 {
			return c
		}
	}
	return 0
}

// condition is a matcher as the model has it.
type condition struct {
	kind   MatchType
	label  Label
	values []string
}

func (c *condition) matches(id SeriesID) bool {
	value := labelOf(id, c.label)
	switch c.kind {
	case MatchEqual:
		return slices.Contains(c.values, value)
	case MatchNotEqual:
		return !slices.Contains(c.values, value)
	}
	return regexp.MustCompile("^(?s:"+c.values[0]+")$").MatchString(value) == (c.kind == MatchRegexp)
}

// randomConditions returns some conditions on names as equivalence makes them.
func randomConditions(t *testing.T, rnd *rand.Rand) (conditions []condition, matchers []*Matcher) {
	names := []string{"", "alex", "fritz", "a1", "a2", "socket", "core", "hwthread", "0", "1", "10", "disk", "a", "load", "flops", "power", "nothing"}
	expressions := []string{".*", ".+", "", "a.*", "fritz|alex", "a1|a2|", "[0-9]+", "1.?", "s.*|core", "hwthread|zebra", "load|flops|temp", ".*o.*", "(load|clock)"}
	for range rnd.IntN(4) {
		c := condition{kind: MatchType(rnd.IntN(4)), label: pick(rnd, allLabels...)}
		if c.kind < MatchRegexp {
			for range rnd.IntN(6) {
				c.values = append(c.values, pick(rnd, names...))
			}
		} else {
			c.values = []string{pick(rnd, expressions...)}
		}
		conditions = append(conditions, c)
		if rnd.IntN(3) == 0 {
			matchers = append(matchers, functionOf(t, c))
			continue
		}
		matchers = append(matchers, matcher(t, c.kind, c.label, c.values...))
	}
	return conditions, matchers
}

// functionOf returns a condition as a matcher of the caller's own.
func functionOf(t *testing.T, c condition) *Matcher {
	t.Helper()
	var among []string
	if c.kind == MatchEqual {
		among = append([]string{}, c.values...)
	}
	m, err := NewMatcherFunc(c.label, among, func(value string) bool {
		id := SeriesID{value, value, Part{value, value, value, value}, value}
		return c.matches(id)
	})
	if err != nil {
		t.Fatal(err)
	}
	return m
}

// selected returns the series of the model that fulfil all conditions, in order.
func (m *model) selected(conditions []condition) (out []SeriesID) {
	seen := map[SeriesID]bool{}
	for k := range m.series {
		metric, _, _ := strings.Cut(k.metric, "@") // see runs.modelName
		id := SeriesID{k.host.cluster, k.host.host, k.part, metric}
		if !seen[id] && !slices.ContainsFunc(conditions, func(c condition) bool { return !c.matches(id) }) {
			out = append(out, id)
		}
		seen[id] = true
	}
	slices.SortFunc(out, compareSeries)
	return out
}

// checkSelect compares a random Select, and the values of all labels, with the model.
func (e *equivalence) checkSelect() {
	e.t.Helper()
	conditions, matchers := randomConditions(e.t, e.rnd)
	want := e.model.selected(conditions)
	got, err := e.store.Select(e.t.Context(), matchers...)
	if err != nil || !slices.Equal(got, want) {
		e.t.Fatalf("select %+v: %v, error %v, the model %v", conditions, got, err, want)
	}
	most := e.rnd.IntN(len(want) + 2)
	first, more, err := e.store.SelectFirst(e.t.Context(), SelectBounds{Most: most}, matchers...)
	if err != nil || !slices.Equal(first, want[:min(most, len(want))]) || more != (most < len(want)) {
		e.t.Fatalf("select the first %d of %d: %v, more %v, error %v", most, len(want), first, more, err)
	}
	for _, label := range allLabels {
		var values []string
		for _, id := range want {
			values = append(values, labelOf(id, label))
		}
		slices.Sort(values)
		values = slices.Compact(values)
		got, err := e.store.LabelValues(e.t.Context(), label, matchers...)
		if err != nil || !slices.Equal(got, values) {
			e.t.Fatalf("values of %s under %+v: %q, error %v, the model %q", label, conditions, got, err, values)
		}
	}
}

// TestSelectAndReadEquivalence sends random operations to a store and to the model and
// compares what is selected and read.
func TestSelectAndReadEquivalence(t *testing.T) {
	t.Parallel()
	seed := testkit.Seed(t)
	for _, slots := range []int{1, 16, 128} {
		for _, anywhere := range []int{0, 3} {
			t.Run(fmt.Sprintf("slots=%d/anywhere=%d", slots, anywhere), func(t *testing.T) {
				e := newEquivalence(t, seed, Config{Metrics: equivalenceMetrics, Stripes: 4, blockSlots: slots, Retention: time.Hour})
				e.anywhere = anywhere
				for range 400 {
					switch n := e.rnd.IntN(20); {
					case n < 10:
						e.append()
					case n == 10:
						e.free()
					case n == 11 && e.rnd.IntN(4) == 0:
						e.store.retain(e.store.cfg.Now())
						e.model.retain(e.base - int64(e.store.cfg.Retention.Seconds()))
					default:
						e.checkSelect()
						e.checkRead()
						e.checkHosts()
					}
				}
			})
		}
	}
}

// ended is a context that ends after its error was asked for so many times.
type ended struct {
	context.Context
	after int
}

func (c *ended) Err() error {
	if c.after--; c.after < 0 {
		return context.Canceled
	}
	return nil
}

// manySeries fills a store with so many hosts with so many series each.
func manySeries(t testing.TB, hosts, series int) *Store {
	s := newStore(t, Config{})
	flops, _ := s.Metric([]byte("flops"))
	power, _ := s.Metric([]byte("power"))
	for h := range hosts {
		b := &Batch{Cluster: "c", Host: fmt.Sprintf("h%05d", h)}
		for i := range series / 2 {
			b.Parts = append(b.Parts, Part{Type: "hwthread", ID: strconv.Itoa(i)})
			for _, m := range []MetricID{flops, power} {
				b.Add(int32(i), m, t0, 1)
			}
		}
		s.Append(b)
	}
	return s
}

func TestSelectEndsWithItsContext(t *testing.T) {
	s := manySeries(t, 20, 2)
	big := manySeries(t, 1, 4*checkEvery) // one host has to do
	for _, s := range []*Store{s, big} {
		for _, after := range []int{0, 1, 2, 3} {
			ctx := &ended{t.Context(), after}
			if got, err := s.Select(ctx); !errors.Is(err, context.Canceled) || got != nil {
				t.Errorf("after %d: %d series, error %v", after, len(got), err)
			}
			ctx.after = after
			if got, err := s.LabelValues(ctx, LabelTypeID); !errors.Is(err, context.Canceled) || got != nil {
				t.Errorf("after %d: %d values, error %v", after, len(got), err)
			}
		}
	}
}

// TestSelectEndsBeforeTheFirstHost has nothing but names of metrics and clusters to match.
func TestSelectEndsBeforeTheFirstHost(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	cancel()
	for label, s := range map[Label]*Store{LabelMetric: newStore(t, Config{}), LabelCluster: manySeries(t, 1, 2)} {
		for _, kind := range []MatchType{MatchEqual, MatchRegexp} {
			m, err := NewMatcher(kind, label, "not there.")
			if err != nil {
				t.Fatal(err)
			}
			if _, err := s.Select(ctx, m); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, match type %d: error %v", label, kind, err)
			}
			if _, err := s.LabelValues(ctx, LabelHost, m); !errors.Is(err, context.Canceled) {
				t.Errorf("%s, match type %d: error %v", label, kind, err)
			}
		}
	}
}

func TestSelectLimits(t *testing.T) {
	s := manySeries(t, 3, 4)
	if got, err := s.SelectIn(t.Context(), SelectBounds{Most: 12}); err != nil || len(got) != 12 {
		t.Errorf("%d series, error %v", len(got), err)
	}
	var many *SelectError
	if got, err := s.SelectIn(t.Context(), SelectBounds{Most: 11}); !errors.As(err, &many) || many.Limit != 11 || got != nil {
		t.Errorf("%d series, error %v", len(got), err)
	}
	for _, label := range []Label{LabelHost, LabelTypeID, LabelMetric} {
		values, err := s.LabelValues(t.Context(), label)
		if err != nil {
			t.Fatal(err)
		}
		if got, err := s.LabelValuesIn(t.Context(), SelectBounds{Most: len(values) - 1}, label); !errors.As(err, &many) || many.Label != label || got != nil {
			t.Errorf("%q, error %v", got, err)
		}
	}
	if _, err := s.LabelValues(t.Context(), "node"); err == nil || !strings.Contains(err.Error(), `no label "node"`) {
		t.Errorf("error %v", err)
	}
}

// TestSelectOfManyHosts selects two hosts by a list of 10,000.
func TestSelectOfManyHosts(t *testing.T) {
	s := manySeries(t, 2, 2)
	names := make([]string, 10_000)
	for i := range names {
		names[i] = fmt.Sprintf("h%05d", i)
	}
	for _, m := range []*Matcher{
		matcher(t, MatchEqual, LabelHost, names...),
		matcher(t, MatchRegexp, LabelHost, strings.Join(names, "|")),
	} {
		got, err := s.Select(t.Context(), m, matcher(t, MatchEqual, LabelMetric, "power"))
		part := Part{Type: "hwthread", ID: "0"}
		if want := []SeriesID{{"c", "h00000", part, "power"}, {"c", "h00001", part, "power"}}; err != nil || !slices.Equal(got, want) {
			t.Errorf("%v, error %v", got, err)
		}
	}
}

// TestSelectLeavesOutWhatHasNoSample looks for metrics and hosts without samples.
func TestSelectLeavesOutWhatHasNoSample(t *testing.T) {
	s := newStore(t, Config{})
	expect := func(want ...string) {
		t.Helper()
		got, err := s.LabelValues(t.Context(), LabelMetric)
		if err != nil || !slices.Equal(got, want) {
			t.Errorf("metrics %q, error %v, want %q", got, err, want)
		}
		if clusters, err := s.LabelValues(t.Context(), LabelCluster); err != nil || len(clusters) != min(len(want), 1) {
			t.Errorf("clusters %q, error %v", clusters, err)
		}
	}
	expect()
	put(t, s, "h", Part{}, "power", t0, 1)
	put(t, s, "h", Part{}, "load", t0, 1)
	expect("load", "power")
	s.Free(nil, 0, Entry{})
	s.Free([][]string{{}}, t0+1e6, Entry{})
	expect()
}

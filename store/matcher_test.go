package store

import (
	"fmt"
	"regexp"
	"strings"
	"testing"
)

// matcher makes a matcher that has to be valid.
func matcher(t testing.TB, kind MatchType, label Label, values ...string) *Matcher {
	t.Helper()
	m, err := NewMatcher(kind, label, values...)
	if err != nil {
		t.Fatal(err)
	}
	return m
}

func TestMatcher(t *testing.T) {
	for _, tt := range []struct {
		kind    MatchType
		values  []string
		matched string // by spaces; "-" is the empty string
		others  string
	}{
		{MatchEqual, []string{"a"}, "a", "- b aa A"},
		{MatchEqual, []string{""}, "-", "a"},
		{MatchEqual, []string{"a", "b"}, "a b", "- c ab"},
		{MatchEqual, nil, "", "- a"},
		{MatchRegexp, []string{"a.*"}, "a ab", "- ba"},
		{MatchRegexp, []string{""}, "-", "a"},
		{MatchRegexp, []string{"a|"}, "- a", "b"},
		{MatchRegexp, []string{"a|bc"}, "a bc", "- ac abc abcc"},
		{MatchRegexp, []string{`n1\.x|n2\.x`}, "n1.x n2.x", "n1_x"},
		{MatchRegexp, []string{`a\|b`}, "a|b", `a b a\`},
		{MatchRegexp, []string{"a|b.|^c$"}, "a bx c", "b bxx"},
		{MatchRegexp, []string{"."}, "\n x", "- xx"},
		{MatchRegexp, []string{"(?i)abc"}, "ABC", "- xabc"},
		{MatchRegexp, []string{"\uFFFD"}, "\xff", "- \xff\xff"}, // no UTF-8, as package regexp has it
		{MatchRegexp, []string{"f0[0-9]{3}"}, "f0001", "f00012 xf0001"},
	} {
		for _, negated := range []bool{false, true} {
			kind := tt.kind
			if negated {
				kind++
			}
			m := matcher(t, kind, LabelHost, tt.values...)
			check := func(values string, want bool) {
				for _, v := range strings.Split(values, " ") {
					if values == "" {
						continue
					}
					if v == "-" {
						v = ""
					}
					if m.matches(v) != want {
						t.Errorf("type %d, %q: %q is matched %v", kind, tt.values, v, !want)
					}
				}
			}
			check(tt.matched, !negated)
			check(tt.others, negated)
		}
	}
}

func TestMatcherFaults(t *testing.T) {
	for _, tt := range []struct {
		kind   MatchType
		label  Label
		values []string
		want   string
	}{
		{MatchEqual, "hostname", []string{"a"}, `no label "hostname"`},
		{MatchEqual, "", []string{"a"}, `no label ""`},
		{MatchNotRegexp + 1, LabelHost, []string{"a"}, "no match type 4"},
		{MatchRegexp, LabelHost, nil, "0 regular expressions"},
		{MatchNotRegexp, LabelHost, []string{"a", "b"}, "2 regular expressions"},
		{MatchRegexp, LabelHost, []string{"a("}, `match label "host": regular expression "a(": error parsing regexp`},
		{MatchRegexp, LabelHost, []string{"a)(b"}, "error parsing regexp"},
		{MatchRegexp, LabelHost, []string{"(a)\\1"}, "error parsing regexp"},
		{MatchRegexp, LabelHost, []string{"[a]\xff"}, "invalid UTF-8"},
		{MatchRegexp, LabelHost, []string{".*" + strings.Repeat("x", MaxRegexp)}, "at most 4096"},
		{MatchRegexp, LabelHost, []string{strings.Repeat(".{1000}", 20)}, "at most 16384"},
	} {
		if _, err := NewMatcher(tt.kind, tt.label, tt.values...); err == nil || !strings.Contains(err.Error(), tt.want) {
			t.Errorf("%d %q %.20q: error %v lacks %q", tt.kind, string(tt.label), tt.values, err, tt.want)
		}
	}
}

// FuzzMatcher compares regular expressions with package regexp.
func FuzzMatcher(f *testing.F) {
	for _, expression := range []string{"", "a|b", "a|", `a\.b|c`, `\||a`, `a\\|b`, "a.*", "(a", "a)(b", "\uFFFD|a", "\xff", "^a$", "a\nb|.", `\`, `\Qa|b\E`, `\Qa|b`, "(?i)a|b"} {
		f.Add(expression, "a")
		f.Add(expression, "a.b")
	}
	f.Fuzz(func(t *testing.T, expression, value string) {
		m, err := NewMatcher(MatchRegexp, LabelMetric, expression)
		_, invalid := regexp.Compile(expression)
		if err != nil {
			bounded := strings.Contains(err.Error(), "are possible")
			if invalid == nil && !bounded {
				t.Errorf("%q is refused: %v", expression, err)
			}
			return
		}
		if invalid != nil {
			t.Fatalf("%q is taken, although %v", expression, invalid)
		}
		whole := regexp.MustCompile("(?s)" + expression)
		whole.Longest()
		at := whole.FindStringIndex(value)
		want := at != nil && at[0] == 0 && at[1] == len(value)
		if got := m.matches(value); got != want {
			t.Errorf("%q matches %q: %v, want %v", expression, value, got, want)
		}
		if values, ok := m.listed(); ok && want != has(values, value) {
			t.Errorf("%q lists %q", expression, fmt.Sprint(values))
		}
	})
}

func has(set map[string]struct{}, value string) bool {
	_, ok := set[value]
	return ok
}

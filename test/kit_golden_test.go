package test

import (
	"cmp"
	"encoding/json"
	"fmt"
	"math"
	"os"
	"slices"
	"strings"
	"testing"
)

// golden holds recorded requests with the answers that they must get.
type golden struct {
	Metrics   object
	Scenarios []struct {
		Name  string
		Steps []goldenStep
	}
}

type goldenStep struct {
	Request struct{ Method, Path, Body string }
	Answer  struct {
		Status int
		JSON   *any
		Text   string
	}
	// Compare is "full" (the default), "status" or "error".
	Compare string
	// Unordered says that the hosts may come in any order.
	Unordered bool
}

func loadGolden(t *testing.T) golden {
	t.Helper()
	text, err := os.ReadFile("testdata/golden.json")
	if err != nil {
		t.Fatal(err)
	}
	var g golden
	if err := json.Unmarshal(text, &g); err != nil {
		t.Fatal(err)
	}
	return g
}

// difference says how a differs from the recorded answer; empty if it agrees.
func (s *goldenStep) difference(a answer) string {
	if a.status != s.Answer.Status {
		return fmt.Sprintf("status %d, want %d", a.status, s.Answer.Status)
	}
	var doc any
	parseErr := json.Unmarshal([]byte(a.body), &doc)
	isJSON := s.Answer.JSON != nil
	switch {
	case isJSON && parseErr != nil:
		return "the body is not JSON: " + parseErr.Error()
	case s.Compare == "status":
		if isJSON && a.status >= 400 && member(doc, "error") == nil {
			return "no error is named"
		}
	case s.Compare == "error":
		if !anyError(doc) {
			return "no result carries an error"
		}
	case isJSON:
		want := *s.Answer.JSON
		if s.Unordered {
			sortResults(want)
			sortResults(doc)
		}
		return compare("", want, doc)
	case s.Answer.Text != "" && strings.TrimSpace(a.body) != strings.TrimSpace(s.Answer.Text):
		return fmt.Sprintf("text %q, want %q", a.body, s.Answer.Text)
	}
	return ""
}

func member(doc any, key string) any {
	o, _ := doc.(map[string]any)
	return o[key]
}

func anyError(doc any) bool {
	rows, _ := member(doc, "results").([]any)
	for _, row := range rows {
		results, _ := row.([]any)
		if slices.ContainsFunc(results, func(r any) bool { return member(r, "error") != nil }) {
			return true
		}
	}
	return false
}

// sortResults brings the queries of an answer, and their results with them,
// into one order.
func sortResults(doc any) {
	queries, _ := member(doc, "queries").([]any)
	results, _ := member(doc, "results").([]any)
	if len(queries) != len(results) {
		return // compare finds it
	}
	type pair struct {
		key            string
		query, results any
	}
	pairs := make([]pair, len(queries))
	for i := range queries {
		key, _ := json.Marshal(queries[i]) // came from JSON
		pairs[i] = pair{string(key), queries[i], results[i]}
	}
	slices.SortFunc(pairs, func(a, b pair) int { return cmp.Compare(a.key, b.key) })
	for i, p := range pairs {
		queries[i], results[i] = p.query, p.results
	}
}

// compare says where got differs from want. Numbers were recorded with three
// decimals, statistics with two; windows are exact. The words of an error are
// free.
func compare(path string, want, got any) string {
	differ := func() string { return fmt.Sprintf("%s: %s, want %s", path, shown(got), shown(want)) }
	switch w := want.(type) {
	case map[string]any:
		g, ok := got.(map[string]any)
		if !ok {
			return differ()
		}
		if w["error"] != nil {
			if g["error"] == nil {
				return differ()
			}
			return ""
		}
		return compareMembers(path, w, g)
	case []any:
		g, ok := got.([]any)
		if !ok || len(g) != len(w) {
			return differ()
		}
		for i := range w {
			if d := compare(fmt.Sprintf("%s[%d]", path, i), w[i], g[i]); d != "" {
				return d
			}
		}
	case float64:
		g, ok := got.(float64)
		if !ok || math.Abs(w-g) > tolerance(path, w) {
			return differ()
		}
	default:
		if want != got {
			return differ()
		}
	}
	return ""
}

func compareMembers(path string, want, got map[string]any) string {
	for key := range got {
		if _, ok := want[key]; !ok {
			return fmt.Sprintf("%s has %q", path, key)
		}
	}
	for key, w := range want {
		g, ok := got[key]
		if !ok {
			return fmt.Sprintf("%s lacks %q", path, key)
		}
		if d := compare(path+"."+key, w, g); d != "" {
			return d
		}
	}
	return ""
}

// tolerance is by how much a number at the path may differ from want.
func tolerance(path string, want float64) float64 {
	switch path[strings.LastIndexByte(path, '.')+1:] {
	case "from", "to", "resolution":
		return 0
	case "avg", "min", "max":
		return max(1.1e-2, 1e-6*math.Abs(want))
	}
	return max(1.1e-3, 1e-6*math.Abs(want))
}

func shown(v any) string {
	text, err := json.Marshal(v)
	if err != nil {
		return fmt.Sprint(v)
	}
	return clip(string(text))
}

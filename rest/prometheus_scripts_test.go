package rest

import (
	"encoding/json"
	"fmt"
	"maps"
	"math"
	"net/url"
	"os"
	"os/exec"
	"path/filepath"
	"slices"
	"strconv"
	"strings"
	"testing"

	"github.com/prometheus/prometheus/model/labels"

	"cc-metric-store/rest/promapi"
)

// TestPrometheusScripts runs Prometheus' own acceptance scripts, as far as their samples can be ours,
// through the HTTP interface. Labels have our names instead of those of the scripts.
func TestPrometheusScripts(t *testing.T) {
	t.Parallel()
	dir, err := exec.Command("go", "list", "-m", "-f", "{{.Dir}}", "github.com/prometheus/prometheus").Output()
	if err != nil {
		t.Fatalf("find the module of Prometheus: %v", err)
	}
	folder := filepath.Join(strings.TrimSpace(string(dir)), "promql", "promqltest", "testdata")
	entries, err := os.ReadDir(folder)
	if err != nil {
		t.Fatal(err)
	}
	total := 0
	for _, e := range entries {
		name, ok := strings.CutSuffix(e.Name(), ".test")
		if !ok {
			continue
		}
		if why := featureOf(name); why != "" {
			t.Logf("%s: not run: %s", name, why)
			continue
		}
		r := &scriptRun{t: t, name: name, skipped: map[string]int{}}
		r.run(readScript(t, name, filepath.Join(folder, e.Name())))
		total += r.passed
		t.Log(r.summary())
	}
	if total < 700 {
		t.Errorf("only %d queries ran", total)
	}
}

// featureOf returns the feature that a script is about and that is off by default in Prometheus, too.
func featureOf(script string) string {
	switch script {
	case "type_and_unit":
		return "labels of types and units are off by default"
	case "name_label_dropping":
		return "delayed removal of names is off by default"
	}
	return ""
}

// scriptRun runs one script.
type scriptRun struct {
	t       *testing.T
	name    string
	fixture *fixture
	section *scriptSection
	passed  int
	skipped map[string]int // by reason
}

func (r *scriptRun) summary() string {
	text := fmt.Sprintf("%s: %d ran", r.name, r.passed)
	for _, why := range slices.Sorted(maps.Keys(r.skipped)) {
		text += fmt.Sprintf("; %d not: %s", r.skipped[why], why)
	}
	return text
}

func (r *scriptRun) run(s script) {
	for len(s.commands) > 0 {
		end := 0
		for end < len(s.commands) && (s.commands[end].isEval || s.commands[end].interval > 0 || len(s.commands[end].series) > 0 || s.commands[end].unreadable != "") {
			end++
		}
		r.runSection(s.commands[:end])
		s.commands = s.commands[min(end+1, len(s.commands)):]
	}
}

func (r *scriptRun) runSection(commands []scriptCommand) {
	if len(commands) == 0 {
		return
	}
	r.section = newSection(commands)
	if why := r.section.refusal; why != "" {
		for _, c := range commands {
			if c.isEval {
				r.skipped[why]++
			}
		}
		return
	}
	st := r.section.store(r.t)
	r.fixture = start(r.t, Config{Prometheus: promapi.Config{MaxSamples: 1e6}}, st)
	for _, c := range commands {
		if !c.isEval {
			r.section.load(r.t, st, c)
			continue
		}
		r.eval(c)
	}
	if err := r.fixture.stop(); err != nil {
		r.t.Error(err)
	}
}

// promAnswer is an answer of the API.
type promAnswer struct {
	Status, ErrorType, Error string
	Warnings, Infos          []string
	Data                     struct {
		ResultType string
		Result     json.RawMessage
	}
}

func (r *scriptRun) eval(c scriptCommand) {
	if c.unreadable != "" {
		r.skipped["expectations of another form, such as histograms"]++
		return
	}
	text, why := r.section.translate(c.expression)
	for _, w := range c.want {
		for _, v := range w.values {
			if v.Histogram != nil {
				why = "native histograms"
			}
		}
	}
	if why != "" {
		r.skipped[why]++
		return
	}
	form, path := url.Values{"query": {text}}, "/api/v1/query"
	if c.isRange {
		path = "/api/v1/query_range"
		form.Set("start", fmt.Sprint(c.at.Seconds()))
		form.Set("end", fmt.Sprint(c.to.Seconds()))
		form.Set("step", fmt.Sprint(c.step.Seconds()))
	} else {
		form.Set("time", fmt.Sprint(c.at.Seconds()))
	}
	reply := r.fixture.send("POST", path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	var got promAnswer
	if err := json.Unmarshal([]byte(reply.body), &got); err != nil {
		r.t.Fatalf("%s:%d: %s: %v in %s", r.name, c.line, text, err, reply.body)
	}
	if err := r.check(c, reply.status, &got); err != nil {
		r.t.Errorf("%s:%d: %s (as %s): %v", r.name, c.line, c.expression, text, err)
		return
	}
	r.passed++
}

func (r *scriptRun) check(c scriptCommand, status int, got *promAnswer) error {
	if c.fails {
		if status != 422 && status != 400 || got.Status != "error" {
			return fmt.Errorf("it does not fail: %d %s", status, got.Data.Result)
		}
		return nil
	}
	if status != 200 {
		return fmt.Errorf("%d %s", status, got.Error)
	}
	for _, n := range []struct {
		want  string
		texts []string
	}{{c.warns, got.Warnings}, {c.infos, got.Infos}} {
		if n.want == "yes" && len(n.texts) == 0 || n.want == "no" && len(n.texts) > 0 {
			return fmt.Errorf("warnings %q, infos %q", got.Warnings, got.Infos)
		}
	}
	switch got.Data.ResultType {
	case "string":
		var pair [2]any
		if err := json.Unmarshal(got.Data.Result, &pair); err != nil {
			return err
		}
		if c.wantString == nil || pair[1] != *c.wantString {
			return fmt.Errorf("got the string %v", pair[1])
		}
		return nil
	case "scalar":
		p, err := readPoint(got.Data.Result)
		if err != nil {
			return err
		}
		if c.wantScalar == nil || !nearly(p.v, *c.wantScalar) {
			return fmt.Errorf("got the scalar %v", p.v)
		}
		return nil
	}
	want := r.expected(c)
	var found []struct {
		Metric map[string]string
		Value  json.RawMessage
		Values []json.RawMessage
	}
	if err := json.Unmarshal(got.Data.Result, &found); err != nil {
		return err
	}
	have := map[string]map[int64]float64{}
	var order []string
	for _, f := range found {
		if !r.section.hasType && f.Metric["type"] == "node" {
			delete(f.Metric, "type")
		}
		points := map[int64]float64{}
		if f.Value != nil {
			f.Values = append(f.Values, f.Value)
		}
		for _, raw := range f.Values {
			p, err := readPoint(raw)
			if err != nil {
				return err
			}
			points[p.t] = p.v
		}
		key := labels.FromMap(f.Metric).String()
		if have[key] != nil {
			return fmt.Errorf("two series %s", key)
		}
		have[key] = points
		order = append(order, key)
	}
	if len(have) != len(want.points) || c.ordered && !slices.Equal(order, want.order) {
		return fmt.Errorf("got %v, want %v", have, want.points)
	}
	for key, points := range want.points {
		if !maps.EqualFunc(points, have[key], nearly) {
			return fmt.Errorf("%s: got %v, want %v", key, have[key], points)
		}
	}
	return nil
}

type expectedSeries struct {
	points map[string]map[int64]float64
	order  []string
}

// expected returns what a command wants, by labels and time in milliseconds.
func (r *scriptRun) expected(c scriptCommand) expectedSeries {
	out := expectedSeries{points: map[string]map[int64]float64{}}
	for _, w := range c.want {
		points := map[int64]float64{}
		for i, v := range w.values {
			at := c.at.Milliseconds()
			switch {
			case c.isRange:
				at += int64(i) * c.step.Milliseconds()
			case c.matrix:
				at = c.mFrom.Milliseconds() + int64(i)*c.mStep.Milliseconds()
			}
			if !v.Omitted {
				points[at] = v.Value
			}
		}
		key := r.section.rename(w.labels).String()
		out.points[key] = points
		out.order = append(out.order, key)
	}
	if c.wantScalar != nil {
		out.points["{}"] = map[int64]float64{c.at.Milliseconds(): *c.wantScalar}
	}
	return out
}

type promPoint struct {
	t int64 // milliseconds
	v float64
}

func readPoint(raw json.RawMessage) (p promPoint, err error) {
	var pair [2]any
	if err := json.Unmarshal(raw, &pair); err != nil {
		return p, err
	}
	at, ok := pair[0].(float64)
	text, ok2 := pair[1].(string)
	if !ok || !ok2 {
		return p, fmt.Errorf("%s is no point", raw)
	}
	p.t = int64(math.Round(at * 1000))
	p.v, err = strconv.ParseFloat(text, 64)
	return p, err
}

// nearly reports whether two values are the same but for errors of rounding.
func nearly(a, b float64) bool {
	if a == b || math.IsNaN(a) && math.IsNaN(b) {
		return true
	}
	return math.Abs(a-b) <= 1e-6*(math.Abs(a)+math.Abs(b))
}

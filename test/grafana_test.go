package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/url"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/prometheus/prometheus/tsdb/chunks"
)

// dashboard is what the tests read of a dashboard of Grafana.
type dashboard struct {
	UID, Title    string
	SchemaVersion int
	Templating    struct{ List []variable }
	Panels        []panel
}

type variable struct {
	Name, Type, Definition string
	Multi                  bool
	Query                  json.RawMessage
	Datasource             *dataSource
}

type dataSource struct{ Type, UID string }

type panel struct {
	ID         int
	Type       string
	Title      string
	GridPos    struct{ X, Y, W, H int }
	Datasource *dataSource
	Targets    []struct {
		Expr, RefID string
		Instant     bool
		Datasource  *dataSource
	}
}

func readDashboard(t *testing.T, name string) dashboard {
	t.Helper()
	text, err := os.ReadFile(filepath.Join("..", "deploy", "grafana", "dashboards", name))
	var d dashboard
	if err == nil {
		err = json.Unmarshal(text, &d)
	}
	if err != nil {
		t.Fatalf("%s: %v", name, err)
	}
	return d
}

// TestDashboardsAreWellFormed: panels have numbers of their own, do not overlap, and name only variables that are
// there; each one asks the data source that is chosen.
func TestDashboardsAreWellFormed(t *testing.T) {
	t.Parallel()
	named := regexp.MustCompile(`\$\{?([a-z]+)\b`)
	for _, name := range []string{"clusters.json", "store.json"} {
		d := readDashboard(t, name)
		if d.UID == "" || d.Title == "" || d.SchemaVersion < 36 {
			t.Errorf("%s: %q %q, version %d", name, d.UID, d.Title, d.SchemaVersion)
		}
		known := map[string]bool{}
		check := func(where, text string, source *dataSource) {
			t.Helper()
			for _, m := range named.FindAllStringSubmatch(text, -1) {
				if !known[m[1]] {
					t.Errorf("%s, %s: there is no variable %s before it", name, where, m[1])
				}
			}
			if source == nil || source.Type != "prometheus" || source.UID != "${datasource}" {
				t.Errorf("%s, %s: the data source is %+v", name, where, source)
			}
		}
		for _, v := range d.Templating.List {
			if v.Type == "query" {
				check(v.Name, v.Definition, v.Datasource)
			} else if v.Type != "datasource" {
				t.Errorf("%s: the variable %s is of type %s", name, v.Name, v.Type)
			}
			known[v.Name] = true
		}
		ids, cells := map[int]bool{}, map[[2]int]string{}
		for _, p := range d.Panels {
			if ids[p.ID] || p.ID == 0 {
				t.Errorf("%s: two panels have the number %d", name, p.ID)
			}
			ids[p.ID] = true
			for x := p.GridPos.X; x < p.GridPos.X+p.GridPos.W; x++ {
				for y := p.GridPos.Y; y < p.GridPos.Y+p.GridPos.H; y++ {
					if other := cells[[2]int{x, y}]; other != "" || x > 23 {
						t.Errorf("%s: the panel %q lies on %q at %d, %d", name, p.Title, other, x, y)
					}
					cells[[2]int{x, y}] = p.Title
				}
			}
			if p.Type == "row" {
				continue
			}
			check(p.Title, p.Title, p.Datasource)
			if len(p.Targets) == 0 {
				t.Errorf("%s: the panel %q asks for nothing", name, p.Title)
			}
			for _, target := range p.Targets {
				check(p.Title, strings.ReplaceAll(target.Expr, "$__", ""), target.Datasource)
			}
		}
	}
}

// promResult asks Prometheus' API, and returns how many rows the answer has.
func (n *node) promRows(path string, parameters url.Values) int {
	n.t.Helper()
	a := n.send("POST", "/api/v1/"+path, parameters.Encode(), "Content-Type", "application/x-www-form-urlencoded")
	var got struct {
		Data struct{ Result []json.RawMessage }
	}
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
		n.t.Errorf("%s %v: %d %s (%v)", path, parameters, a.status, clip(a.body), err)
	}
	return len(got.Data.Result)
}

// promValues returns the values of a variable's query, as Grafana asks for them.
func (n *node) promValues(definition string) []string {
	n.t.Helper()
	m := regexp.MustCompile(`^label_values\((?:(.*), ?)?(\w+)\)$`).FindStringSubmatch(definition)
	if m == nil {
		n.t.Fatalf("%q is no query of values", definition)
	}
	parameters := url.Values{"start": {fmt.Sprint(time.Now().Add(-time.Hour).Unix())}, "end": {fmt.Sprint(time.Now().Unix())}}
	if m[1] != "" {
		parameters.Set("match[]", m[1])
	}
	a := n.send("GET", "/api/v1/label/"+m[2]+"/values?"+parameters.Encode(), "")
	var got struct{ Data []string }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status != 200 {
		n.t.Fatalf("%s: %d %s (%v)", definition, a.status, clip(a.body), err)
	}
	return got.Data
}

// TestDashboardOfClusters fills in the variables of the dashboard, as Grafana does, on a node that the generator has
// filled, and runs every expression.
func TestDashboardOfClusters(t *testing.T) {
	t.Parallel()
	const hosts, ticks = 3, 12
	g := startGenerated(t, hosts, ticks, false)
	g.fill(ticks)
	d := readDashboard(t, "clusters.json")
	choice := map[string]string{"cluster": "fritz", "metric": "flops_any", "parts": "flops_any"}
	fill := func(text string) string {
		for name, value := range choice {
			text = strings.ReplaceAll(text, "$"+name, value)
		}
		return strings.NewReplacer("$__range", "10m", "$__rate_interval", "4m", "$__interval", "1m").Replace(text)
	}
	for _, v := range d.Templating.List {
		if v.Type != "query" {
			continue
		}
		values := g.promValues(fill(v.Definition))
		if len(values) == 0 {
			t.Fatalf("the variable %s has no values", v.Name)
		}
		switch wanted := choice[v.Name]; {
		case wanted != "" && !slices.Contains(values, wanted):
			t.Errorf("the variable %s has the values %q, not %s", v.Name, values, wanted)
		case v.Multi:
			choice[v.Name] = "(" + strings.Join(values, "|") + ")"
		case wanted == "":
			choice[v.Name] = values[0]
		}
	}
	end := g.first + int64(ticks-1)*60
	ran := 0
	for _, p := range d.Panels {
		for _, target := range p.Targets {
			rows := 0
			text := fill(target.Expr)
			if target.Instant {
				rows = g.promRows("query", url.Values{"query": {text}, "time": {fmt.Sprint(end)}})
			} else {
				rows = g.promRows("query_range", url.Values{"query": {text}, "start": {fmt.Sprint(g.first)}, "end": {fmt.Sprint(end)}, "step": {"60"}})
			}
			if rows == 0 {
				t.Errorf("the panel %q is empty: %s", p.Title, text)
			}
			ran++
		}
	}
	if ran < 30 {
		t.Errorf("only %d expressions ran", ran)
	}
	t.Logf("%d expressions", ran)
}

// TestDashboardOfStore runs every expression of the dashboard of the store's own health on what a Prometheus would have
// of a node.
func TestDashboardOfStore(t *testing.T) {
	t.Parallel()
	cfg := baseConfig()
	section(cfg, "metric-store")["checkpoint-interval"] = "1s"
	n := start(t, cfg)
	s := &scrapes{t: t, series: map[string][]chunks.Sample{}}
	begin := time.Unix(1760000000, 0)
	n.write(fmt.Sprintf("cpu_load,hostname=h value=1 %d\n", time.Now().Unix()))
	n.send("POST", "/api/write/?cluster=alex", "nonsense\n")
	n.waitFor("a checkpoint", func() error {
		if n.metric("checkpoint_last_timestamp_seconds") == 0 {
			return errors.New("there is none")
		}
		return nil
	})
	for i := range 5 {
		n.query(object{"cluster": "alex", "from": 1, "to": 61, "queries": []object{{"metric": "cpu_load", "host": "h"}}})
		s.scrape(n, "cc-metric-store", begin.Add(time.Duration(i)*15*time.Second))
	}
	fill := strings.NewReplacer("$job", "cc-metric-store", "$instance", ".*", "$__rate_interval", "1m")
	ran := 0
	for _, p := range readDashboard(t, "store.json").Panels {
		for _, target := range p.Targets {
			if text := fill.Replace(target.Expr); s.rows(text, begin.Add(time.Minute)) == 0 {
				t.Errorf("the panel %q is empty: %s", p.Title, text)
			}
			ran++
		}
	}
	if ran < 20 {
		t.Errorf("only %d expressions ran", ran)
	}
	t.Logf("%d expressions", ran)
}

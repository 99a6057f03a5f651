package rest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"net/http"
	"net/url"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/golang-jwt/jwt/v5"

	"cc-metric-store/rest/promapi"
	"cc-metric-store/store"
	"cc-metric-store/test/testkit"
)

// promStart runs a server with some samples: cpu_load of n1 and n2 at 60 s, flops of two sockets of n1.
func promStart(t *testing.T, cfg Config) *fixture {
	t.Helper()
	f := start(t, cfg, nil)
	f.log.apply("alex", fmt.Sprintf("n1 cpu_load 1.5 %d", origin))
	f.log.apply("alex", fmt.Sprintf("n1 cpu_load 2.5 %d", origin+60))
	f.log.apply("alex", fmt.Sprintf("n2 cpu_load -0.25 %d", origin+60))
	f.log.apply("alex", fmt.Sprintf("n1/socket/0 flops 10 %d", origin+60))
	f.log.apply("alex", fmt.Sprintf("n1/socket/1 flops 20 %d", origin+60))
	return f
}

// prom asks an endpoint with a form, and returns the answer as it is.
func (f *fixture) prom(path string, parameters ...string) answer {
	f.t.Helper()
	form := url.Values{}
	for i := 0; i+1 < len(parameters); i += 2 {
		form.Add(parameters[i], parameters[i+1])
	}
	return f.send("POST", "/api/v1/"+path, form.Encode(), "Content-Type", "application/x-www-form-urlencoded")
}

func (f *fixture) wantPromError(a answer, status int, kind string, words ...string) {
	f.t.Helper()
	var got struct{ Status, ErrorType, Error string }
	if err := json.Unmarshal([]byte(a.body), &got); err != nil {
		f.t.Fatalf("%d %q: %v", a.status, a.body, err)
	}
	if a.status != status || got.Status != "error" || got.ErrorType != kind || got.Error == "" || a.header.Get("Content-Type") != "application/json" {
		f.t.Errorf("got %d %s, want %d %s", a.status, a.body, status, kind)
	}
	for _, w := range words {
		if !strings.Contains(got.Error, w) {
			f.t.Errorf("error %q lacks %q", got.Error, w)
		}
	}
}

func TestPrometheusAnswers(t *testing.T) {
	f := promStart(t, Config{})
	at := fmt.Sprint(origin + 60)
	for _, c := range []struct {
		path       string
		parameters []string
		want       string
	}{
		{"query", []string{"query", "1+1", "time", "4"}, `{"resultType":"scalar","result":[4,"2"]}`},
		{"query", []string{"query", `"text"`, "time", "-1.5"}, `{"resultType":"string","result":[-1.5,"text"]}`},
		{"query", []string{"query", "cpu_load", "time", at}, `{"resultType":"vector","result":[` +
			`{"metric":{"__name__":"cpu_load","cluster":"alex","hostname":"n1","type":"node"},"value":[1760000100,"2.5"]},` +
			`{"metric":{"__name__":"cpu_load","cluster":"alex","hostname":"n2","type":"node"},"value":[1760000100,"-0.25"]}]}`},
		{"query", []string{"query", `cpu_load{hostname="n1"}[5m]`, "time", at}, `{"resultType":"matrix","result":[` +
			`{"metric":{"__name__":"cpu_load","cluster":"alex","hostname":"n1","type":"node"},"values":[[1760000040,"1.5"],[1760000100,"2.5"]]}]}`},
		{"query", []string{"query", `flops{type="node"}`, "time", at}, `{"resultType":"vector","result":[` +
			`{"metric":{"__name__":"flops","cluster":"alex","hostname":"n1","type":"node"},"value":[1760000100,"30"]}]}`},
		{"query", []string{"query", `flops`, "time", at}, `{"resultType":"vector","result":[` +
			`{"metric":{"__name__":"flops","cluster":"alex","hostname":"n1","type":"socket","type_id":"0"},"value":[1760000100,"10"]},` +
			`{"metric":{"__name__":"flops","cluster":"alex","hostname":"n1","type":"socket","type_id":"1"},"value":[1760000100,"20"]}]}`},
		{"query", []string{"query", `flops{type="node",type_id="0"}`, "time", at}, `{"resultType":"vector","result":[]}`},
		{"query", []string{"query", `vector(1)/0`, "time", at}, `{"resultType":"vector","result":[{"metric":{},"value":[1760000100,"+Inf"]}]}`},
		{"query", []string{"query", `vector(0)/-0 or vector(1e-9) or vector(1e22)`, "time", at}, `{"resultType":"vector","result":[{"metric":{},"value":[1760000100,"NaN"]}]}`},
		{"query", []string{"query", `vector(1e-9)`, "time", "2025-10-09T08:55:00.25Z"}, `{"resultType":"vector","result":[{"metric":{},"value":[1760000100.25,"1e-09"]}]}`},
		{"query_range", []string{"query", `cpu_load{hostname="n1"}`, "start", fmt.Sprint(origin), "end", at, "step", "30s"}, `{"resultType":"matrix","result":[` +
			`{"metric":{"__name__":"cpu_load","cluster":"alex","hostname":"n1","type":"node"},"values":[[1760000040,"1.5"],[1760000070,"1.5"],[1760000100,"2.5"]]}]}`},
		{"query_range", []string{"query", `nothing`, "start", "0", "end", "10", "step", "1.5"}, `{"resultType":"matrix","result":[]}`},
		{"query_range", []string{"query", `nothing`, "start", "0", "end", "11000", "step", "1"}, `{"resultType":"matrix","result":[]}`}, // one point more than steps, as in Prometheus
		{"query_range", []string{"query", `count_values by (hostname) ("v", cpu_load)`, "start", at, "end", at, "step", "1"}, `{"resultType":"matrix","result":[` +
			`{"metric":{"hostname":"n1","v":"2.5"},"values":[[1760000100,"1"]]},{"metric":{"hostname":"n2","v":"-0.25"},"values":[[1760000100,"1"]]}]}`},
		{"query_range", []string{"query", `count_values("v", cpu_load > bool 1)`, "start", at, "end", fmt.Sprint(origin + 61), "step", "1"}, `{"resultType":"matrix","result":[` +
			`{"metric":{"v":"0"},"values":[[1760000100,"1"],[1760000101,"1"]]},{"metric":{"v":"1"},"values":[[1760000100,"1"],[1760000101,"1"]]}]}`},
		{"labels", nil, `["__name__","cluster","hostname","type","type_id"]`},
		{"labels", []string{"match[]", "cpu_load"}, `["__name__","cluster","hostname","type"]`},
		{"label/type/values", nil, `["node","socket"]`},
		{"label/type_id/values", nil, `["0","1"]`},
		{"label/hostname/values", []string{"match[]", `flops`, "match[]", `{job!=""}`}, `["n1"]`},
		{"label/U__hostname/values", []string{"start", "-9223372036854775", "end", "9223372036854775.807"}, `["n1","n2"]`},
		{"label/__name__/values", []string{"match[]", `{hostname=~"n2|n3"}`}, `["cpu_load"]`},
		{"label/job/values", nil, `[]`},
		{"series", []string{"match[]", `flops{type_id!="0"}`, "match[]", `flops{type_id="1"}`}, `[{"__name__":"flops","cluster":"alex","hostname":"n1","type":"socket","type_id":"1"}]`},
		{"series", []string{"match[]", `flops{type="node"}`}, `[]`}, // what is stored
		{"metadata", []string{"metric", "flops"}, `{"flops":[{"type":"gauge","help":"every 60 s; parts combine by sum","unit":""}]}`},
		{"rules", nil, `{"groups":[]}`},
		{"alerts", nil, `{"alerts":[]}`},
	} {
		a := f.prom(c.path, c.parameters...)
		want := `{"status":"success","data":` + c.want + "}\n"
		if a.status != 200 || a.body != want || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s %q: %d %s, want %s", c.path, c.parameters, a.status, a.body, want)
		}
		// The same with the parameters in the URL.
		form := url.Values{}
		for i := 0; i+1 < len(c.parameters); i += 2 {
			form.Add(c.parameters[i], c.parameters[i+1])
		}
		if a := f.send("GET", "/api/v1/"+c.path+"?"+form.Encode(), ""); a.body != want {
			t.Errorf("GET %s %q: %d %s", c.path, c.parameters, a.status, a.body)
		}
	}
	var info struct{ Data struct{ Version string } }
	if a := f.prom("status/buildinfo"); json.Unmarshal([]byte(a.body), &info) != nil || info.Data.Version != promapi.Version || strings.Contains(a.body, "features") {
		t.Errorf("build info: %s", a.body)
	}
	for _, c := range [][]string{{"label/hostname/values"}, {"series", "match[]", "cpu_load", "match[]", `{hostname="n1",__name__=~"cpu.*"}`}, {"series", "match[]", "cpu_load"}, {"query", "query", "cpu_load", "time", at}} {
		a := f.prom(c[0], append(c[1:], "limit", "1")...)
		if a.status != 200 || strings.Contains(a.body, "n2") || !strings.Contains(a.body, `"warnings":["results truncated due to limit"]`) {
			t.Errorf("%q with a limit: %d %s", c, a.status, a.body)
		}
	}
	if a := f.prom("query", "query", "rate(cpu_load[5m])", "time", at); !strings.Contains(a.body, `"infos":["PromQL info: metric might not be a counter`) {
		t.Errorf("the rate of a gauge: %s", a.body)
	}
}

func TestPrometheusErrors(t *testing.T) {
	f := promStart(t, Config{Prometheus: promapi.Config{MaxSamples: 1000, MaxSeries: 3, Timeout: time.Second}})
	for _, c := range []struct {
		path, parameters string
		status           int
		kind, words      string
	}{
		{"query", "", 400, "bad_data", "query"},
		{"query", "query=1%2B", 400, "bad_data", "parse error"},
		{"query", "query=x&time=NaN", 400, "bad_data", "time"},
		{"query", "query=x&time=1e400", 400, "bad_data", "time"},
		{"query", "query=x&time=-1e13", 400, "bad_data", "time"},
		{"query", "query=x&time=yesterday", 400, "bad_data", "time"},
		{"query", "query=x&timeout=soon", 400, "bad_data", "timeout"},
		{"query", "query=x&limit=-1", 400, "bad_data", "limit"},
		{"query", "query=%ff%fe", 400, "bad_data", ""},
		{"query", "query=x&time=%zz", 400, "bad_data", ""},
		{"query_range", "query=x&start=1&end=2", 400, "bad_data", "step"},
		{"query_range", "query=x&start=2&end=1&step=1", 400, "bad_data", "before"},
		{"query_range", "query=x&start=1&end=2&step=0", 400, "bad_data", "step"},
		{"query_range", "query=x&start=1&end=2&step=-1", 400, "bad_data", "step"},
		{"query_range", "query=x&start=1&end=2&step=NaN", 400, "bad_data", "step"},
		{"query_range", "query=x&start=1&end=2&step=1e400", 400, "bad_data", "step"},
		{"query_range", "query=x&start=0&end=11001&step=1", 400, "bad_data", "11000"},
		{"query_range", "query=x[5m]&start=0&end=1&step=1", 400, "bad_data", "range"},
		{"query", "query=cpu_load%2Bon()flops&time=1760000100", 422, "execution", ""},
		{"query", `query={cluster="alex"}&time=1760000100`, 422, "execution", "more than 3 series"},
		{"query", `query=cpu_load+or+flops&time=1760000100`, 422, "execution", "more than 3 series"},
		{"query", `query=count_over_time(vector(1)[10000s:1s])&time=1760000100`, 422, "execution", "samples"},
		{"query", `query=count_over_time(vector(1)[1y:1ms])&time=1760000100`, 422, "execution", "steps"},
		{"query", `query=count_over_time(vector(1)[1y*2:1s])&time=1760000100`, 422, "execution", "steps"},
		{"query", `query=count_over_time((cpu_load>1)[11d:1s])&time=1760000100&timeout=1ms`, 503, "timeout", "timed out"},
		{"query_range", `query=count_values("v",vector(time()))&start=0&end=99&step=1`, 422, "execution", "different values"},
		{"query_range", `query=count_values+without(type)("v",cpu_load)&start=1760000000&end=1760000600&step=1`, 422, "execution", "different values"},
		{"query", `query=count_over_time(count_values("v",vector(time()))[1m:1s]+@+9)&time=1760000100`, 422, "execution", "different values"},
		{"series", "", 400, "bad_data", "match[]"},
		{"series", "match[]=1%2B1", 400, "bad_data", "match[]"},
		{"series", `match[]={cluster=~".*"}`, 400, "bad_data", "match[]"},
		{"series", `match[]={cluster="alex"}`, 422, "execution", "more than 3 series"},
		{"series", `match[]={cluster="alex"}&limit=4`, 422, "execution", "more than 3 series"},
		{"series", `match[]=x&start=NaN`, 400, "bad_data", "start"},
		{"series", strings.Repeat(`match[]={cluster=~"(a|.){999}"}&`, 100), 400, "bad_data", "steps"},
		{"series", strings.Repeat(`match[]=x&`, 6000), 400, "bad_data", "5000"},
		{"labels", `match[]={`, 400, "bad_data", "match[]"},
		{"label//values", ``, 404, "not_found", ""},
		{"label/U__/values", ``, 400, "bad_data", ""},
		{"label/a%ff/values", ``, 400, "bad_data", ""},
		{"label/job/values", `match[]={`, 400, "bad_data", "match[]"},
		{"query_exemplars", ``, 404, "not_found", "exemplars"},
		{"nothing", ``, 404, "not_found", "nothing"},
		{"", ``, 404, "not_found", ""},
		{"status/config", ``, 404, "not_found", ""},
	} {
		if len(c.parameters) < 50_000 {
			f.wantPromError(f.send("GET", "/api/v1/"+c.path+"?"+c.parameters, ""), c.status, c.kind, c.words)
		}
		if c.path != "" {
			f.wantPromError(f.send("POST", "/api/v1/"+c.path, c.parameters, "Content-Type", "application/x-www-form-urlencoded; charset=utf-8"), c.status, c.kind, c.words)
		}
	}
	f.wantPromError(f.send("PUT", "/api/v1/query", ""), 405, "bad_data", "Method Not Allowed")
	f.wantPromError(f.send("POST", "/api/v1/query", "{}", "Content-Type", "application/json"), 400, "bad_data", "form")
	f.wantPromError(f.send("POST", "/api/v1/query", strings.Repeat("a=b&", 600_000), "Content-Type", "application/x-www-form-urlencoded"), 413, "bad_data", "larger than 2 MiB")
	f.wantPromError(f.send("POST", "/api/v1/query", strings.Repeat("a&", 20_000), "Content-Type", "application/x-www-form-urlencoded"), 400, "bad_data", "parameters")
	f.wantPromError(f.send("POST", "/api/v1/query", "x", "Content-Encoding", "gzip"), 400, "bad_data", "body")
	f.wantPromError(f.send("POST", "/api/v1/query", "x", "Content-Encoding", "br"), 415, "bad_data", "encoding")
	f.log.set(nil, fmt.Errorf("the log is being read"))
	f.wantPromError(f.prom("query", "query", "1"), 503, "unavailable", "the log is being read")
}

func TestPrometheusNeedsAToken(t *testing.T) {
	key := newKeyPair(t)
	f := promStart(t, Config{JWTPublicKey: key.config(), JWTRoles: map[string][]string{"query": {"reader"}}})
	f.wantPromError(f.prom("query", "query", "1"), 401, "unauthorized", "JWT")
	f.header.Set("Authorization", "Bearer "+key.sign(t, jwt.MapClaims{"roles": []string{"writer"}}))
	f.wantPromError(f.prom("query", "query", "1"), 403, "forbidden", "reader")
	f.header.Set("Authorization", "Bearer "+key.sign(t, jwt.MapClaims{"roles": []string{"reader"}}))
	if a := f.prom("query", "query", "1"); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestPrometheusOddNames has names of any bytes.
func TestPrometheusOddNames(t *testing.T) {
	s, err := store.New(store.Config{Metrics: map[string]store.MetricConfig{"cpu-load.1": {Frequency: 60}}})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := s.Metric([]byte("cpu-load.1"))
	for _, host := range []string{"a\xff\"b", "", "<é>\n", strings.Repeat("x", 100_000)} {
		b := &store.Batch{Cluster: "c", Host: host, Parts: []store.Part{{Type: "core", ID: host}}}
		b.Add(0, id, origin, 1)
		s.Append(b)
	}
	f := start(t, Config{}, s)
	for _, a := range []answer{
		f.prom("query", "query", `{"cpu-load.1"}`, "time", fmt.Sprint(origin)), f.prom("series", "match[]", `{"cpu-load.1"}`),
		f.prom("label/hostname/values"), f.prom("query", "query", `{__name__="cpu-load.1",hostname!~"x+"}[1m]`, "time", fmt.Sprint(origin)),
	} {
		var any struct{ Status string }
		if err := json.Unmarshal([]byte(a.body), &any); err != nil || any.Status != "success" || strings.Contains(a.body, "\xff") {
			t.Errorf("%d %.200q: %v", a.status, a.body, err)
		}
	}
	if a := f.prom("label/hostname/values"); !strings.Contains(a.body, `\u003cé\u003e\n`) {
		t.Errorf("%.300s", a.body)
	}
}

// TestPrometheusBombs sends expressions that are short and would take for ever, or all memory.
func TestPrometheusBombs(t *testing.T) {
	t.Parallel()
	f := promStart(t, Config{Prometheus: promapi.Config{Timeout: 2 * time.Second, MaxSamples: 1_000_000}})
	double := "cpu_load"
	for range 50 {
		double = `label_join(` + double + `, "a", "", "cluster", "cluster")`
	}
	nested := "cpu_load"
	for range 1000 {
		nested = "abs(" + nested + ")"
	}
	subqueries := "cpu_load"
	for range 100 {
		subqueries = "max_over_time(" + subqueries + "[1h:1s])"
	}
	labelAfterLabel := "cpu_load"
	for i := range 300 {
		labelAfterLabel = fmt.Sprintf(`label_replace(%s, "l%d", "$1", "cluster", "(.*)")`, labelAfterLabel, i)
	}
	for name, text := range map[string]string{
		"signs":             strings.Repeat("-", 4000) + "1",
		"too many signs":    strings.Repeat("-", 500_000) + "1",
		"brackets":          strings.Repeat("(", 2400) + "1" + strings.Repeat(")", 2400),
		"open brackets":     strings.Repeat("(", 500_000),
		"a sum":             "1" + strings.Repeat("+1", 2400),
		"powers":            "1" + strings.Repeat("^1", 2400),
		"functions":         nested,
		"subqueries":        subqueries,
		"labels doubled":    double,
		"a long label":      `label_replace(cpu_load, "a", "` + strings.Repeat("$1", 1500) + `", "cluster", "(.*)")`,
		"many regexps":      `cpu_load{` + strings.Repeat(`cluster=~"(a|.){1000}",`, 1000) + `}`,
		"long separators":   `label_join(cpu_load, "a", "` + strings.Repeat("x", 4000) + `"` + strings.Repeat(`, "cluster"`, 60) + `)`,
		"a list":            `cpu_load{hostname=~"` + strings.Repeat("a-long-name-of-a-host|", 40_000) + `n1"}`,
		"a regexp":          `{cluster=~"((((a{30}){30}){30}){30}){30}"}`,
		"a long regexp":     `{cluster=~"(` + strings.Repeat("a?b*", 100_000) + `)"}`,
		"its regexp":        `label_replace(cpu_load, "a", "$1", "cluster", "((((a{30}){30}){30}){1000})")`,
		"steps":             `count_over_time(vector(1)[100y:1ms])`,
		"steps of nothing":  `count_over_time((cpu_load > 100)[10y:1ms])`,
		"a long window":     `sum_over_time(cpu_load[250y])`,
		"far away":          `cpu_load @ 9e14 offset -100y`,
		"absence":           `absent_over_time(nothing[10y:1ms])`,
		"values":            `count(count_over_time(count_values("v", vector(time()))[900000s:1s]))`,
		"values of steps":   `count_values("v", count_values("w", vector(time())))`,
		"label after label": labelAfterLabel,
		"signs of series":   strings.Repeat("-", 4000) + "cpu_load",
		"matchers":          `cpu_load{` + strings.Repeat(`cluster=~"a.*",`, 1200) + `}`,
		"selectors":         `cpu_load` + strings.Repeat(` or cpu_load`, 2000),
		"k":                 `topk(9e18, cpu_load)`,
	} {
		begin := time.Now()
		a := f.prom("query_range", "query", text, "start", fmt.Sprint(origin), "end", fmt.Sprint(origin+600), "step", "1")
		var got struct{ Status string }
		if err := json.Unmarshal([]byte(a.body), &got); err != nil || a.status >= 500 && a.status != 503 {
			t.Errorf("%s: %d %.300s", name, a.status, a.body)
		}
		t.Logf("%s: %d after %v: %.150s", name, a.status, time.Since(begin).Round(time.Millisecond), a.body)
		if took := time.Since(begin); took > 20*time.Second {
			t.Errorf("%s: it took %v", name, took)
		}
	}
	if a := f.prom("query", "query", `count(cpu_load{hostname=~"`+strings.Repeat("a-long-name-of-a-host|", 40_000)+`n1"})`, "time", fmt.Sprint(origin)); !strings.Contains(a.body, `,"1"]`) {
		t.Errorf("a long list: %d %.300s", a.status, a.body)
	}
	if a := f.prom("query", "query", "1"); a.status != 200 {
		t.Errorf("afterwards: %d %s", a.status, a.body)
	}
}

// TestPrometheusLabelBombs has expressions whose labels take memory and time by the series: the engine looks at no
// timeout while it makes labels, or changes signs.
func TestPrometheusLabelBombs(t *testing.T) {
	t.Parallel()
	s, err := store.New(store.Config{Metrics: map[string]store.MetricConfig{"load": {Frequency: 60}}})
	if err != nil {
		t.Fatal(err)
	}
	id, _ := s.Metric([]byte("load"))
	for i := range 20 {
		b := &store.Batch{Cluster: "c", Host: strings.Repeat("x", 100_000) + fmt.Sprint(i), Parts: []store.Part{{}}}
		b.Add(0, id, origin, 1)
		s.Append(b)
	}
	f := start(t, Config{}, s)
	text := "load"
	for i, c := range []struct {
		status int
		kind   string
		calls  int // before these
	}{{200, "", 1}, {422, "execution", 50}, {400, "bad_data", 100}} {
		for n := strings.Count(text, "("); strings.Count(text, "label_replace") < c.calls; n++ {
			text = fmt.Sprintf(`label_replace(%s, "l%d", "$1", "hostname", "(.*)")`, text, n)
		}
		a := f.prom("query", "query", "count("+text+")", "time", fmt.Sprint(origin))
		if i == 0 && a.status != 200 {
			t.Errorf("%d %.300s", a.status, a.body)
		} else if i > 0 {
			f.wantPromError(a, c.status, c.kind, "label_replace")
		}
	}
	f.wantPromError(f.prom("query", "query", strings.Repeat("-", 65)+"load", "time", fmt.Sprint(origin)), 400, "bad_data", "signs")
	if a := f.prom("query", "query", strings.Repeat("-", 65)+"1 + "+strings.Repeat("-", 64)+"vector(1)"); !strings.Contains(a.body, `"0"]`) {
		t.Errorf("%d %.300s", a.status, a.body)
	}
}

// TestPrometheusClientsLeave has clients that leave while their queries are evaluated, and more than
// may wait.
func TestPrometheusClientsLeave(t *testing.T) {
	t.Parallel()
	f := promStart(t, Config{PrometheusQueries: 1})
	form := url.Values{"query": {strings.Repeat(`count_over_time((cpu_load > 100)[1d:1s]) + `, 10) + "1"}}.Encode()
	ctx, cancel := context.WithCancel(t.Context())
	var all sync.WaitGroup
	answers := make(chan int, 400)
	for range cap(answers) {
		all.Go(func() {
			req, err := http.NewRequestWithContext(ctx, "POST", f.server.URL()+"/api/v1/query", strings.NewReader(form))
			if err != nil {
				return
			}
			req.Header.Set("Content-Type", "application/x-www-form-urlencoded")
			resp, err := f.client.Do(req)
			if err != nil {
				answers <- 0
				return
			}
			answers <- resp.StatusCode
			_ = resp.Body.Close()
		})
	}
	refused := 0
	for refused < 50 { // those for which there is no room to wait
		if status := <-answers; status != 503 {
			t.Errorf("status %d", status)
			break
		}
		refused++
	}
	cancel()
	all.Wait()
	testkit.Eventually(t, "a turn", func() bool { return f.prom("query", "query", "vector(1)").status == 200 })
}

// TestPrometheusCompresses asks with gzip, in both directions.
func TestPrometheusCompresses(t *testing.T) {
	f := promStart(t, Config{})
	body := compressed(t, "gzip", strings.NewReader("query=cpu_load&time="+fmt.Sprint(origin)))
	a, err := f.try("POST", "/api/v1/query", bytes.NewReader(body), "Content-Type", "application/x-www-form-urlencoded", "Content-Encoding", "gzip")
	if err != nil || a.status != 200 || !strings.Contains(a.body, "n1") {
		t.Errorf("%d %s, error %v", a.status, a.body, err)
	}
}

// busyArchive is a store whose archive has no place for a large query.
type busyArchive struct{ *store.Store }

func (*busyArchive) AppendRuns(context.Context, []store.Run, *store.SeriesID, int64, int64) ([]store.Run, error) {
	return nil, fmt.Errorf("read: %w", store.ErrRecallsBusy)
}

func (b *busyArchive) AppendHostRuns(ctx context.Context, runs []store.Run, id *store.SeriesID, from, to int64) ([]store.Run, error) {
	return b.AppendRuns(ctx, runs, id, from, to)
}

func TestPrometheusBusyArchive(t *testing.T) {
	b := &busyArchive{}
	f := start(t, Config{}, b)
	b.Store = f.store
	f.log.apply("alex", fmt.Sprintf("n1 cpu_load 1.5 %d", origin))
	f.wantPromError(f.prom("query", "query", "cpu_load", "time", fmt.Sprint(origin)), 503, "unavailable", "ask again")
}

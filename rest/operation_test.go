package rest

import (
	"encoding/json"
	"fmt"
	"strings"
	"testing"
	"time"
)

func TestDebug(t *testing.T) {
	f := start(t, Config{}, nil)
	if a := f.send("GET", "/api/debug", ""); a.body != "{\"data\":{}}\n" {
		t.Errorf("an empty store: %q", a.body)
	}
	f.write(samples("n1", "cpu_load", 1, 2) + samples("n1", "flops", 1) + samples("n1/socket/0", "flops", 1) + samples("n2", "cpu_load", 3))
	const want = `{"data":{
	"n1":{
		"cpu_load":[{"start":1760000040,"len":2,"end":1760000160}],
		"flops":[{"start":1760000040,"len":1,"end":1760000100}],
		"socket0":{
			"flops":[{"start":1760000040,"len":1,"end":1760000100}]
		}
	},
	"n2":{
		"cpu_load":[{"start":1760000040,"len":1,"end":1760000100}]
	}
}}
`
	a := f.send("GET", "/api/debug/?selector=alex", "")
	if a.status != 200 || a.body != want || a.header.Get("Content-Type") != "application/json" || !json.Valid([]byte(a.body)) {
		t.Errorf("%d %v\n%s", a.status, a.header, a.body)
	}
	for _, target := range []string{"/api/debug", "/api/debug?selector="} {
		var all struct{ Data map[string]map[string]any }
		if a := f.send("POST", target, ""); json.Unmarshal([]byte(a.body), &all) != nil || len(all.Data["alex"]) != 2 {
			t.Errorf("%s: %s", target, a.body)
		}
	}
	f.wantError(f.send("GET", "/api/debug?selector=nowhere:x", ""), 400, `[METRICSTORE]> not found: []string{"nowhere", "x"}`)
}

// age returns a line of a sample that is that old.
func age(host, metric string, d time.Duration) string {
	return fmt.Sprintf("%s %s 1 %d\n", host, metric, time.Now().Add(-d).Unix())
}

func TestHealthCheck(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(age("fresh", "cpu_load", 0) + age("fresh", "flops", 0) +
		age("mixed", "cpu_load", 0) + age("mixed/socket/0", "flops", time.Hour) + age("mixed/socket/1", "flops", 0) +
		age("stale", "cpu_load", time.Hour))
	a := f.send("GET", "/api/healthcheck/",
		`{"cluster":"alex","nodes":["fresh","mixed","stale","unknown"],"metric-names":["cpu_load","flops","no_such"]}`)
	want := `{"fresh":{"State":"partial","HealthMetrics":"{\"degraded\":[],\"missing\":[\"no_such\"]}"},` +
		`"mixed":{"State":"partial","HealthMetrics":"{\"degraded\":[\"flops\"],\"missing\":[\"no_such\"]}"},` +
		`"stale":{"State":"failed","HealthMetrics":"{\"degraded\":[\"cpu_load\"],\"missing\":[\"flops\",\"no_such\"]}"},` +
		`"unknown":{"State":"failed","HealthMetrics":""}}` + "\n"
	if a.status != 200 || a.body != want || a.header.Get("Content-Type") != "application/json" {
		t.Errorf("got  %d %swant %s", a.status, a.body, want)
	}
	for body, want := range map[string]string{
		`{"cluster":"alex","nodes":["fresh"],"metric-names":["cpu_load","flops"]}`: `{"fresh":{"State":"full","HealthMetrics":"{\"degraded\":[],\"missing\":[]}"}}`,
		`{"cluster":"alex","nodes":["stale"]}`:                                     `{"stale":{"State":"full","HealthMetrics":"{\"degraded\":[],\"missing\":[]}"}}`,
		`{"cluster":"alex","metric-names":["cpu_load"]}`:                           `{}`,
		`{}`: `{}`,
	} {
		if a := f.send("POST", "/api/healthcheck", body); a.status != 200 || a.body != want+"\n" {
			t.Errorf("%s: %d %s", body, a.status, a.body)
		}
	}
	f.wantError(f.send("GET", "/api/healthcheck", `{"cluster":"alex","hosts":[]}`), 400, "parsing request body failed: ", `unknown field "hosts"`)
	f.wantError(f.send("GET", "/api/healthcheck", `{"cluster":1}`), 400, "parsing request body failed: ", `field "cluster"`)
	f.wantError(f.send("GET", "/api/healthcheck", `{`), 400, "parsing request body failed: ")
}

func TestHostCheck(t *testing.T) {
	f := start(t, Config{}, nil)
	var parts strings.Builder
	for i := range 5 {
		if i < 4 {
			parts.WriteString(age(fmt.Sprintf("four/core/%d", i), "flops", time.Hour))
		}
		parts.WriteString(age(fmt.Sprintf("five/core/%d", i), "flops", time.Hour))
	}
	f.write(parts.String() + age("four", "cpu_load", 0))
	for node, want := range map[string]string{"four": "Healthy", "five": "Unhealthy"} {
		for _, body := range []string{"", " \n"} {
			if a := f.send("GET", "/api/healthcheck/?cluster=alex&node="+node, body); a.status != 200 || a.body != want {
				t.Errorf("%s: %d %q", node, a.status, a.body)
			}
		}
	}
	for _, target := range []string{"", "?cluster=alex", "?node=four", "?cluster=&node=four"} {
		f.wantError(f.send("GET", "/api/healthcheck"+target, ""), 400, "'cluster' and 'node' are required query parameter")
	}
	f.wantError(f.send("GET", "/api/healthcheck?cluster=alex&node=none", ""), 400, "not found")
}

func TestAccessLog(t *testing.T) {
	f := start(t, Config{}, nil)
	f.send("GET", "/api/debug?selector=secret", "")
	f.send("GET", "/healthz", "")
	if err := f.stop(); err != nil {
		t.Fatal(err)
	}
	lines := strings.Split(strings.TrimSpace(f.lines.String()), "\n")
	if len(lines) != 2 {
		t.Fatalf("%d lines: %s", len(lines), f.lines)
	}
	for i, words := range [][]string{{"method=GET", "path=/api/debug ", "status=400", "error="}, {"path=/healthz", "status=200", "bytes=3", "took=", "client=127.0.0.1"}} {
		for _, w := range append(words, "level=DEBUG") {
			if !strings.Contains(lines[i], w) {
				t.Errorf("line %q lacks %q", lines[i], w)
			}
		}
	}
}

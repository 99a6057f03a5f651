package rest

import (
	"context"
	"encoding/json"
	"fmt"
	"net/http/httptest"
	"strings"
	"testing"
	"time"

	"cc-metric-store/store"
)

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

func TestHealthCheckLimits(t *testing.T) {
	f := start(t, Config{}, nil)
	f.write(age("n1", "cpu_load", 0))
	list := func(prefix string, n int) string {
		names := make([]string, n)
		for i := range names {
			names[i] = fmt.Sprintf(`"%s%d"`, prefix, i)
		}
		return "[" + strings.Join(names, ",") + "]"
	}
	ask := func(nodes, names string) answer {
		return f.send("POST", "/api/healthcheck", `{"cluster":"alex","nodes":`+nodes+`,"metric-names":`+names+`}`)
	}
	f.wantError(ask(list("n", 3000), list("m", 3000)), 400, "3000 nodes and 3000 metrics", "4194304 verdicts")
	f.wantError(ask(list("n", 20_000), list(strings.Repeat("x", 1000), 50)), 400, "lists of 128 MiB")
	// Names that are repeated are one, and 10,000 nodes with 400 metrics no attack.
	if a := ask(many("[", `"n1"`, "]", 100_000), many("[", `"cpu_load"`, "]", 100_000)); a.body != `{"n1":{"State":"full","HealthMetrics":"{\"degraded\":[],\"missing\":[]}"}}`+"\n" {
		t.Errorf("repeated names: %d %s", a.status, clip(a.body))
	}
	a := ask(list("n", 10_000), list("m", 400))
	var verdicts map[string]struct{ State, HealthMetrics string }
	if err := json.Unmarshal([]byte(a.body), &verdicts); err != nil || a.status != 200 || len(verdicts) != 10_000 {
		t.Fatalf("a large cluster: %d, %d verdicts (%v)", a.status, len(verdicts), err)
	}
	if v := verdicts["n1"]; v.State != "failed" || strings.Count(v.HealthMetrics, `"m`) != 401 || verdicts["n2"].HealthMetrics != "" {
		t.Errorf("verdicts: %+v", v)
	}
}

// leaver ends the request of its client after so many hosts.
type leaver struct {
	*store.Store
	left   int
	cancel func()
	asked  int
}

func (l *leaver) Health(cluster, host string, metrics []string) (store.Health, bool) {
	if l.asked++; l.asked == l.left {
		l.cancel()
	}
	return l.Store.Health(cluster, host, metrics)
}

func TestHealthCheckStopsWithItsClient(t *testing.T) {
	ctx, cancel := context.WithCancel(t.Context())
	view := &leaver{Store: newStore(t), left: 5, cancel: cancel}
	s, err := New(Config{}, view, &testLog{})
	if err != nil {
		t.Fatal(err)
	}
	defer func() {
		if p := recover(); p == nil || view.asked != 5 {
			t.Errorf("%d hosts were judged (%v)", view.asked, p)
		}
	}()
	req := httptest.NewRequestWithContext(ctx, "POST", "/api/healthcheck", strings.NewReader(`{"cluster":"c","nodes":["1","2","3","4","5","6","7"]}`))
	s.handler.ServeHTTP(httptest.NewRecorder(), req)
}

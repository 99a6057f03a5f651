package rest

import (
	"encoding/json"
	"testing"
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

// TestUnknownMetrics asks for what is not stored.
func TestUnknownMetrics(t *testing.T) {
	f := start(t, Config{}, nil)
	want := `{"unknown-metrics":[{"metric":"no\"pe","lines":12,"cluster":"fritz","hostname":"f1"},{"metric":"","lines":3,"cluster":"","hostname":""}]}` + "\n"
	for _, path := range []string{"/api/debug?unknown-metrics", "/api/debug/?unknown-metrics=true&selector=x"} {
		if a := f.send("GET", path, ""); a.status != 200 || a.body != want || a.header.Get("Content-Type") != "application/json" {
			t.Errorf("%s: %d %s", path, a.status, a.body)
		}
	}
}

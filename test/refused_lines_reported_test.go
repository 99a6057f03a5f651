package test

import (
	"strings"
	"testing"
)

// TestUnknownMetricsAreSaid: lines of metrics that are not configured are not kept,
// and the operator learns which.
func TestUnknownMetricsAreSaid(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	const lines = "nope,cluster=fritz,hostname=f1,type=node value=1\nnope,cluster=fritz,hostname=f1,type=node value=2\ncpu_load,cluster=fritz,hostname=f1 value=1\n"
	n.publish(c, subject, lines)
	n.publish(c, subject, lines)
	n.wantLog("level=WARN", "metric=nope", "cluster=fritz", "host=f1", `add it to \"metrics\"`)
	if a := n.change("/api/write?cluster=alex", "nöpe,hostname=h value=1\n"+lines); a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
	n.wantLog("level=WARN", "metric=nöpe", "cluster=alex", "host=h", "from=/api/write")
	if strings.Count(n.log.String(), "metric=nope ") != 1 {
		t.Error("a name is told more than once")
	}
	for name, want := range map[string]float64{"nope": 6, "nöpe": 1} {
		if got := n.metric(`unknown_metric_lines_total{metric="` + name + `"}`); got != want {
			t.Errorf("%s: %v lines, want %v", name, got, want)
		}
	}
	if all := n.metric(`lines_not_stored_total{reason="unknown-metric"}`); all != 7 {
		t.Errorf("%v lines", all)
	}
	a := n.send("GET", "/api/debug?unknown-metrics", "")
	if want := `{"metric":"nope","lines":6,"cluster":"fritz","hostname":"f1"},{"metric":"nöpe","lines":1,`; a.status != 200 || !strings.Contains(a.body, want) {
		t.Errorf("%d %s", a.status, a.body)
	}
}

// TestGarbageIsSaid: a line of the log for 100,000 of garbage, and one for those
// without a name.
func TestGarbageIsSaid(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	for range 10 {
		n.publish(c, subject, strings.Repeat("this is \x1b[31m no line\n", 10_000))
	}
	n.wantLog("level=WARN", "lines were refused", `reasons="syntax 10000"`, `first="this is \x1b[31m no line"`, "from="+subject, "nats stream view CC_METRICS_BAD")
	n.publish(c, subject, strings.Repeat("cpu_load,cluster=fritz,hostnam=f1,type=node value=1 1760000040\n", 100))
	n.wantLog("level=WARN", "no hostname tag", "lines=100", `first="cpu_load,cluster=fritz,hostnam=f1`)
	n.want(hostMetric{"fritz", "", "cpu_load"}, origin, 1)
	if strings.Count(n.log.String(), "level=WARN") > 4 {
		t.Errorf("log:\n%s", n.log)
	}
	if refused, nameless := n.metric(`lines_not_stored_total{reason="syntax"}`), n.metric(`samples_nameless_total{tag="hostname"}`); refused != 100_000 || nameless != 100 {
		t.Errorf("%v lines are refused, %v have no host", refused, nameless)
	}
}

package test

import (
	"fmt"
	"strings"
	"testing"
)

// withMetrics is the base configuration with other metrics.
func withMetrics(metrics object) object {
	cfg := baseConfig()
	cfg["metrics"] = metrics
	return cfg
}

func every(seconds int64) object { return object{"frequency": seconds, "aggregation": "sum"} }

// reconfigured starts the program again with another configuration.
func (n *node) reconfigured(cfg object) *node {
	n.t.Helper()
	n.launch.config = cfg
	return n.restart()
}

// wantSeries checks the one answer about a metric of a host.
func (n *node) wantSeries(host, metric string, from, to, resolution int64, values ...float64) {
	n.t.Helper()
	results := n.query(object{"cluster": "alex", "from": from, "to": to, "queries": []object{{"metric": metric, "host": host}}})
	if len(results) != 1 || len(results[0]) != 1 || results[0][0].Resolution != resolution {
		n.t.Errorf("%s of %s: %+v, want one series at %d s", metric, host, results, resolution)
		return
	}
	got := []float64{}
	for _, v := range results[0][0].Data {
		if v != nil {
			got = append(got, *v)
		}
	}
	if fmt.Sprint(got) != fmt.Sprint(values) {
		n.t.Errorf("%s of %s at %d s: %v, want %v", metric, host, resolution, got, values)
	}
}

// TestMetricsAreReconfigured stores 30 samples at 60 s, and starts with another
// interval, or without the metric, and then as before: after each stop or crash what was
// stored is there at its own interval.
func TestMetricsAreReconfigured(t *testing.T) {
	t.Parallel()
	var text strings.Builder
	var values []float64
	for i := range int64(30) {
		text.WriteString(line("a", "cpu_load", float64(i), origin+60*i))
		values = append(values, float64(i))
	}
	end := int64(origin + 60*30)
	for name, leave := range map[string]func(*node){"SIGTERM": (*node).stop, "SIGKILL": (*node).kill} {
		for _, f := range []int64{0, 10, 30, 45, 120} {
			t.Run(fmt.Sprintf("%s/%d", name, f), func(t *testing.T) {
				t.Parallel()
				before := withMetrics(object{"cpu_load": every(60), "beat": every(60)})
				after := withMetrics(object{"beat": every(60)})
				if f > 0 {
					after = withMetrics(object{"cpu_load": every(f), "beat": every(60)})
				}
				n := start(t, before)
				n.write(text.String())
				leave(n)
				for range 2 {
					n = n.reconfigured(after)
					if f > 0 {
						n.wantSeries("a", "cpu_load", origin, end, 60, values...)
						n.write(line("a", "cpu_load", 7, end) + line("a", "cpu_load", 8, end+f))
						n.wantSeries("a", "cpu_load", end, end+2*f, f, 7, 8)
					} else {
						n.wantUnknown("cpu_load")
					}
					leave(n)
				}
				n = n.reconfigured(before)
				n.wantSeries("a", "cpu_load", origin, end, 60, values...)
			})
		}
	}
}

// wantUnknown checks that a metric is not configured.
func (n *node) wantUnknown(metric string) {
	n.t.Helper()
	a := n.send("POST", "/api/query", fmt.Sprintf(`{"cluster":"alex","from":%d,"to":%d,"queries":[{"metric":%q,"host":"a"}]}`, origin, origin+60, metric))
	if a.status != 200 || !strings.Contains(a.body, "unknown metric: "+metric) {
		n.t.Errorf("%s: %d %s, want an unknown metric", metric, a.status, clip(a.body))
	}
}

// TestAnyMetric takes all metrics, and keeps what it has of one when it is configured by
// name, and when it is not any more.
func TestAnyMetric(t *testing.T) {
	t.Parallel()
	open := withMetrics(object{"cpu_load": every(60), "*": every(30)})
	n := start(t, open)
	n.write(line("a", "iostat_read", 1, origin) + line("a", "iostat_read", 2, origin+30) + line("a", "cpu_load", 5, origin))
	for _, leave := range []func(*node){(*node).kill, (*node).stop, (*node).kill} {
		n.wantSeries("a", "iostat_read", origin, origin+60, 30, 1, 2)
		n.wantSeries("a", "cpu_load", origin, origin+60, 60, 5)
		if got := n.query(object{"cluster": "alex", "from": origin, "to": origin + 60, "queries": []object{{"metric": "never_seen", "host": "a"}}}); len(got) != 1 || len(got[0]) != 0 {
			t.Errorf("a metric that nobody has sent: %+v", got)
		}
		leave(n)
		n = n.restart()
	}
	n.stop()
	n = n.reconfigured(withMetrics(object{"iostat_read": every(60)}))
	n.wantSeries("a", "iostat_read", origin, origin+60, 30, 1, 2)
	n.wantUnknown("cpu_load")
	n.kill()
	n = n.reconfigured(withMetrics(object{"beat": every(60)}))
	n.wantUnknown("iostat_read")
	n.stop()
	n = n.reconfigured(open)
	n.wantSeries("a", "iostat_read", origin, origin+60, 30, 1, 2)
	n.wantSeries("a", "cpu_load", origin, origin+60, 60, 5)
}

// TestAnyMetricWithoutANumber sends what collectors send beside numbers: it is counted, and
// no fault of theirs unless the metric is named.
func TestAnyMetricWithoutANumber(t *testing.T) {
	t.Parallel()
	n := start(t, withMetrics(object{"cpu_load": every(60), "*": every(60)}))
	texts := "topproc1,cluster=alex,hostname=a,type=node value=\"store\" 1\nnv_remapped_rows_failure,cluster=alex,hostname=a value=false 1\n"
	n.write(texts + line("a", "cpu_load", 5, origin) + fmt.Sprintf("custom,cluster=alex,hostname=a other=2,value=1 %d\n", origin))
	n.publish(n.client(), subject, texts)
	n.wantSeries("a", "custom", origin, origin+60, 60, 1)
	if got := n.metric(`lines_not_stored_total{reason="no-number"}`); got != 4 {
		t.Errorf("%v lines without a number are counted", got)
	}
	n.wantLog("level=WARN", "no number", "topproc1", "from=/api/write")
	if a := n.send("POST", "/api/write?cluster=alex", texts+"cpu_load,hostname=a value=true 1\n"); a.status != 400 || !strings.Contains(a.body, "line 3: value is of type bool") {
		t.Errorf("%d %s", a.status, a.body)
	}
	if got := n.metric(`lines_not_stored_total{reason="value"}`); got != 1 {
		t.Errorf("%v lines are refused", got)
	}
}

// TestReplacedSamples sends every 10 s what is configured at 60 s.
func TestReplacedSamples(t *testing.T) {
	t.Parallel()
	n := start(t, withMetrics(object{"cpu_load": every(60)}))
	for i := range int64(6) {
		n.write(line("a", "cpu_load", 1, origin-30+10*i))
	}
	if replaced := n.metric("samples_replaced_total"); replaced != 4 {
		t.Errorf("%v samples are replaced", replaced)
	}
	n.wantLog("level=WARN", "samples are replaced", "host=a", "cpu_load", "every 10s")
}

// TestTagsOfOldAndNew has samples of a host of its own, and of parts of it.
func TestTagsOfOldAndNew(t *testing.T) {
	t.Parallel()
	n := start(t, withMetrics(object{"ib_recv": every(60), "flops": every(60)}))
	var text strings.Builder
	for i := range int64(5) {
		at := origin + 60*i
		if i < 3 {
			text.WriteString(line("a", "ib_recv", 30, at))
		} else {
			fmt.Fprintf(&text, "ib_recv,cluster=alex,hostname=a,type=network,type-id=mlx5_0:1 value=30 %d\n", at)
		}
		for core := range 4 {
			fmt.Fprintf(&text, "flops,cluster=alex,hostname=a,type=core,type-id=%d value=7 %d\n", core, at)
		}
	}
	text.WriteString(line("a", "flops", 1, origin+60))
	n.write(text.String())
	n.wantSeries("a", "ib_recv", origin, origin+300, 60, 30, 30, 30, 30, 30)
	n.wantSeries("a", "flops", origin, origin+300, 60, 28, 1, 28, 28, 28)
}

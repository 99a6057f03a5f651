package config

import (
	"reflect"
	"strings"
	"testing"
	"time"
)

func TestDefault(t *testing.T) {
	cfg := Default()
	if again := Default(); !reflect.DeepEqual(cfg, again) {
		t.Error("two calls differ")
	}
	for name, aggregation := range map[string]string{
		"cpu_load": "", "mem_used": "sum", "mem_bw": "sum", "flops_any": "sum", "clock": "avg", "ipc": "avg", "cpu_user": "avg",
		"net_bytes_in": "sum", "nfs4_total": "", "lustre_open": "sum", "ib_recv": "sum", "acc_power": "sum", "acc_utilization": "avg",
		"nv_temp": "avg", "vectorization_ratio": "avg", "rapl_power": "sum", "proc_run": "", "mem_free": "sum", "load_one": "",
		// One or two of each collector.
		"cpufreq": "avg", "cpu_load_core": "avg", "io_reads": "sum", "io_flushes_ms": "sum", "numastats_numa_hit_rate": "sum",
		"gpfs_bw_total": "sum", "gpfs_num_inode_updates_diff": "sum", "nfs3_readdirplus": "", "nfs4_bind_conn_to_ses": "",
		"nfsio_pageread_bw": "sum", "rapl_average_power": "sum", "rocm_temp_hbm": "avg", "rocm_avg_power": "sum",
		"job_mem_used": "sum", "job_user_cpu": "avg", "smartmon_temp": "avg", "smartmon_media_errors": "sum",
		"beegfs_cmeta_lookLI": "sum", "beegfs_cstorage_MiB-rd/s": "sum", "net_pkts_out_bw": "sum", "num_goroutines": "",
		"rusage_invol_ctx_switch": "", "lustre_write_requests_rate": "sum", "ib_total_pkts_bw": "sum", "disk_free": "sum",
		"part_max_used": "", "nv_fb_mem_reserved": "sum", "nv_max_sm_clock": "avg", "nv_nvlink_replay_errors_sum": "sum",
		"nv_average_power": "sum", "nv_violation_thermal": "sum", "swap_free": "", "proc_total": "",
		Wildcard: "",
	} {
		if got, ok := cfg.Metrics[name]; !ok || got != (Metric{60, aggregation}) {
			t.Errorf("%s: got %+v (present: %v), want aggregation %q", name, got, ok, aggregation)
		}
	}
	for name, m := range cfg.Metrics {
		if err := metricName(name); err != nil {
			t.Errorf("%s: %v", name, err)
		}
		if m.Aggregation != "" && !isAggregation(m.Aggregation) {
			t.Errorf("%s: aggregation %q", name, m.Aggregation)
		}
	}
	named := 0
	for _, group := range builtinGroups() {
		named += len(strings.Fields(group.names))
	}
	if named != len(cfg.Metrics)-1 { // without the wildcard
		t.Errorf("%d names make %d metrics: some are there twice", named, len(cfg.Metrics)-1)
	}
	if s := cfg.MetricStore.Subscriptions; !reflect.DeepEqual(s, []Subscription{{"hpc-nats", ""}}) {
		t.Errorf("subscriptions %+v", s)
	}
	if cfg.NATS.Stream.MaxAge != cfg.MetricStore.Retention || cfg.MetricStore.Retention != 48*time.Hour {
		t.Errorf("retention %s, max-age %s", cfg.MetricStore.Retention, cfg.NATS.Stream.MaxAge)
	}
}

// TestDefaultsApplyToWhatIsAbsent: a file that says little is a good one.
func TestDefaultsApplyToWhatIsAbsent(t *testing.T) {
	want := Default()
	want.NATS.Embedded.Addr = ""
	for _, text := range []string{
		`{}`, `{"main": null}`, `{"metrics": null}`, `{"main": {"addr": ""}, "nats": {"embedded": {}, "stream": null}}`,
		`{"metric-store": {"retention-in-memory": "", "checkpoints": {}}}`, `{"metrics-file": ""}`,
	} {
		cfg, warnings, err := parse("config.json", []byte(text))
		if err != nil || len(warnings) > 0 || !reflect.DeepEqual(cfg, want) {
			t.Errorf("%s: got %+v, %v, %v", text, cfg, warnings, err)
		}
	}
	cfg, _, err := parse("config.json", []byte(`{"http-api": {}, "jwt-public-key": ""}`))
	if err != nil || !reflect.DeepEqual(cfg, want) {
		t.Errorf("flat: got %+v, %v", cfg, err)
	}
	for _, text := range []string{`{"metrics": {"clock": {"frequency": 1}}}`, `{"metrics": {"*": {"frequency": 1, "aggregation": "sum"}}}`} {
		cfg, _, err := parse("config.json", []byte(text))
		if err != nil || len(cfg.Metrics) != 1 {
			t.Errorf("%s: got %+v, %v", text, cfg, err)
		}
	}
}

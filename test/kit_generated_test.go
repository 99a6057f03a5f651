package test

import (
	"fmt"
	"os"
	"os/exec"
	"strconv"
	"testing"
	"time"

	"cc-metric-store/cmd/cc-metric-generator/load"
)

// generatedSeries is the number of series of a generated host.
const generatedSeries = 518

// generated is a node that the generator fills through its embedded log.
type generated struct {
	*node
	hosts int
	first int64 // Unix time of the first tick
	ticks int   // sent so far
}

// startGenerated starts a node for so many hosts, which will have as many ticks
// of 60 s, the last one now. Its log keeps all, or what it keeps by default.
func startGenerated(t *testing.T, hosts, ticks int, keepAll bool) *generated {
	t.Helper()
	cfg := generatedConfig()
	if keepAll {
		keepLog(cfg)
	}
	return startGeneratedWith(t, cfg, hosts, ticks)
}

// startGeneratedWith is startGenerated with a configuration, such as generatedConfig.
func startGeneratedWith(t *testing.T, cfg object, hosts, ticks int) *generated {
	t.Helper()
	return &generated{node: start(t, cfg), hosts: hosts, first: time.Now().Unix()/60*60 - int64(ticks)*60}
}

// generatedConfig is a configuration with the metrics of the generator.
func generatedConfig() object {
	cfg := baseConfig()
	metrics := object{}
	for _, m := range []string{
		"cpu_load", "mem_used", "ib_recv", "ib_xmit", "ib_recv_pkts", "ib_xmit_pkts", "nfs4_read", "nfs4_total", "mem_bw", "cpu_power",
		"mem_power", "cpu_user", "flops_any", "flops_sp", "flops_dp", "clock", "ipc", "vectorization_ratio",
	} {
		metrics[m] = minute()
	}
	for _, m := range []string{"flops_any", "mem_bw", "cpu_power"} {
		metrics[m] = object{"frequency": 60, "aggregation": "sum"}
	}
	cfg["metrics"] = metrics
	return cfg
}

// fill has the generator send as many ticks as make so many in all, and returns
// when their samples are stored, and how many those are in all.
func (g *generated) fill(ticks int) (samples int) {
	g.t.Helper()
	if err := g.generate(g.ticks, ticks); err != nil {
		g.t.Fatal(err)
	}
	return g.awaitStored(ticks)
}

// generate has the generator send the ticks from one on to another one.
func (g *generated) generate(from, to int) error {
	run := exec.Command(binary(g.t, "cc-metric-generator"), "-clusters", "fritz", "-hosts", strconv.Itoa(g.hosts), "-seed", "1", "-mode", "jetstream",
		"-url", g.NATSURL, "-history", fmt.Sprint(to-from, "m"), "-end", fmt.Sprint(g.first+int64(to-1)*60))
	if out, err := run.CombinedOutput(); err != nil {
		return fmt.Errorf("run the generator: %w\n%s", err, out)
	}
	return nil
}

// awaitStored returns when all samples of so many ticks are stored, and how many those are.
func (g *generated) awaitStored(ticks int) (samples int) {
	g.t.Helper()
	g.ticks = ticks
	samples = g.hosts * generatedSeries * ticks
	g.waitFor("all samples to be stored", func() error {
		// What a busy log acknowledges too late is sent again, and counts again.
		if stored, lag := g.metric("samples_total"), g.metric("log_lag_entries"); int(stored) < samples || lag != 0 {
			return fmt.Errorf("%.0f of %d samples, %v entries behind", stored, samples, lag)
		}
		return nil
	})
	return samples
}

// query asks for cpu_load of all hosts.
func (g *generated) query() string {
	return fmt.Sprintf(`{"cluster":"fritz","from":%d,"to":%d,"for-all-nodes":["cpu_load"]}`, g.first, g.first+int64(g.ticks)*60)
}

// sizeFromEnvironment returns the number of hosts that the variable asks for, or
// few for an ordinary run.
func sizeFromEnvironment(t *testing.T, variable string, few int) (hosts int, full bool) {
	t.Helper()
	text := os.Getenv(variable)
	if text == "" {
		return few, false
	}
	hosts, err := strconv.Atoi(text)
	if err != nil || hosts < 1 {
		t.Fatalf("read %s: %q is no number of hosts", variable, text)
	}
	return hosts, true
}

// fritz returns so many hosts of the generator's larger cluster, 518 series each.
func fritz(t *testing.T, hosts int, interval int64) []*load.Host {
	t.Helper()
	clusters, err := load.Clusters()
	if err != nil {
		t.Fatal(err)
	}
	topology := clusters["fritz"]
	layout, err := load.NewLayout("fritz", topology, []string{"node", "socket", "hwthread"}, 0)
	if err != nil {
		t.Fatal(err)
	}
	var out []*load.Host
	for _, name := range topology.HostNames(hosts) {
		out = append(out, load.NewHost(layout, name, 1, interval))
	}
	return out
}

// fritzNames returns the names of these hosts.
func fritzNames(t *testing.T, hosts int) []string {
	t.Helper()
	clusters, err := load.Clusters()
	if err != nil {
		t.Fatal(err)
	}
	topology := clusters["fritz"]
	return topology.HostNames(hosts)
}

// loadMetrics is the configuration of all metrics of the hosts.
func loadMetrics(hosts []*load.Host, frequency int) object {
	metrics := object{}
	for _, m := range hosts[0].Layout().Metrics() {
		metrics[m] = object{"frequency": frequency, "aggregation": nil}
	}
	return metrics
}

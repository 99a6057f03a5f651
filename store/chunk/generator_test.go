package chunk

import (
	"testing"

	"cc-metric-store/cmd/cc-metric-generator/load"
)

// generated returns the series of some hosts of a cluster of the generator, at
// all scopes but memoryDomain, as it sends by default.
func generated(tb testing.TB, cluster string, hosts, ticks int) []series {
	tb.Helper()
	clusters, err := load.Clusters()
	if err != nil {
		tb.Fatal(err)
	}
	layout, err := load.NewLayout(cluster, clusters[cluster], []string{"node", "socket", "hwthread", "accelerator"}, 0)
	if err != nil {
		tb.Fatal(err)
	}
	topology := clusters[cluster]
	var all []series
	for _, name := range topology.HostNames(hosts) {
		first := len(all)
		for _, metric := range layout.Metrics() {
			all = append(all, series{metric: metric, host: name, values: make([]float64, ticks)})
		}
		h := load.NewHost(layout, name, 1, interval)
		for tick := range ticks {
			for i, v := range h.Values(1_700_000_000 + int64(tick*interval)) {
				all[first+i].values[tick] = v
			}
		}
	}
	return all
}

// TestSizeOfGeneratedSeries bounds what a sample of the generator takes, over
// ten hosts of each cluster and 24 h, which hold the last block half full.
func TestSizeOfGeneratedSeries(t *testing.T) {
	const hosts, ticks = 10, 24 * 60
	var b GroupBuilder
	for _, cluster := range []string{"alex", "fritz"} {
		all := generated(t, cluster, hosts, ticks)
		for _, slots := range []int{128, 256} {
			size := 0
			for _, host := range groupsOf(all, slots) {
				size += len(groupOf(&b, host.columns...))
			}
			perSample := float64(size) / float64(len(all)*ticks)
			t.Logf("%s, %d slots: %.3f B/sample", cluster, slots, perSample)
			if perSample > 1.5 {
				t.Errorf("%s, %d slots: %.3f B/sample, want at most 1.5", cluster, slots, perSample)
			}
		}
	}
}

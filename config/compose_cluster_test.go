package config

import (
	"os"
	"reflect"
	"strings"
	"testing"
	"time"
)

const threeRoutes = `"routes": ["a:6222", "b:6222", "c:6222"]`

// clustered returns a configuration with a cluster of which members are given.
func clustered(t *testing.T, members string, edits ...string) []byte {
	t.Helper()
	return edit(t, minimal, append(edits, `nats.embedded.username "u"`, `nats.embedded.password "p"`, `nats.embedded.cluster {`+members+`}`)...)
}

func TestCluster(t *testing.T) {
	cfg, warnings, err := parse("config.json", clustered(t, threeRoutes))
	if err != nil || len(warnings) > 0 {
		t.Fatal(err, warnings)
	}
	host, err := os.Hostname()
	if err != nil {
		t.Fatal(err)
	}
	want := Cluster{Name: "cc-metric-store", Node: host, Addr: "0.0.0.0:6222", Routes: []string{"a:6222", "b:6222", "c:6222"}}
	if got := cfg.NATS.Embedded.Cluster; !reflect.DeepEqual(got, want) {
		t.Errorf("got %+v, want %+v", got, want)
	}
	if s := cfg.NATS.Stream; s.Replicas != 3 || s.Trim || s.MaxAge != 48*time.Hour {
		t.Errorf("stream %+v, want three replicas that keep the retention", s)
	}
	cfg, _, err = parse("config.json", clustered(t, `"name": "n", "node": "x", "addr": "127.0.0.1:1", "routes": ["a:1", "b:1", "c:1", "d:1", "e:1"]`, `nats.stream.replicas 5`))
	if err != nil || cfg.NATS.Stream.Replicas != 5 || cfg.NATS.Embedded.Cluster.Node != "x" {
		t.Errorf("got %+v, %v", cfg, err)
	}
	// Nobody else reaches the port: no password is needed.
	if _, _, err = parse("config.json", edit(t, minimal, `nats.embedded.cluster {"addr": "127.0.0.1:6222", `+threeRoutes+`}`)); err != nil {
		t.Error(err)
	}
}

func TestClusterFaults(t *testing.T) {
	const cluster = "nats.embedded.cluster"
	for members, fault := range map[string]string{
		``:                                         cluster + `.routes: is required: host and port of all servers`,
		`"routes": []`:                             cluster + `.routes: is empty`,
		`"routes": ["a:6222"]`:                     cluster + `.routes: lists one server, which is no cluster: leave cluster out`,
		`"routes": ["a:1", "b:1"]`:                 cluster + `.routes: lists two servers: the log would stop when either is down; name three, of which the third may be a small machine`,
		`"routes": ["a:1", "b:1", "a:1"]`:          cluster + `.routes[2]: a:1 is listed already`,
		`"routes": ["a:1", "b", "c:1"]`:            cluster + `.routes[1]: not host:port`,
		`"addr": ":0", ` + threeRoutes:             cluster + `.addr: has no port`,
		`"addr": "localhost:8082", ` + threeRoutes: cluster + `: listens at localhost:8082, which is another address of this program`,
		`"name": "a b", ` + threeRoutes:            cluster + `.name: no blank`,
	} {
		_, _, err := parse("config.json", clustered(t, members))
		expectFaults(t, err, fault)
	}
	_, _, err := parse("config.json", edit(t, minimal, cluster+` {`+threeRoutes+`}`))
	expectFaults(t, err, cluster+": needs nats.embedded.username and password")
	_, _, err = parse("config.json", clustered(t, threeRoutes, `nats.address "broker:4222"`))
	expectFaults(t, err, cluster+": together with nats.address")
	for _, replicas := range []string{"1", "2", "4", "5"} {
		_, _, err = parse("config.json", clustered(t, threeRoutes, `nats.stream.replicas `+replicas))
		expectFaults(t, err, `nats.stream.replicas: replicas are not possible in a cluster of 3 servers: give 3`)
	}
	_, warnings, _ := parse("config.json", clustered(t, `"nodes": "x", `+threeRoutes))
	if len(warnings) != 1 || !warnings[0].UnknownKey || !strings.Contains(warnings[0].Text, "node") {
		t.Errorf("warnings %+v", warnings)
	}
}

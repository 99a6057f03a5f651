package test

import (
	"fmt"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
)

func TestNATSToREST(t *testing.T) {
	t.Parallel()
	n := start(t, baseConfig())
	c := n.client()
	c.send(subject, ramp("core", 200)) // as a collector does
	n.await(hostMetric{"alex", "core", "cpu_load"}, origin+60*199, 199)
	n.wantRamp("core", 200)
	n.publish(c, subject, ramp("acknowledged", 200))
	n.wantRamp("acknowledged", 200)
	n.write(ramp("posted", 200)) // visible at once
	n.wantRamp("posted", 200)
}

func TestExternalJetStream(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	c := connect(t, b.URL)
	n := start(t, brokerConfig(b.URL))
	seq := c.publish(subject, ramp("acknowledged", 50)) // the program made the stream
	n.awaitEntry(seq)
	n.wantRamp("acknowledged", 50)
	c.send(subject, ramp("core", 50))
	n.await(hostMetric{"alex", "core", "cpu_load"}, origin+60*49, 49)
	n.write(ramp("posted", 50))
	n.kill()
	c.publish(subject, ramp("meanwhile", 50)) // the broker keeps it
	n = n.restart()
	for _, host := range []string{"acknowledged", "core", "posted", "meanwhile"} {
		n.wantRamp(host, 50)
	}
}

// TestBrokerWithoutJetStream is a site whose broker only passes messages on.
func TestBrokerWithoutJetStream(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{Username: "root", Password: "root"})
	cfg := brokerConfig(b.URL)
	section(cfg, "nats")["username"], section(cfg, "nats")["password"] = "root", "root"
	n := start(t, cfg)
	n.wantLog("level=WARN", "the broker has no JetStream")
	c := connect(t, b.URL, nats.UserInfo("root", "root"))
	awaitBridge(n, c)
	for i := range 20 {
		c.send(subject, ramp(fmt.Sprint("core", i), 50))
	}
	n.await(hostMetric{"alex", "core19", "cpu_load"}, origin+60*49, 49)
	n.write(ramp("posted", 50))
	check := func() {
		t.Helper()
		n.wantRamp("posted", 50)
		for i := range 20 {
			n.wantRamp(fmt.Sprint("core", i), 50)
		}
	}
	check()
	n.kill()
	n = n.restart()
	check()
	awaitBridge(n, c)
	c.send(subject, ramp("later", 50))
	n.await(hostMetric{"alex", "later", "cpu_load"}, origin+60*49, 49)
	n.stop()
	n = n.restart()
	check()
	n.wantRamp("later", 50)
}

func TestClusterTags(t *testing.T) {
	t.Parallel()
	const untagged = "cpu_load,hostname=a,type=node value=%d 1760000040\n"
	cfg := baseConfig()
	section(cfg, "metric-store")["nats-subscriptions"] = subscriptions("one", "alex", "two.*", "fritz", "one", "woody")
	n := start(t, cfg)
	n.wantLog("level=WARN", "one", "listed already", "alex", "woody")
	c := n.client()
	n.publish(c, "one", fmt.Sprintf(untagged, 1))
	n.publish(c, "two.x", fmt.Sprintf(untagged, 2)+"cpu_load,cluster=meggie,hostname=a,type=node value=3 1760000040\n")
	if a := n.change("/api/write?cluster=tinyx", fmt.Sprintf(untagged, 4)); a.status != 200 {
		t.Errorf("write: %d %s", a.status, a.body)
	}
	for cluster, value := range map[string]float64{"alex": 1, "fritz": 2, "meggie": 3, "tinyx": 4} {
		n.want(hostMetric{cluster, "a", "cpu_load"}, origin, value)
	}
	n.wantNone(hostMetric{"woody", "a", "cpu_load"}, origin, origin+60)
	if stored := n.metric("samples_total"); stored != 4 {
		t.Errorf("%v samples are stored, want 4: a message is taken once", stored)
	}
}

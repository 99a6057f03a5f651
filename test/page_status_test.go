package test

import (
	"encoding/json"
	"errors"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// pageStatus is what the test reads of /api/page/status.
type pageStatus struct {
	Ready, Answering struct {
		OK  bool
		Why string
	}
	Log struct {
		Name, Place string
		Writable    struct{ OK bool }
		Entries     int64
	}
	Broker *struct {
		Address   string
		Connected bool
	}
	Memory      struct{ Held, Cap, Process, Hosts, Series, Retention int64 }
	Checkpoints *struct{ Last, Interval, Written int64 }
	Archive     *struct {
		Files, Samples, Bytes int64
		Why                   string
	}
	Samples struct {
		Stored    int64
		NotStored map[string]int64          `json:"not-stored"`
		Unknown   []struct{ Metric string } `json:"unknown-metrics"`
		OverLimit []struct {
			Limit   string
			Samples int64
		} `json:"over-limit"`
	}
}

// status returns the state that the page shows.
func (n *node) status() (s pageStatus) {
	n.t.Helper()
	a := n.send("GET", "/api/page/status", "")
	if err := json.Unmarshal([]byte(a.body), &s); err != nil || a.status != 200 {
		n.t.Fatalf("%d %s: %v", a.status, clip(a.body), err)
	}
	return s
}

// TestPageStatus: the page is told of the broker while it is there and while it is away, of
// checkpoints and limits, and of refused lines with their sender, also after a restart.
func TestPageStatus(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true, Username: "store", Password: "secret"})
	address := strings.Replace(b.URL, "nats://", "nats://store:secret@", 1)
	cfg := archiving(checkpointConfig(brokerConfig(address)))
	section(cfg, "metric-store")["memory-cap"] = 2
	section(cfg, "metric-store")["max-hosts"] = 2
	n, c := start(t, cfg), connect(t, address)
	for _, host := range []string{"a", "b", "c"} { // one too many
		c.send(subject, line(host, "cpu_load", 1, origin))
	}
	c.send(subject, "cpu_load,hostname=b value=oops\nnever_heard,hostname=a value=1\n")
	c.flush()
	var s pageStatus
	n.waitFor("the state", func() error {
		s = n.status()
		switch {
		case !s.Ready.OK || !s.Answering.OK || !s.Log.Writable.OK:
			return errors.New("it is not ready")
		case s.Samples.Stored != 2 || s.Samples.NotStored["syntax"] != 1 || len(s.Samples.OverLimit) != 1 || len(s.Samples.Unknown) != 1:
			return errors.New("lines are missing")
		case s.Checkpoints == nil || s.Checkpoints.Last == 0 || s.Checkpoints.Written == 0:
			return errors.New("there is no checkpoint")
		}
		return nil
	})
	if s.Log.Name != "CC_METRICS" || s.Log.Place != "broker" || s.Broker == nil || !s.Broker.Connected || strings.Contains(s.Broker.Address, "secret") ||
		s.Memory.Hosts != 2 || s.Memory.Series != 2 || s.Memory.Cap != 2<<30 || s.Memory.Held == 0 || s.Memory.Process < 1<<20 || s.Memory.Retention != 500000*3600 ||
		s.Checkpoints.Interval != 1 || s.Archive == nil || s.Archive.Why != "" || s.Samples.OverLimit[0].Limit != "hosts" || s.Samples.OverLimit[0].Samples != 1 || s.Samples.Unknown[0].Metric != "never_heard" {
		t.Errorf("%+v", s)
	}
	refused := func(n *node) error {
		a := n.send("GET", "/api/page/refused", "")
		for _, want := range []string{`"reason":"syntax"`, `"line":"cpu_load,hostname=b value=oops"`, `"from":"hpc-nats"`, `"cluster":"alex"`, `"hostname":"b"`} {
			if !strings.Contains(a.body, want) {
				return fmt.Errorf("no %s in %d %s", want, a.status, a.body)
			}
		}
		return nil
	}
	n.waitFor("the refused line", func() error { return refused(n) })
	n.stop()
	n = n.restart()
	n.waitFor("the refused line after a restart", func() error { return refused(n) })
	b.stop()
	n.waitFor("the broker to be away", func() error {
		if s := n.status(); s.Broker.Connected || !s.Answering.OK {
			return fmt.Errorf("%+v", s)
		}
		return nil
	})
	if a := n.send("GET", "/api/page/refused", ""); a.status != 503 && a.status != 200 {
		t.Errorf("%d %s", a.status, a.body)
	}
}

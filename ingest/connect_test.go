package ingest

import (
	"context"
	"errors"
	"fmt"
	"net"
	"strings"
	"testing"
	"time"
)

func TestBrokerComesLaterAndGoesAway(t *testing.T) {
	dir := t.TempDir()
	first := broker(t, dir, true, -1)
	url, port := first.ClientURL(), first.Addr().(*net.TCPAddr).Port
	first.Shutdown()
	first.WaitForShutdown()

	n := run(t, newTestStore(t), Config{Broker: Broker{URL: url}})
	eventually(t, "the reason", func() bool {
		err := n.Ready()
		return err != nil && strings.Contains(err.Error(), "connection refused")
	})
	short, cancel := context.WithTimeout(context.Background(), 10*time.Millisecond)
	defer cancel()
	err := n.Write(short, "c", strings.NewReader("cpu_load value=1\n"))
	if !errors.Is(err, context.DeadlineExceeded) && (err == nil || !strings.Contains(err.Error(), "nothing was written")) {
		t.Errorf("write without a log: %v", err)
	}
	ns := broker(t, dir, true, port)
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	publish(t, connectTo(t, ns), "hpc-nats", fmt.Sprintf("cpu_load,hostname=a value=1 %d\n", base))
	eventually(t, "a", func() bool { return value(t, n.store, "dc", "a", "cpu_load", base) == 1 })

	ns.Shutdown()
	ns.WaitForShutdown()
	eventually(t, "the loss is noticed", func() bool { return !n.Stats().Connected })
	if n.Ready() != nil || value(t, n.store, "dc", "a", "cpu_load", base) != 1 {
		t.Error("queries are not answered from memory")
	}
	ns = broker(t, dir, true, port)
	publish(t, connectTo(t, ns), "hpc-nats", fmt.Sprintf("cpu_load,hostname=b value=2 %d\n", base))
	eventually(t, "b", func() bool { return value(t, n.store, "dc", "b", "cpu_load", base) == 2 })
}

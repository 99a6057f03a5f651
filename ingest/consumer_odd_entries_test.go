package ingest

import (
	"bytes"
	"context"
	"encoding/json"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/store"
)

// oddHeaders are the header blocks of messages that look like something else, or
// like nothing.
func oddHeaders() []string {
	var out []string
	for _, status := range []string{"100", "404", "408", "409", "400", "423", "503", "999", "1", "x", "100 Idle Heartbeat", "100 FlowControl Request",
		"409 Consumer Deleted", "409 Server Shutdown", "409 Message Size Exceeds MaxBytes", "409 Leadership Change"} {
		out = append(out, "NATS/1.0 "+status+"\r\n\r\n")
		code, description, _ := strings.Cut(status, " ")
		out = append(out, "NATS/1.0\r\nStatus: "+code+"\r\nDescription: "+description+"\r\n\r\n")
	}
	return append(out,
		"NATS/1.0 503\r\nStatus: 404\r\n\r\n",
		"NATS/1.0 408\r\nNats-Pending-Messages: 1000000\r\nNats-Pending-Bytes: x\r\n\r\n",
		"NATS/1.0\r\nNats-Pin-Id: x\r\nNats-Last-Consumer: 9\r\nNats-Last-Stream: 9\r\nNats-Consumer-Stalled: x\r\n\r\n",
		"NATS/1.0\r\nNats-Stream: OTHER\r\nNats-Sequence: 7\r\nNats-Time-Stamp: never\r\nNats-Subject: x\r\n\r\n",
		"NATS/1.0\r\nno colon\r\n\r\n",
		"NATS/1.0\r\n: no key\r\n\r\n",
		"NATS/1.0\r\nno end",
		"NATS/1.0 \r\n\r\n",
		"HTTP/1.1 503\r\n\r\n",
		"\x00\xff\xfe\r\n\r\n",
		"NATS/1.0\r\nContent-Encoding: s2\r\n\r\n",
		"NATS/1.0\r\nContent-Encoding: gzip\r\nCc-Cluster: \xff\xfe\r\nCc-Time: 99999999999999999999\r\nCc-Kind: free\r\n\r\n",
		"NATS/1.0\r\nCc-Subject: "+strings.Repeat("s", 20_000)+"\r\nCc-Cluster: "+strings.Repeat("c", 20_000)+"\r\n\r\n",
		"NATS/1.0\r\nX: "+strings.Repeat("x", 500_000)+"\r\n\r\n",
		"NATS/1.0\r\n"+strings.Repeat("Status: 503\r\n", 1000)+"\r\n",
	)
}

// publishRaw publishes a message with the bytes of its headers as they are.
func publishRaw(t *testing.T, ns *server.Server, subject, header string, data []byte) {
	t.Helper()
	c := dialRaw(t, ns)
	defer c.close()
	c.send(fmt.Sprintf("HPUB %s %d %d\r\n%s%s\r\n", subject, len(header), len(header)+len(data), header, data))
	c.ping()
}

// storeRaw is publishRaw for a subject of a stream, and returns when the stream has stored
// the message or refused it.
func storeRaw(t *testing.T, ns *server.Server, subject, header string, data []byte) {
	t.Helper()
	c := dialRaw(t, ns)
	defer c.close()
	reply := nats.NewInbox()
	c.send(fmt.Sprintf("SUB %s 1\r\nHPUB %s %s %d %d\r\n%s%s\r\n", reply, subject, reply, len(header), len(header)+len(data), header, data))
	c.await("MSG " + reply)
}

// TestOddEntries: whatever an entry holds, those behind it are read, now and after
// a restart, whose cursor may be at it.
func TestOddEntries(t *testing.T) {
	t.Parallel()
	for _, where := range []string{"embedded", "broker"} {
		t.Run(where, func(t *testing.T) {
			ns := broker(t, t.TempDir(), true, -1)
			cfg := Config{Embedded: embed(ns)}
			subjects := []string{"CC_METRICS.write", "CC_METRICS.free", "CC_METRICS.outbox.x", "hpc-nats"}
			if where == "broker" {
				cfg = Config{Broker: Broker{URL: ns.ClientURL()}}
			}
			n := run(t, newTestStore(t), cfg)
			eventually(t, "ready", func() bool { return n.Ready() == nil })
			js := connectTo(t, ns)
			for i, header := range oddHeaders() {
				for j, subject := range subjects {
					for _, data := range []string{"", "\xff\x00garbage", "cpu_load,hostname=x value=oops"} {
						publishRaw(t, ns, subject, header, []byte(data))
					}
					v := float64(i*10 + j + 1)
					seq := publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%v %d", v, base))
					eventually(t, fmt.Sprintf("what is behind %.60q at %s", header, subject), func() bool {
						return n.Stats().Watermark >= seq && value(t, n.store, "dc", "h", "cpu_load", base) == v
					})
				}
			}
			if s := n.Stats(); s.ConsumerResets != 0 || s.LagEntries != 0 {
				t.Errorf("reading was taken up again %d times, the lag is %d", s.ConsumerResets, s.LagEntries)
			}
			// The newest entry is an odd one, and where a restart begins.
			for _, header := range oddHeaders() {
				storeRaw(t, ns, "CC_METRICS.write", header, nil)
				last := entriesOf(t, js)
				eventually(t, "the odd one", func() bool { return n.Stats().Watermark == last })
				n.stop()
				at, _ := n.Applied()
				n = runFrom(t, n.store, cfg, store.Restored{From: at, HighWater: at})
				eventually(t, fmt.Sprintf("ready behind %.60q", header), func() bool { return n.Ready() == nil })
			}
		})
	}
}

// entriesOf returns the sequence number of the newest entry of the log.
func entriesOf(t *testing.T, js jetstream.JetStream) uint64 {
	t.Helper()
	s, err := js.Stream(context.Background(), "CC_METRICS")
	if err != nil {
		t.Fatal(err)
	}
	return s.CachedInfo().State.LastSeq
}

// TestControlLookAlikeIsOneRefusedLine: counted, and a dead letter.
func TestControlLookAlikeIsOneRefusedLine(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	publishRaw(t, ns, "CC_METRICS.write", "NATS/1.0 503\r\n\r\n", nil)
	publishRaw(t, ns, "CC_METRICS.write", "NATS/1.0\r\nStatus: 404\r\n\r\n", nil)
	publishRaw(t, ns, "CC_METRICS.free", "NATS/1.0 100\r\n\r\n", []byte("no free"))
	eventually(t, "three refused lines", func() bool { return n.Stats().NotStored["syntax"] == 3 })
	eventually(t, "three letters", func() bool {
		s, err := connectTo(t, ns).Stream(context.Background(), "CC_METRICS_BAD")
		return err == nil && s.CachedInfo().State.Msgs == 3
	})
}

// TestOddOutbox: what is forwarded over REST gets past entries that
// somebody put into the outbox's stream, or under its subject in the log.
func TestOddOutbox(t *testing.T) {
	a := newAway(t)
	for _, header := range oddHeaders() {
		publishRaw(t, a.local, "CC_METRICS_OUTBOX", header, []byte("cpu_load,hostname=odd value=1\n"))
	}
	a.write("cpu_load,hostname=h value=1 %d\n", base)
	for _, header := range append(oddHeaders(), "NATS/1.0\r\nNats-Expected-Last-Sequence: 4711\r\nNats-Rollup: all\r\nNats-TTL: never\r\n\r\n") {
		publishRaw(t, a.local, "CC_METRICS_OUTBOX", header, []byte("cpu_load,hostname=odd value=1\n"))
	}
	a.write("cpu_load,hostname=h value=2 %d\n", base)
	id := a.outbox.id
	ns := a.brokerBack()
	publishRaw(t, ns, "CC_METRICS.outbox."+id, "NATS/1.0\r\nCc-Outbox-Entry: none\r\n\r\n", []byte("x"))
	eventually(t, "forwarding", func() bool { return a.Degraded() == nil && a.Stats().InOutbox == 0 })
	eventually(t, "the newest value", func() bool { return value(t, a.store, "c", "h", "cpu_load", base) == 2 })
}

// TestEntryLargerThanThePayload reads a log whose broker takes only small messages
// by now.
func TestEntryLargerThanThePayload(t *testing.T) {
	t.Parallel()
	dir := t.TempDir()
	ns := serve(t, server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, MaxPayload: 30 << 20})
	js := connectTo(t, ns)
	if _, err := js.CreateStream(context.Background(), jetstream.StreamConfig{Name: "CC_METRICS", Subjects: []string{"hpc-nats"}}); err != nil {
		t.Fatal(err)
	}
	large := append(bytes.Repeat([]byte("#"+strings.Repeat("x", 1022)+"\n"), 28<<10), fmt.Sprintf("cpu_load,hostname=large value=1 %d\n", base)...)
	for i := range 3 {
		publish(t, js, "hpc-nats", string(large))
		publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=%d %d\n", i, base))
	}
	ns.Shutdown()
	ns.WaitForShutdown()
	ns = serve(t, server.Options{Host: "127.0.0.1", Port: -1, JetStream: true, StoreDir: dir, MaxPayload: 1 << 20})
	n := run(t, newTestStore(t), Config{Broker: Broker{URL: ns.ClientURL()}})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	if v := value(t, n.store, "dc", "large", "cpu_load", base); v != 1 {
		t.Errorf("the large entry: %v", v)
	}
	if v := value(t, n.store, "dc", "h", "cpu_load", base); v != 2 {
		t.Errorf("the last entry: %v", v)
	}
}

// TestForgedReply: a message that names a place in the
// stream itself, in its reply, is not believed.
func TestForgedReply(t *testing.T) {
	ns := broker(t, t.TempDir(), true, -1)
	n := run(t, newTestStore(t), Config{Embedded: embed(ns)})
	eventually(t, "ready", func() bool { return n.Ready() == nil })
	js := connectTo(t, ns)
	for _, reply := range []string{"$JS.ACK", "x", "$JS.FC.CC_METRICS.x"} {
		data, _ := json.Marshal(freeRequest{})
		for _, subject := range []string{"CC_METRICS.write", "CC_METRICS.free", "hpc-nats"} {
			if err := js.Conn().PublishMsg(&nats.Msg{Subject: subject, Reply: reply, Data: data}); err != nil {
				t.Fatal(err)
			}
		}
	}
	publish(t, js, "hpc-nats", fmt.Sprintf("cpu_load,hostname=h value=1 %d\n", base))
	eventually(t, "the value", func() bool { return value(t, n.store, "dc", "h", "cpu_load", base) == 1 })
}

package test

import (
	"bufio"
	"bytes"
	"fmt"
	"io"
	"net"
	"slices"
	"strings"
	"sync"
	"testing"
	"time"

	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/cmd/cc-metric-generator/load"
)

// TestWriteTimes sends the bodies of many hosts over REST, from a number of connections of which
// each waits for its answers, and the same ones over NATS, where one publisher has many messages
// on their way. WRITE_HOSTS makes it the documented size: so many hosts (200).
func TestWriteTimes(t *testing.T) {
	hosts, full := sizeFromEnvironment(t, "WRITE_HOSTS", 4)
	ticks, lines := 2, 20
	if full {
		ticks, lines = 20, 500
	} else {
		t.Parallel()
	}
	w := startWritten(t, hosts)
	w.time(bodies{ticks: 1}, "to make the hosts known", w.publish)
	for _, b := range []struct {
		bodies
		connections []int
	}{{bodies{ticks: ticks}, []int{1, 2, 16, 200}}, {bodies{ticks: lines, isLine: true}, []int{1, 16, 200}}} {
		for _, connections := range b.connections {
			few := b.bodies
			if connections == 1 {
				few.ticks = max(b.ticks/5, 1)
			}
			w.time(few, fmt.Sprintf("over REST, %d connections", connections), func(b bodies) []time.Duration { return w.post(b, connections) })
		}
		w.time(b.bodies, "over NATS", w.publish)
	}
}

// bodies are those that each host sends: a tick of it, or one line, at each of so many ticks.
type bodies struct {
	ticks  int
	isLine bool
}

func (b bodies) String() string {
	if b.isLine {
		return "bodies of a line"
	}
	return "bodies of a tick"
}

// append appends the body of a host at the Unix time at.
func (b bodies) append(dst []byte, h *writtenHost, at int64) []byte {
	if b.isLine {
		return fmt.Appendf(dst, "cpu_load,cluster=fritz,hostname=%s,type=node value=%d %d\n", h.name, at%1000, at)
	}
	return h.AppendTick(dst, at)
}

// written is a node whose hosts write.
type written struct {
	*node
	hosts  []*writtenHost
	at     int64 // Unix time of the next tick
	stored int   // samples so far
}

type writtenHost struct {
	*load.Host
	name string
}

func startWritten(t *testing.T, hosts int) *written {
	t.Helper()
	made := fritz(t, hosts, 60)
	cfg := baseConfig()
	cfg["metrics"] = loadMetrics(made, 60)
	w := &written{node: start(t, cfg), at: time.Now().Unix()/60*60 - 60*10_000}
	clusters, err := load.Clusters()
	if err != nil {
		t.Fatal(err)
	}
	topology := clusters["fritz"]
	for i, name := range topology.HostNames(hosts) {
		w.hosts = append(w.hosts, &writtenHost{made[i], name})
	}
	return w
}

// time has the hosts send their bodies in the given way, which returns the times of the answers,
// and logs what that takes.
func (w *written) time(b bodies, way string, send func(bodies) []time.Duration) {
	w.t.Helper()
	cpu, begin := w.processCPU(), time.Now()
	took := send(b)
	elapsed := time.Since(begin)
	sent := b.ticks * len(w.hosts)
	samples := sent
	if !b.isLine {
		samples *= generatedSeries
	}
	w.at += 60 * int64(b.ticks)
	w.stored += samples
	w.waitFor("all samples", func() error {
		// What a busy log acknowledges too late is sent again, and counts again.
		if got := w.metric("samples_total"); int(got) < w.stored {
			return fmt.Errorf("%.0f of %d samples are stored", got, w.stored)
		}
		return nil
	})
	cpu = w.processCPU() - cpu
	slices.Sort(took)
	at := func(share float64) time.Duration {
		return took[int(share*float64(len(took)-1))].Round(10 * time.Microsecond)
	}
	text := ""
	if len(took) > 0 {
		text = fmt.Sprintf(", median %v, 99th percentile %v", at(0.5), at(0.99))
	}
	w.t.Logf("%v, %s: %.2f CPU s per million samples, %v of CPU each, %.0f answers/s%s",
		b, way, cpu.Seconds()*1e6/float64(samples), (cpu / time.Duration(sent)).Round(100*time.Nanosecond), float64(sent)/elapsed.Seconds(), text)
}

// post sends the bodies over so many connections of REST. It takes little of the machine, which
// the program shares.
func (w *written) post(b bodies, connections int) []time.Duration {
	w.t.Helper()
	connections = min(connections, len(w.hosts))
	took := make([][]time.Duration, connections)
	var sending sync.WaitGroup
	for i := range connections {
		conn, err := net.Dial("tcp", strings.TrimPrefix(w.URL, "http://"))
		if err != nil {
			w.t.Fatal(err)
		}
		defer func() { _ = conn.Close() }()
		sending.Go(func() {
			answers, body, request := bufio.NewReader(conn), []byte(nil), []byte(nil)
			for tick := range b.ticks {
				for h := i; h < len(w.hosts); h += connections {
					body = b.append(body[:0], w.hosts[h], w.at+60*int64(tick))
					request = fmt.Appendf(request[:0], "POST /api/write?cluster=fritz HTTP/1.1\r\nHost: localhost\r\nContent-Length: %d\r\n\r\n%s", len(body), body)
					begin := time.Now()
					if err := exchange(conn, answers, request); err != nil {
						w.t.Error(err)
						return
					}
					took[i] = append(took[i], time.Since(begin))
				}
			}
		})
	}
	sending.Wait()
	return slices.Concat(took...)
}

// exchange sends a request and reads an answer with the status 200 that has no body.
func exchange(conn net.Conn, answers *bufio.Reader, request []byte) error {
	if err := conn.SetDeadline(time.Now().Add(patience)); err != nil {
		return err
	}
	if _, err := conn.Write(request); err != nil {
		return err
	}
	for first := true; ; first = false {
		line, err := answers.ReadSlice('\n')
		switch {
		case err != nil:
			return err
		case first && !bytes.HasPrefix(line, []byte("HTTP/1.1 200 ")):
			text := string(line)
			rest, _ := io.ReadAll(io.LimitReader(answers, 400)) // for the message
			return fmt.Errorf("a write: %s%s", text, rest)
		case len(line) <= len("\r\n"):
			return nil
		}
	}
}

// publish sends the bodies over NATS, and returns when all of them are acknowledged.
func (w *written) publish(b bodies) []time.Duration {
	w.t.Helper()
	js, err := jetstream.New(connect(w.t, w.NATSURL).nc, jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		w.t.Fatal(err)
	}
	for tick := range b.ticks {
		for _, h := range w.hosts {
			if _, err := js.PublishAsync(subject, b.append(nil, h, w.at+60*int64(tick)), jetstream.WithStallWait(patience)); err != nil {
				w.t.Fatal(err)
			}
		}
	}
	<-js.PublishAsyncComplete()
	return nil
}

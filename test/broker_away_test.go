package test

import (
	"context"
	"fmt"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
)

// awayQuery is one that says nothing about a sample.
const awayQuery = `{"cluster":"alex","from":0,"to":60,"queries":[]}`

// wantRefusal checks that queries get a 503 at first, with the reason that the log
// is not reached.
func (n *node) wantRefusal() {
	n.t.Helper()
	n.waitFor("the reason", func() error {
		a := n.send("POST", "/api/query", awayQuery)
		if a.status != 503 { // it is answered after ten seconds
			return nil
		}
		if !strings.Contains(a.body, "the log is not reached") { // it is still loading
			return fmt.Errorf("the reason is %s", a.body)
		}
		return nil
	})
	if a := n.send("GET", "/readyz", ""); a.status != 503 || !strings.Contains(a.body, "the log is not reached") {
		n.t.Errorf("ready without the log: %d %s", a.status, a.body)
	}
}

// TestStartWithoutTheLog starts after a stop in order and after a crash, while
// the broker is away.
func TestStartWithoutTheLog(t *testing.T) {
	t.Parallel()
	b := startChildBroker(t)
	n := start(t, checkpointConfig(brokerConfig(b.URL)))
	n.write(ramp("a", 300))
	connect(t, b.URL).publish(subject, ramp("b", 300))
	n.await(hostMetric{"alex", "b", "cpu_load"}, origin+60*299, 299)
	b.stop()
	n.write(line("a", "cpu_load", 300, origin+60*300)) // kept here
	n.stop()

	n = begin(t, n.launch)
	n.waitFor("the checkpoint to be loaded", func() error {
		a := n.send("POST", "/api/query", awayQuery)
		if a.status != 200 && !strings.Contains(a.body, "loading the newest checkpoint") {
			t.Fatalf("a query after a clean stop: %d %s", a.status, a.body)
		}
		if a.status != 200 {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	})
	n.wantRamp("a", 301)
	n.wantRamp("b", 300)
	n.waitFor("the reason", func() error {
		a := n.send("GET", "/readyz", "")
		if a.status != 503 {
			t.Fatalf("ready without the log: %d %s", a.status, a.body)
		}
		if !strings.Contains(a.body, "the log is not reached") {
			return fmt.Errorf("the reason is %s", a.body)
		}
		return nil
	})
	n.write(line("a", "cpu_load", 301, origin+60*301))
	n.wantRamp("a", 302)
	n.kill()

	n = begin(t, n.launch)
	n.wantRefusal()
	n.write(line("a", "cpu_load", 302, origin+60*302))
	n.waitFor("answers without the log", func() error {
		if a := n.send("POST", "/api/query", awayQuery); a.status != 200 {
			return fmt.Errorf("%d %s", a.status, a.body)
		}
		return nil
	})
	n.wantRamp("a", 303)
	n.wantRamp("b", 300)
	if a := n.send("GET", "/readyz", ""); a.status != 503 || !strings.Contains(a.body, "refused") || !strings.Contains(a.body, "nats.address") {
		t.Errorf("ready without the log: %d %s", a.status, a.body)
	}
	if v := n.metric(`log_obstacle{kind="unreachable"}`); v != 1 {
		t.Errorf("the metric says %v", v)
	}
	b.start()
	n.awaitReady()
	n.wantRamp("a", 303)
	n.wantRamp("b", 300)
	second := start(t, brokerConfig(b.URL))
	second.wantRamp("a", 303) // it is all in the log
	second.wantRamp("b", 300)
}

// TestWritesWithoutTheBroker kills the node, again and again, while it keeps
// writes for a log that is out of reach.
func TestWritesWithoutTheBroker(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	s.write(300)
	s.settle(s.first, s.second)
	var local []*writer // those over REST
	for _, w := range s.writers {
		if strings.HasPrefix(w.host, "first") {
			w.firm = false
			local = append(local, w)
		}
	}
	s.broker.kill()
	rounds := 3
	if stressed() {
		rounds = 20
	}
	for range rounds {
		var l *writing
		l = s.oracle.load(local, 1+s.rnd.IntN(60), func() {
			l.ending.Store(true)
			_ = s.first.cmd.Process.Kill() // that it ends is waited for
		})
		l.begin(t.Context())
		waitFor(t, "the kill", func() error {
			if err := l.failure.Load(); err != nil {
				t.Fatalf("a write failed: %v", *err)
			}
			if !s.first.ended() {
				return fmt.Errorf("%d of %d messages are acknowledged", l.acked.Load(), l.moment)
			}
			return nil
		})
		s.first.kill()
		l.end(t)
		s.first = begin(t, s.first.launch)
		s.first.wantRefusal()
	}
	for _, w := range local {
		w.firm = true
	}
	l := s.oracle.load(local, 0, nil)
	l.begin(t.Context())
	l.awaitAcked(t, 20)
	s.broker.start() // the load goes on
	l.awaitAcked(t, 100)
	l.end(t)
	s.settle(s.first, s.second)
	s.oracle.check(s.first)
	s.oracle.wantSame(t, s.first, s.second)
	s.wantNoDoubles()
	s.first.kill()
	s.first = s.first.restart()
	s.oracle.check(s.first)
}

// TestKilledWhileForwarding kills the node while it gives the log what it kept,
// when the log has forgotten the ids of the messages: what comes twice would be
// there twice, and could take effect after what came later.
func TestKilledWhileForwarding(t *testing.T) {
	t.Parallel()
	s := newSite(t)
	var local []*writer // those over REST
	for _, w := range s.writers {
		if strings.HasPrefix(w.host, "first") {
			local = append(local, w)
		}
	}
	s.control.forgetIDs("CC_METRICS")
	rounds := 3
	if stressed() {
		rounds = 20
	}
	for range rounds {
		s.broker.stop()
		const entries = 60
		l := s.oracle.load(local, 0, nil)
		l.begin(t.Context())
		l.awaitAcked(t, entries)
		l.end(t)
		s.broker.start()
		before, some := s.lastSequence(), 1+uint64(s.rnd.IntN(entries-1))
		waitFor(t, "some entries to be forwarded", func() error {
			if last := s.lastSequence(); last < before+some {
				return fmt.Errorf("%d are", last-before)
			}
			return nil
		})
		s.first.kill()
		s.first = s.first.restart()
		s.settle(s.first, s.second)
		s.oracle.check(s.first)
		s.oracle.wantSame(t, s.first, s.second)
	}
	s.wantNoDoubles()
}

func TestBrokerThatComesLater(t *testing.T) {
	t.Parallel()
	for _, jetStream := range []bool{true, false} {
		t.Run(fmt.Sprintf("JetStream=%v", jetStream), func(t *testing.T) {
			t.Parallel()
			b := startBroker(t, server.Options{JetStream: jetStream})
			b.stop()
			n := begin(t, launch{config: brokerConfig(b.URL)})
			n.waitFor("a reason", func() error {
				a := n.send("GET", "/api/query", awayQuery)
				if a.status != 503 {
					t.Fatalf("a query without a broker: %d %s", a.status, a.body)
				}
				if !strings.Contains(a.body, "the log is not reached") || !strings.Contains(a.body, "connection refused") {
					return fmt.Errorf("the reason is %s", a.body)
				}
				return nil
			})
			n.wantError(n.send("GET", "/api/healthcheck", `{"cluster":"alex","nodes":["a"]}`), 503, "the log is not reached")
			if a := n.send("GET", "/healthz", ""); a.status != 200 {
				t.Errorf("healthz: %d %s", a.status, a.body)
			}
			b.start()
			n.awaitReady()
			c := connect(t, b.URL)
			if !jetStream {
				awaitBridge(n, c)
			}
			c.send(subject, ramp("a", 50))
			n.await(hostMetric{"alex", "a", "cpu_load"}, origin+60*49, 49)
			n.wantRamp("a", 50)
		})
	}
}

// TestBrokerRestartsUnderLoad: what the broker has acknowledged is visible,
// whenever it went away.
func TestBrokerRestartsUnderLoad(t *testing.T) {
	t.Parallel()
	b := startBroker(t, server.Options{JetStream: true})
	n := start(t, brokerConfig(b.URL))
	c := connect(t, b.URL)
	const hosts, samples = 8, 100
	third := make(chan struct{})
	done := make(chan error, 1)
	go func() {
		for i := range samples {
			for h := range hosts {
				if i == samples/3 && h == 0 {
					close(third)
				}
				text := line(fmt.Sprint("h", h), "cpu_load", float64(i), origin+60*int64(i))
				for {
					ctx, cancel := context.WithTimeout(t.Context(), resendAfter)
					_, err := c.tryPublish(ctx, subject, text)
					cancel()
					if err == nil {
						break
					} else if c.nc.IsClosed() {
						done <- err
						return
					}
				}
			}
		}
		done <- nil
	}()
	<-third
	b.stop()
	n.waitFor("the outage to be noticed", func() error {
		if n.metric("broker_connected") != 0 {
			return fmt.Errorf("still connected")
		}
		return nil
	})
	n.want(hostMetric{"alex", "h0", "cpu_load"}, origin, 0) // the answers go on
	b.start()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	n.awaitEntry(c.publish(subject, line("last", "cpu_load", 1, origin)))
	for h := range hosts {
		n.wantRamp(fmt.Sprint("h", h), samples)
	}
	n.wantLog("level=WARN", "lost the broker")
	n.wantLog("connected to the broker again")
}

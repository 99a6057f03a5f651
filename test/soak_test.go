package test

import (
	"context"
	"fmt"
	"os"
	"slices"
	"sync"
	"sync/atomic"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/cmd/cc-metric-generator/load"
)

// TestSoak runs the program for a while at a fixed rate, with queries,
// checkpoints, and a restart of its broker in the middle: each line that was
// sent is accounted for, the lag returns to zero, and, if it runs for minutes,
// memory stays flat. SOAK, a duration, says for how long; without it the test
// takes some seconds.
//
// The hosts sample each second and the retention is two minutes, so that old
// blocks go as fast as new ones come.
func TestSoak(t *testing.T) {
	duration, hosts := 4*time.Second, 20
	if text := os.Getenv("SOAK"); text != "" {
		var err error
		if duration, err = time.ParseDuration(text); err != nil {
			t.Fatalf("read SOAK: %v", err)
		}
		hosts = 400 // 207,200 samples each second
	} else {
		t.Parallel()
	}
	b := startBroker(t, server.Options{JetStream: true, StreamMaxBufferedSize: 1 << 30})
	cfg := brokerConfig(b.URL)
	machine := fritz(t, hosts, 1)
	cfg["metrics"] = loadMetrics(machine, 1)
	section(cfg, "metric-store")["retention-in-memory"] = "2m"
	section(cfg, "metric-store")["checkpoint-interval"] = "10s"
	n := start(t, cfg)

	s := &soak{n: n, b: b, hosts: machine, t: t}
	ctx, cancel := context.WithCancel(t.Context())
	defer cancel()
	var background sync.WaitGroup
	background.Go(func() { s.ask(ctx) })
	s.send(duration)
	s.settle()
	cancel()
	background.Wait()
	s.account(duration)
}

type soak struct {
	t     *testing.T
	n     *node
	b     *broker
	hosts []*load.Host

	sent, bad, queries int64
	unanswered         atomic.Int64
	slowest            time.Duration
	resident           []int64 // once in 5 s
}

// send publishes a tick of all hosts each second, and restarts the broker in the
// middle.
func (s *soak) send(duration time.Duration) {
	c := connect(s.t, s.b.URL, nats.ReconnectBufSize(-1))
	js, err := jetstream.New(c.nc, jetstream.WithPublishAsyncMaxPending(256))
	if err != nil {
		s.t.Fatal(err)
	}
	begin := time.Now()
	restarted := false
	for tick := 0; time.Since(begin) < duration; tick++ {
		now := begin.Add(time.Duration(tick) * time.Second)
		time.Sleep(time.Until(now)) // the rate of the load, not a wait for something
		messages := make([]*nats.Msg, 0, len(s.hosts)+1)
		for i, h := range s.hosts {
			m := nats.NewMsg(subject)
			m.Data = h.AppendTick(nil, now.Unix())
			m.Header.Set(nats.MsgIdHdr, fmt.Sprint(tick, ".", i))
			messages = append(messages, m)
			s.sent += int64(len(h.Layout().Metrics()))
		}
		faulty := nats.NewMsg(subject)
		faulty.Data = []byte("cpu_load,hostname=h value=\nno_such_metric,hostname=h value=1\n")
		faulty.Header.Set(nats.MsgIdHdr, fmt.Sprint(tick, ".bad"))
		s.sent, s.bad = s.sent+2, s.bad+1
		s.publish(js, append(messages, faulty))
		if !restarted && time.Since(begin) > duration/2 {
			restarted = true
			s.b.stop()
			s.b.start()
		}
		if tick%5 == 0 {
			s.resident = append(s.resident, s.n.resident())
		}
	}
}

// publish repeats what was not acknowledged; the log knows each message by its
// id.
func (s *soak) publish(js jetstream.JetStream, messages []*nats.Msg) {
	s.t.Helper()
	waitFor(s.t, "acknowledgements", func() error {
		acks := make([]jetstream.PubAckFuture, len(messages))
		var left []*nats.Msg
		var fault error
		for i, m := range messages {
			acks[i], fault = js.PublishMsgAsync(m, jetstream.WithRetryAttempts(0))
			if fault != nil {
				acks[i] = nil
			}
		}
		for i, ack := range acks {
			if ack == nil {
				left = append(left, messages[i])
				continue
			}
			select {
			case <-ack.Ok():
			case err := <-ack.Err():
				left, fault = append(left, messages[i]), err
			case <-time.After(patience / 9):
				left, fault = append(left, messages[i]), context.DeadlineExceeded
			}
		}
		messages = left
		if len(left) == 0 {
			return nil
		}
		return fmt.Errorf("%d messages: %w", len(left), fault)
	})
}

// ask queries all the time.
func (s *soak) ask(ctx context.Context) {
	for ctx.Err() == nil {
		now := time.Now().Unix()
		begin := time.Now()
		a, err := s.n.try("POST", "/api/query", fmt.Sprintf(`{"cluster":"fritz","from":%d,"to":%d,"for-all-nodes":["cpu_load"]}`, now-60, now))
		s.queries++
		if err != nil || a.status != 200 {
			s.unanswered.Add(1)
			s.t.Errorf("query: %d %s (%v)", a.status, clip(a.body), err)
			return
		}
		s.slowest = max(s.slowest, time.Since(begin))
		select {
		case <-time.After(20 * time.Millisecond): // the rate of the load
		case <-ctx.Done():
		}
	}
}

// settle waits until the node has read all of the log.
func (s *soak) settle() {
	s.n.waitFor("the lag to return to zero", func() error {
		lines, lag := int64(s.n.metric("lines_total")), s.n.metric("log_lag_entries")
		if lines < s.sent || lag != 0 {
			return fmt.Errorf("%d of %d lines, %v entries behind", lines, s.sent, lag)
		}
		return nil
	})
}

// account checks what has become of all that was sent, and of the memory.
func (s *soak) account(duration time.Duration) {
	stored := int64(s.n.metric("samples_total"))
	syntax := int64(s.n.metric(`lines_not_stored_total{reason="syntax"}`))
	unknown := int64(s.n.metric(`lines_not_stored_total{reason="unknown-metric"}`))
	s.t.Logf("%d lines sent in %v, %d stored, %d of unknown metrics, %d bad; %d queries, the slowest took %v; %v checkpoints, %v failed; resident %v MB",
		s.sent, duration, stored, unknown, syntax, s.queries, s.slowest.Round(time.Millisecond),
		s.n.metric("checkpoints_total"), s.n.metric("checkpoint_failures_total"), megabytes(s.resident))
	if stored+syntax+unknown != s.sent || syntax != s.bad || unknown != s.bad {
		s.t.Errorf("sent %d lines, %d of them bad and as many of unknown metrics: not all are accounted for", s.sent, s.bad)
	}
	if s.n.metric("checkpoint_failures_total") != 0 || s.n.metric("log_reattached_total") == 0 {
		s.t.Error("a checkpoint failed, or the restart of the broker was not noticed")
	}
	if n := len(s.resident); duration >= 8*time.Minute {
		// Warm after four minutes: two of retention, and the block after it.
		warm, late := median(s.resident[n*4/10:n*7/10]), median(s.resident[n*7/10:])
		if late > warm+warm/10 {
			s.t.Errorf("resident memory grew from %d MB to %d MB", warm>>20, late>>20)
		}
	}
}

func median(values []int64) int64 {
	sorted := slices.Sorted(slices.Values(values))
	return sorted[len(sorted)/2]
}

func megabytes(values []int64) []int64 {
	out := make([]int64, len(values))
	for i, v := range values {
		out[i] = v >> 20
	}
	return out
}

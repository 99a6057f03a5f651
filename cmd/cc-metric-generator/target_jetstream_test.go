package main

import (
	"net"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go/jetstream"

	"cc-metric-store/test/testkit"
)

func TestJetStreamAcknowledges(t *testing.T) {
	s := startNATS(t, server.Options{JetStream: true})
	stream := createStream(t, s, -1)
	got := runProgram(t.Context(), "-url", s.ClientURL(), "-mode", "jetstream", "-clusters", "fritz",
		"-hosts", "4", "-history", "1h", "-connections", "3")
	if got.status != exitAccepted || !strings.Contains(got.stdout, "240 of 240 messages") {
		t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	lines := 0
	for _, body := range streamBodies(t, stream) {
		lines += countLines(body)
	}
	if want := 4 * 60 * 518; lines != want {
		t.Errorf("%d samples in the stream, want %d", lines, want)
	}
}

func TestNoStream(t *testing.T) {
	for _, tc := range []struct {
		name      string
		jetStream bool
		says      string
	}{
		{"no stream", true, `no stream takes the subject "hpc-nats": start the store`},
		{"no JetStream", false, "start it with -js"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			s := startNATS(t, server.Options{JetStream: tc.jetStream})
			got := runProgram(t.Context(), "-url", s.ClientURL(), "-mode", "jetstream", "-hosts", "1", "-history", "1m")
			if got.status != exitNotAccepted || !strings.Contains(got.stdout, tc.says) {
				t.Errorf("status %d, want %q: %s%s", got.status, tc.says, got.stdout, got.stderr)
			}
		})
	}
}

// TestUnacknowledgedIsSentAgain: a stream that is full refuses messages until
// it gets room.
func TestUnacknowledgedIsSentAgain(t *testing.T) {
	s := startNATS(t, server.Options{JetStream: true})
	stream := createStream(t, s, 3)
	_, r := newTestRun(t, "-url", s.ClientURL(), "-mode", "jetstream", "-clusters", "fritz", "-hosts", "1", "-history", "20m")
	done := make(chan error, 1)
	go func() { done <- r.send(t.Context()) }()
	testkit.Eventually(t, "a refused message", func() bool { return r.tally.retries.Load() > 0 })

	config := stream.CachedInfo().Config
	config.MaxMsgs = -1
	js, err := jetstream.New(connectNATS(t, s))
	if err != nil {
		t.Fatal(err)
	}
	if _, err := js.UpdateStream(t.Context(), config); err != nil {
		t.Fatal(err)
	}
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !accepted(r.tally, kindJetStream, nil) || r.tally.messages.Load() != 20 {
		t.Errorf("%d of %d messages acknowledged", r.tally.acknowledged.Load(), r.tally.messages.Load())
	}
	checkDistinct(t, stream, 20)
}

// TestGiveUp: what is not acknowledged in time ends the run with a reason and status 1.
func TestGiveUp(t *testing.T) {
	s := startNATS(t, server.Options{JetStream: true})
	createStream(t, s, 3)
	got := runProgram(t.Context(), "-url", s.ClientURL(), "-mode", "jetstream", "-clusters", "fritz",
		"-hosts", "1", "-history", "20m", "-give-up", "300ms")
	if got.status != exitNotAccepted || !strings.Contains(got.stdout, "3 of 20 messages") ||
		!strings.Contains(got.stdout, "maximum messages exceeded") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

// TestBrokerRestarts: every message is in the stream once, although the broker
// went away.
func TestBrokerRestarts(t *testing.T) {
	opts := server.Options{JetStream: true, StoreDir: t.TempDir()}
	s := startNATS(t, opts)
	createStream(t, s, -1)
	const messages = 600
	_, r := newTestRun(t, "-url", s.ClientURL(), "-mode", "jetstream", "-clusters", "fritz", "-hosts", "1",
		"-history", (messages * time.Minute).String(), "-rate", "300000")
	done := make(chan error, 1)
	go func() { done <- r.send(t.Context()) }()
	testkit.Eventually(t, "first messages", func() bool { return r.tally.messages.Load() >= 50 })

	opts.Port = s.Addr().(*net.TCPAddr).Port
	stopNATS(s)
	s = startNATS(t, opts)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if !accepted(r.tally, kindJetStream, nil) || r.tally.messages.Load() != messages {
		t.Errorf("%d of %d messages acknowledged", r.tally.acknowledged.Load(), r.tally.messages.Load())
	}
	js, err := jetstream.New(connectNATS(t, s))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.Stream(t.Context(), testStream)
	if err != nil {
		t.Fatal(err)
	}
	checkDistinct(t, stream, messages)
}

func openTestJetStream(t *testing.T, s *server.Server) (*jetStreamTarget, *tally) {
	t.Helper()
	counts := &tally{}
	config := natsConfig{url: s.ClientURL(), subject: testSubject}
	j, err := openJetStream(t.Context(), config, backoff{giveUp: testkit.Patience, tally: counts}, counts, discardLogger())
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(j.close)
	return j, counts
}

// TestPendingIsBounded: what waits for acknowledgement is bounded in number and
// in bytes.
func TestPendingIsBounded(t *testing.T) {
	s := startNATS(t, server.Options{JetStream: true, MaxPayload: 4 << 20})
	createStream(t, s, -1)
	for _, tc := range []struct{ messages, size int }{
		{3 * maxPendingMessages, 10},
		{2 * maxPendingBytes >> 20, 1 << 20},
	} {
		j, tally := openTestJetStream(t, s)
		body := make([]byte, tc.size)
		for range tc.messages {
			if err := j.send(t.Context(), message{body: body, lines: 1}); err != nil {
				t.Fatal(err)
			}
			if len(j.pending) > maxPendingMessages || j.bytes > maxPendingBytes {
				t.Fatalf("%d messages of %d bytes are pending", len(j.pending), j.bytes)
			}
		}
		if err := j.flush(t.Context()); err != nil {
			t.Fatal(err)
		}
		if got := tally.acknowledged.Load(); got != int64(tc.messages) || j.bytes != 0 {
			t.Errorf("%d messages acknowledged, want %d; %d bytes pending", got, tc.messages, j.bytes)
		}
	}
}

// TestLostAcknowledgement: a message that the stream has, but that is sent
// again because nobody answered, is kept once.
func TestLostAcknowledgement(t *testing.T) {
	s := startNATS(t, server.Options{JetStream: true})
	stream := createStream(t, s, -1)
	j, tally := openTestJetStream(t, s)
	for _, body := range []string{"first\n", "second\n"} {
		if err := j.send(t.Context(), message{body: []byte(body), lines: 1}); err != nil {
			t.Fatal(err)
		}
	}
	for _, p := range j.pending {
		p.future = nil
	}
	if err := j.flush(t.Context()); err != nil {
		t.Fatal(err)
	}
	if tally.acknowledged.Load() != 2 || tally.messages.Load() != 2 {
		t.Errorf("%d of %d messages acknowledged, want 2 of 2", tally.acknowledged.Load(), tally.messages.Load())
	}
	checkDistinct(t, stream, 2)
}

// checkDistinct expects n messages in the stream, no two alike.
func checkDistinct(t *testing.T, stream jetstream.Stream, n int) {
	t.Helper()
	seen := map[string]bool{}
	bodies := streamBodies(t, stream)
	for _, body := range bodies {
		seen[string(body)] = true
	}
	if len(bodies) != n || len(seen) != n {
		t.Errorf("%d messages in the stream, %d of them distinct, want %d", len(bodies), len(seen), n)
	}
}

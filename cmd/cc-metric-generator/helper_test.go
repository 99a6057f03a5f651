package main

import (
	"context"
	"io"
	"log/slog"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"
	"github.com/nats-io/nats.go/jetstream"
	"go.uber.org/goleak"

	"cc-metric-store/test/testkit"
)

const (
	testSubject = "hpc-nats"
	testStream  = "METRICS"
)

func TestMain(m *testing.M) {
	goleak.VerifyTestMain(m)
}

func discardLogger() *slog.Logger { return slog.New(slog.DiscardHandler) }

// startNATS starts a server on a free port of 127.0.0.1 unless opts names one. It
// may be started there again.
func startNATS(t *testing.T, opts server.Options) *server.Server {
	t.Helper()
	opts.Host, opts.NoSigs, opts.NoLog = "127.0.0.1", true, true
	opts.AuthTimeout = testkit.Patience.Seconds() // of a client on a busy machine
	if opts.Port == 0 {
		opts.Port = testkit.FreePort(t)
	}
	if opts.JetStream && opts.StoreDir == "" {
		opts.StoreDir = t.TempDir()
	}
	s, err := server.NewServer(&opts)
	if err != nil {
		t.Fatal(err)
	}
	s.Start()
	t.Cleanup(func() { stopNATS(s) })
	if !s.ReadyForConnections(testkit.Patience) {
		t.Fatal("NATS server does not start")
	}
	return s
}

func stopNATS(s *server.Server) {
	s.Shutdown()
	s.WaitForShutdown()
}

// connectNATS connects a client of the test's own.
func connectNATS(t *testing.T, s *server.Server, opts ...nats.Option) *nats.Conn {
	t.Helper()
	conn, err := nats.Connect(s.ClientURL(), append(opts, nats.Timeout(testkit.Patience))...)
	if err != nil {
		t.Fatal(err)
	}
	t.Cleanup(conn.Close)
	return conn
}

// createStream creates a stream of testSubject.
func createStream(t *testing.T, s *server.Server, maxMessages int64) jetstream.Stream {
	t.Helper()
	js, err := jetstream.New(connectNATS(t, s))
	if err != nil {
		t.Fatal(err)
	}
	stream, err := js.CreateStream(t.Context(), jetstream.StreamConfig{
		Name:     testStream,
		Subjects: []string{testSubject},
		MaxMsgs:  maxMessages,
		Discard:  jetstream.DiscardNew,
	})
	if err != nil {
		t.Fatal(err)
	}
	return stream
}

// streamBodies returns all messages of the stream in order.
func streamBodies(t *testing.T, stream jetstream.Stream) [][]byte {
	t.Helper()
	info, err := stream.Info(t.Context())
	if err != nil {
		t.Fatal(err)
	}
	var bodies [][]byte
	for seq := info.State.FirstSeq; seq <= info.State.LastSeq; seq++ {
		msg, err := stream.GetMsg(t.Context(), seq)
		if err != nil {
			t.Fatal(err)
		}
		bodies = append(bodies, msg.Data)
	}
	return bodies
}

// newTestRun parses args and builds the run that they describe.
func newTestRun(t *testing.T, args ...string) (*options, *run) {
	t.Helper()
	o, err := parseOptions(args, io.Discard)
	if err != nil {
		t.Fatal(err)
	}
	tally := &tally{}
	r, err := newRun(o, time.Now(), newOpener(o, tally, discardLogger()), tally)
	if err != nil {
		t.Fatal(err)
	}
	return o, r
}

// outcome is what a call of the program gave.
type outcome struct {
	status         int
	stdout, stderr string
}

func runProgram(ctx context.Context, args ...string) outcome {
	var stdout, stderr testkit.LogBuffer
	status := generate(ctx, args, &stdout, &stderr, false)
	return outcome{status, stdout.String(), stderr.String()}
}

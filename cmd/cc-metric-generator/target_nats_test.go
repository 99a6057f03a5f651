package main

import (
	"bytes"
	"fmt"
	"net"
	"strings"
	"testing"

	"github.com/nats-io/nats-server/v2/server"
	"github.com/nats-io/nats.go"

	"cc-metric-store/test/testkit"
)

// receive subscribes and returns a function that waits for n messages and
// returns their bodies.
func receive(t *testing.T, s *server.Server) func(n int) [][]byte {
	t.Helper()
	conn := connectNATS(t, s)
	sub, err := conn.SubscribeSync(testSubject)
	if err != nil {
		t.Fatal(err)
	}
	sub.SetPendingLimits(-1, -1)
	if err := conn.Flush(); err != nil {
		t.Fatal(err)
	}
	return func(n int) [][]byte {
		t.Helper()
		var bodies [][]byte
		for range n {
			msg, err := sub.NextMsg(testkit.Patience)
			if err != nil {
				t.Fatalf("after %d of %d messages: %v", len(bodies), n, err)
			}
			if len(msg.Header) > 0 {
				t.Errorf("core message has headers: %v", msg.Header)
			}
			bodies = append(bodies, msg.Data)
		}
		if extra, _, _ := sub.Pending(); extra > 0 {
			t.Errorf("%d messages more than the expected %d", extra, n)
		}
		return bodies
	}
}

func TestCoreDelivers(t *testing.T) {
	s := startNATS(t, server.Options{})
	messages := receive(t, s)
	got := runProgram(t.Context(), "-url", s.ClientURL(), "-hosts", "3", "-history", "5m", "-seed", "1", "-connections", "2")
	if got.status != exitAccepted {
		t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	lines := 0
	for _, body := range messages(2 * 3 * 5) {
		lines += countLines(body)
	}
	if want := 3 * 5 * (518 + 696); lines != want || !strings.Contains(got.stdout, fmt.Sprintf("samples       %d\n", want)) {
		t.Errorf("%d samples received, want %d; summary:\n%s", lines, want, got.stdout)
	}
}

// TestSplitByMaxPayload: a cluster's message is cut at line borders, and
// nothing is lost by it.
func TestSplitByMaxPayload(t *testing.T) {
	const limit = 10_000
	for _, mode := range []string{"core", "jetstream"} {
		t.Run(mode, func(t *testing.T) {
			s := startNATS(t, server.Options{JetStream: true, MaxPayload: limit})
			stream := createStream(t, s, -1)
			got := runProgram(t.Context(), "-url", s.ClientURL(), "-mode", mode, "-message", "cluster",
				"-clusters", "fritz", "-hosts", "4", "-history", "2m", "-end", "1700000060", "-seed", "9")
			if got.status != exitAccepted {
				t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
			}
			var bodies [][]byte
			testkit.Eventually(t, "all lines in the stream", func() bool {
				bodies = streamBodies(t, stream)
				return countLines(bytes.Join(bodies, nil)) >= 4*2*518
			})
			for i, body := range bodies {
				if len(body) > limit || body[len(body)-1] != '\n' {
					t.Errorf("message %d has %d bytes and ends with %q", i, len(body), body[len(body)-10:])
				}
			}
			whole := runProgram(t.Context(), "-url", "-", "-message", "cluster",
				"-clusters", "fritz", "-hosts", "4", "-history", "2m", "-end", "1700000060", "-seed", "9")
			want := strings.ReplaceAll(whole.stdout, "\n\n", "\n")
			if joined := string(bytes.Join(bodies, nil)); joined != want {
				t.Errorf("the %d messages together differ from the lines printed", len(bodies))
			}
			if fewest := len(want)/limit + 1; len(bodies) < fewest || len(bodies) > fewest+4 {
				t.Errorf("%d messages of at most %d bytes for %d bytes", len(bodies), limit, len(want))
			}
		})
	}
}

// TestTinyMaxPayload: a server that takes less than a line gets none, and the
// user a reason.
func TestTinyMaxPayload(t *testing.T) {
	s := startNATS(t, server.Options{MaxPayload: 20, MaxControlLine: 4096})
	got := runProgram(t.Context(), "-url", s.ClientURL(), "-hosts", "1", "-history", "1m")
	if got.status != exitNotAccepted || !strings.Contains(got.stdout, "exceeds the largest message of 20 bytes") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

func TestCredentials(t *testing.T) {
	s := startNATS(t, server.Options{Username: "root", Password: "secret"})
	inURL := strings.Replace(s.ClientURL(), "nats://", "nats://root:secret@", 1)
	for _, tc := range []struct {
		name   string
		args   []string
		status int
		says   string
	}{
		{"flags", []string{"-url", s.ClientURL(), "-username", "root", "-password", "secret"}, exitAccepted, "errors        0"},
		{"address", []string{"-url", inURL}, exitAccepted, "errors        0"},
		{"none", []string{"-url", s.ClientURL()}, exitNotAccepted, "give -username and -password, or -creds"},
		{"wrong", []string{"-url", s.ClientURL(), "-username", "root", "-password", "no"}, exitNotAccepted, "Authorization Violation"},
	} {
		t.Run(tc.name, func(t *testing.T) {
			args := append([]string{"-hosts", "1", "-history", "1m", "-clusters", "fritz"}, tc.args...)
			got := runProgram(t.Context(), args...)
			if got.status != tc.status || !strings.Contains(got.stdout, tc.says) {
				t.Errorf("status %d, want %d and %q: %s%s", got.status, tc.status, tc.says, got.stdout, got.stderr)
			}
			if strings.Contains(got.stdout+got.stderr, "secret") {
				t.Errorf("the password is shown: %s%s", got.stdout, got.stderr)
			}
		})
	}
}

// TestForbiddenSubject: what the broker refuses after the fact makes the run fail.
func TestForbiddenSubject(t *testing.T) {
	s := startNATS(t, server.Options{Users: []*server.User{{
		Username:    "u",
		Password:    "p",
		Permissions: &server.Permissions{Publish: &server.SubjectPermission{Deny: []string{testSubject}}},
	}}})
	got := runProgram(t.Context(), "-url", s.ClientURL(), "-username", "u", "-password", "p",
		"-clusters", "fritz", "-hosts", "1", "-history", "1m")
	if !strings.Contains(got.stdout, "use another -subject or user") {
		t.Errorf("no advice: %s", got.stdout)
	}
	if got.status != exitNotAccepted || !strings.Contains(strings.ToLower(got.stdout), "permissions violation") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

func TestNobodyThere(t *testing.T) {
	s := startNATS(t, server.Options{})
	url := s.ClientURL()
	stopNATS(s)
	got := runProgram(t.Context(), "-url", url, "-hosts", "1", "-history", "1m")
	if got.status != exitNotAccepted || !strings.Contains(got.stdout, nats.ErrNoServers.Error()) ||
		!strings.Contains(got.stdout, "start the store or a NATS server there") {
		t.Errorf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
}

// TestCoreReconnects: a broker that restarts costs an error that says so, not the run.
func TestCoreReconnects(t *testing.T) {
	s := startNATS(t, server.Options{})
	_, r := newTestRun(t, "-url", s.ClientURL(), "-clusters", "fritz", "-hosts", "1", "-history", "200m", "-rate", "50000")
	done := make(chan error, 1)
	go func() { done <- r.send(t.Context()) }()
	testkit.Eventually(t, "first messages", func() bool { return r.tally.messages.Load() >= 20 })
	opts := server.Options{Port: s.Addr().(*net.TCPAddr).Port}
	stopNATS(s)
	startNATS(t, opts)
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	if n := r.tally.messages.Load(); n != 200 {
		t.Errorf("%d messages sent, want 200", n)
	}
	if accepted(r.tally, kindCore, nil) || !strings.Contains(r.tally.first().Error(), "may be lost") {
		t.Errorf("the lost connection is not an error: %v", r.tally.first())
	}
}

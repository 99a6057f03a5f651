package main

import (
	"bytes"
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"os"
	"path/filepath"
	"regexp"
	"slices"
	"strings"
	"testing"
	"time"

	"github.com/nats-io/nats-server/v2/server"

	"cc-metric-store/test/testkit"
)

// TestSameSeedSameLines: neither the connections nor the message size change
// what is sent.
func TestSameSeedSameLines(t *testing.T) {
	common := []string{"-clusters", "fritz", "-hosts", "5", "-scopes", "node,socket", "-history", "10m", "-end", "1700000060"}
	sorted := func(text string) []string {
		lines := strings.Split(text, "\n")
		slices.Sort(lines)
		return slices.DeleteFunc(lines, func(s string) bool { return s == "" })
	}
	s := startNATS(t, server.Options{JetStream: true})
	stream := createStream(t, s, -1)
	got := runProgram(t.Context(), append(common, "-seed", "4", "-url", s.ClientURL(), "-mode", "jetstream", "-connections", "4")...)
	if got.status != exitAccepted {
		t.Fatalf("status %d: %s%s", got.status, got.stdout, got.stderr)
	}
	sent := sorted(string(bytes.Join(streamBodies(t, stream), nil)))
	whole := runProgram(t.Context(), append(common, "-seed", "4", "-url", "-", "-message", "cluster")...)
	if !slices.Equal(sent, sorted(whole.stdout)) {
		t.Error("the same seed gives other lines over four connections")
	}
	other := runProgram(t.Context(), append(common, "-seed", "5", "-url", "-")...)
	if slices.Equal(sent, sorted(other.stdout)) {
		t.Error("another seed gives the same lines")
	}
}

// TestRandomSeedIsPrinted: the printed seed gives the same lines again.
func TestRandomSeedIsPrinted(t *testing.T) {
	args := []string{"-url", "-", "-clusters", "fritz", "-hosts", "1", "-scopes", "node", "-history", "5m", "-end", "1700000060"}
	first := runProgram(t.Context(), args...)
	seed := regexp.MustCompile(`seed: (\d+) \(random\)`).FindStringSubmatch(first.stderr)
	if seed == nil {
		t.Fatalf("no seed in %q", first.stderr)
	}
	again := runProgram(t.Context(), append(args, "-seed", seed[1])...)
	if again.stdout != first.stdout {
		t.Errorf("seed %s gives other lines", seed[1])
	}
}

func TestWrongFlags(t *testing.T) {
	missing := filepath.Join(t.TempDir(), "missing")
	empty := filepath.Join(t.TempDir(), "empty")
	if err := os.WriteFile(empty, []byte(" \n"), 0o600); err != nil {
		t.Fatal(err)
	}
	for _, tc := range []struct {
		args string
		says []string
	}{
		{"", []string{"nothing to send: give -history"}},
		{"-history 1h extra", []string{`"extra": only flags`}},
		{"-wrong", []string{"-wrong"}},
		{"-hosts many", []string{`"many"`, "-hosts", "give a whole number"}},
		{"-history 5", []string{`"5"`, "-history", "give a duration, such as"}},
		{"-history 10s", []string{"-history 10s: give at least one interval (1m0s)"}},
		{"-history 1h -hosts -1 -clusters alex,nix -scopes cpu", []string{
			"-hosts -1:", `"nix" is unknown: known are alex, fritz`, `"cpu" is unknown: known are node, socket`}},
		{"-history 1h -clusters alex,alex", []string{`"alex" is given twice`}},
		{"-history 1h -clusters fritz -scopes accelerator", []string{"fritz: it has no metrics at the scopes"}},
		{"-history 1h -message line", []string{`-message "line": one message holds`}},
		{"-history 1h -duration 1h", []string{"-duration: applies to -live only"}},
		{"-live -end 1700000000", []string{"-end: applies to -history without -live"}},
		{"-history 1h -end 5", []string{"-end 5: give Unix seconds"}},
		{"-live -duration -1s", []string{"-duration -1s: give a positive"}},
		{"-live -interval 1500ms", []string{"-interval 1.5s: give whole seconds"}},
		{"-history 1h -rate -1", []string{"-rate -1:"}},
		{"-history 1h -rate NaN", []string{"-rate NaN:"}},
		{"-live -rate 5", []string{"-rate 5: 89528 series every 1m0s are 1492.1 samples/s"}},
		{"-history 1h -connections 0", []string{"-connections 0: give 1 or more"}},
		{"-history 1h -give-up -1s", []string{"-give-up -1s:"}},
		{"-history 1h -url 127.0.0.1:4222", []string{"give an address such as nats://"}},
		{"-history 1h -url ftp://a", []string{"ftp:// is unknown: give nats://"}},
		{"-history 1h -url http://a,nats://b", []string{"not of both"}},
		{"-history 1h -url http://a,http://b", []string{"give one address of a store"}},
		{"-history 1h -url http://a -mode core -subject x -creds y", []string{
			"-mode: does not apply to http://", "-subject: does not", "-creds: does not"}},
		{"-history 1h -url - -connections 2 -jwt-file x -give-up 1s", []string{"standard output is one", "-give-up: does not apply to -url -"}},
		{"-history 1h -jwt x", []string{"-jwt: does not apply to nats://"}},
		{"-history 1h -mode sync", []string{`-mode "sync": core publishes`}},
		{"-history 1h -subject a.>", []string{`-subject "a.>": give a subject`}},
		{"-history 1h -password x", []string{"-password: needs -username"}},
		{"-history 1h -creds " + missing + " -username u", []string{"-creds and -username: give one", "no such file"}},
		{"-history 1h -url http://a -jwt x -jwt-file y", []string{"-jwt and -jwt-file: give one"}},
		{"-history 1h -url http://a -jwt-file " + missing, []string{"-jwt-file: read token:", "no such file"}},
		{"-history 1h -url http://a -jwt-file " + empty, []string{"is empty"}},
	} {
		t.Run(tc.args, func(t *testing.T) {
			got := runProgram(t.Context(), strings.Fields(tc.args)...)
			if got.status != exitUsage || got.stdout != "" {
				t.Errorf("status %d, standard output %q", got.status, got.stdout)
			}
			for _, s := range append(tc.says, "cc-metric-generator -h explains") {
				if !strings.Contains(got.stderr, s) {
					t.Errorf("standard error lacks %q:\n%s", s, got.stderr)
				}
			}
		})
	}
}

// TestHelpNamesEveryFlag also holds the defaults in the text against those of
// the flags.
func TestHelpNamesEveryFlag(t *testing.T) {
	got := runProgram(t.Context(), "-h")
	if got.status != exitAccepted || got.stderr != "" {
		t.Errorf("status %d: %s", got.status, got.stderr)
	}
	var o options
	var raw rawFlags
	fs := newFlagSet(&o, &raw)
	for _, text := range []string{
		"-clusters " + raw.clusters, "-hosts " + fmt.Sprint(o.hosts), "-scopes " + raw.scopes, "-message " + raw.message,
		"-interval 60s", "-rate " + fmt.Sprint(o.rate), "-duration 0", "-url " + raw.url, "-connections " + fmt.Sprint(o.connections),
		"-give-up 1m", "-subject " + o.nats.subject, "-mode " + raw.mode,
	} {
		if !strings.Contains(got.stdout, text) {
			t.Errorf("help lacks %q", text)
		}
	}
	if o.interval != time.Minute || o.giveUp != time.Minute || o.duration != 0 {
		t.Error("help is wrong about a default duration")
	}
	fs.VisitAll(func(f *flag.Flag) {
		if !regexp.MustCompile(`(?m)^  (-\S+ \S+ )?-` + f.Name + `\b|, -` + f.Name + ` `).MatchString(got.stdout) {
			t.Errorf("help does not explain -%s", f.Name)
		}
	})
}

func TestAccepted(t *testing.T) {
	for _, tc := range []struct {
		name                           string
		kind                           kind
		messages, acknowledged, errors int64
		err                            error
		want                           bool
	}{
		{"all", kindJetStream, 5, 5, 0, nil, true},
		{"one open", kindJetStream, 5, 4, 0, nil, false},
		{"one open, HTTP", kindHTTP, 5, 4, 0, nil, false},
		{"core", kindCore, 5, 0, 0, nil, true},
		{"core with an error", kindCore, 5, 0, 1, nil, false},
		{"ended early", kindCore, 5, 0, 0, errors.New("x"), false},
		{"printed", kindStdout, 5, 0, 0, nil, true},
		{"nothing", kindHTTP, 0, 0, 0, nil, true},
	} {
		var tally tally
		tally.messages.Store(tc.messages)
		tally.acknowledged.Store(tc.acknowledged)
		tally.errors.Store(tc.errors)
		if got := accepted(&tally, tc.kind, tc.err); got != tc.want {
			t.Errorf("%s: %v, want %v", tc.name, got, tc.want)
		}
	}
}

// TestInterruptWaitsForAcknowledgements: a signal ends a run with all answers in.
func TestInterruptWaitsForAcknowledgements(t *testing.T) {
	s := startNATS(t, server.Options{JetStream: true})
	stream := createStream(t, s, -1)
	_, r := newTestRun(t, "-url", s.ClientURL(), "-mode", "jetstream", "-clusters", "fritz", "-hosts", "8", "-live", "-connections", "2")
	r.schedule.past, r.schedule.total = 1<<40, 1<<40 // as fast as possible, without an end
	ctx, interrupt := context.WithCancel(t.Context())
	done := make(chan error, 1)
	go func() { done <- r.send(ctx) }()
	testkit.Eventually(t, "first messages", func() bool { return r.tally.messages.Load() > 100 })
	interrupt()
	if err := <-done; err != nil {
		t.Fatal(err)
	}
	sent := r.tally.messages.Load()
	if !accepted(r.tally, kindJetStream, nil) || len(streamBodies(t, stream)) != int(sent) {
		t.Errorf("%d of %d messages acknowledged, %d in the stream",
			r.tally.acknowledged.Load(), sent, len(streamBodies(t, stream)))
	}
}

// failing is a standard output whose reader has gone.
type failing struct{}

func (failing) Write([]byte) (int, error) { return 0, io.ErrClosedPipe }

func TestUnwritableOutput(t *testing.T) {
	var stderr bytes.Buffer
	args := []string{"-url", "-", "-clusters", "fritz", "-hosts", "1", "-history", "1m"}
	status := generate(t.Context(), args, failing{}, &stderr, false)
	if status != exitNotAccepted || !strings.Contains(stderr.String(), "write to standard output: io: read/write on closed pipe") {
		t.Errorf("status %d: %s", status, stderr.String())
	}
}

// TestProgressBar: a terminal gets a bar that ends with the true count.
func TestProgressBar(t *testing.T) {
	for _, args := range [][]string{{"-history", "100m"}, {"-live", "-duration", "1m"}} {
		var stdout, stderr testkit.LogBuffer
		args = append(args, "-url", "-", "-clusters", "fritz", "-hosts", "2", "-scopes", "node")
		if status := generate(t.Context(), args, &stdout, &stderr, true); status != exitAccepted {
			t.Fatalf("status %d: %s", status, stderr.String())
		}
		if !strings.Contains(stderr.String(), "\rsending 100%") {
			t.Errorf("no bar at its end: %q", stderr.String())
		}
	}
}

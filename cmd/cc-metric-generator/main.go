// Command cc-metric-generator sends the load of a cluster's metric collectors
// to a metric store, over NATS or HTTP: the past as fast as possible, live
// ticks at their time, or both. With -h it explains its flags.
package main

import (
	"context"
	"errors"
	"flag"
	"fmt"
	"io"
	"log/slog"
	"os"
	"os/signal"
	"sync"
	"syscall"
	"time"

	"golang.org/x/term"
)

// Exit statuses.
const (
	exitAccepted    = 0
	exitNotAccepted = 1
	exitUsage       = 2
)

func main() {
	ctx, stop := signal.NotifyContext(context.Background(), os.Interrupt, syscall.SIGTERM)
	// A second signal ends the program at once.
	context.AfterFunc(ctx, stop)
	terminal := term.IsTerminal(int(os.Stderr.Fd()))
	os.Exit(generate(ctx, os.Args[1:], os.Stdout, os.Stderr, terminal))
}

// generate runs the program and returns its exit status. terminal says that
// stderr is one.
func generate(ctx context.Context, args []string, stdout, stderr io.Writer, terminal bool) int {
	complain := func(err error) int {
		fmt.Fprintf(stderr, "%v\ncc-metric-generator -h explains the flags\n", err)
		return exitUsage
	}
	o, err := parseOptions(args, stdout)
	if errors.Is(err, flag.ErrHelp) {
		fmt.Fprint(stdout, help())
		return exitAccepted
	}
	if err != nil {
		return complain(err)
	}
	t := &tally{}
	logger := slog.New(slog.NewTextHandler(stderr, nil))
	r, err := newRun(o, time.Now(), newOpener(o, t, logger), t)
	if err != nil {
		return complain(err)
	}
	fmt.Fprintln(stderr, r.describe(o))

	showing, hide := context.WithCancel(context.WithoutCancel(ctx))
	var bar sync.WaitGroup
	bar.Go(func() { progress{out: stderr, terminal: terminal, run: r}.show(showing) })
	began := time.Now()
	err = r.send(ctx)
	took := time.Since(began)
	hide()
	bar.Wait()

	report := stdout
	if o.kind == kindStdout {
		report = stderr // standard output holds the lines
	}
	writeSummary(report, r, o.kind, took, err)
	if !accepted(t, o.kind, err) {
		return exitNotAccepted
	}
	return exitAccepted
}

// describe says what the run is about to send, and where.
func (r *run) describe(o *options) string {
	origin := "given"
	if !o.seedGiven {
		origin = "random"
	}
	ticks := "endless"
	if !r.schedule.endless() {
		ticks = fmt.Sprint(r.schedule.total)
	}
	return fmt.Sprintf("hosts: %d, series: %d, ticks: %s from %s every %v, to: %s, connections: %d, seed: %d (%s)",
		r.hosts, r.series, ticks, time.Unix(r.schedule.first, 0).UTC().Format(time.RFC3339), o.interval,
		o.destination(), r.conns, o.seed, origin)
}

// destination names the target, without passwords.
func (o *options) destination() string {
	switch o.kind {
	case kindHTTP:
		return o.url.Redacted()
	case kindStdout:
		return "standard output"
	case kindJetStream:
		return o.nats.shown + " (jetstream, " + o.nats.subject + ")"
	default:
		return o.nats.shown + " (core, " + o.nats.subject + ")"
	}
}

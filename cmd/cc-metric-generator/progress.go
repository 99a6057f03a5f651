package main

import (
	"context"
	"fmt"
	"io"
	"time"

	"github.com/schollz/progressbar/v3"
)

const (
	barInterval  = 200 * time.Millisecond
	lineInterval = 10 * time.Second
)

// progress shows how far a run is: a bar on a terminal, else a line every ten seconds.
type progress struct {
	out      io.Writer
	terminal bool
	run      *run
}

// show reports until ctx ends.
func (p progress) show(ctx context.Context) {
	if p.terminal {
		p.showBar(ctx)
	} else {
		p.showLines(ctx)
	}
}

func (p progress) showBar(ctx context.Context) {
	total := int64(-1) // unknown: a spinner
	if !p.run.schedule.endless() {
		total = p.run.schedule.total * int64(p.run.series)
	}
	bar := progressbar.NewOptions64(total,
		progressbar.OptionSetWriter(p.out),
		progressbar.OptionSetDescription("sending"),
		progressbar.OptionShowCount(),
		progressbar.OptionShowIts(),
		progressbar.OptionSetItsString("samples"),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine of its own
	)
	ticker := time.NewTicker(barInterval)
	defer ticker.Stop()
	for {
		// The bar writes to a terminal; if that fails there is nobody to tell.
		bar.Set64(p.run.tally.samples.Load())
		select {
		case <-ticker.C:
		case <-ctx.Done():
			bar.Set64(p.run.tally.samples.Load())
			bar.Exit()
			fmt.Fprintln(p.out)
			return
		}
	}
}

func (p progress) showLines(ctx context.Context) {
	ticker := time.NewTicker(lineInterval)
	defer ticker.Stop()
	last, lastSamples := time.Now(), int64(0)
	for {
		select {
		case now := <-ticker.C:
			samples := p.run.tally.samples.Load()
			rate := float64(samples-lastSamples) / now.Sub(last).Seconds()
			fmt.Fprintf(p.out, "%s, %d samples, %.0f samples/s\n", p.run.ticksDone(), samples, rate)
			last, lastSamples = now, samples
		case <-ctx.Done():
			return
		}
	}
}

// ticksDone says how many ticks all hosts have behind them, and of how many.
func (r *run) ticksDone() string {
	done := r.tally.hostTicks.Load() / int64(r.hosts)
	if r.schedule.endless() {
		return fmt.Sprintf("%d ticks", done)
	}
	return fmt.Sprintf("%d of %d ticks", done, r.schedule.total)
}

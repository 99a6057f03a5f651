package main

import (
	"context"
	"fmt"
	"io"
	"os"
	"time"

	"github.com/schollz/progressbar/v3"
	"golang.org/x/term"
)

const (
	barInterval  = 200 * time.Millisecond
	lineInterval = 2 * time.Second
)

// isTerminal reports whether a writer is a terminal.
func isTerminal(w io.Writer) bool {
	f, ok := w.(*os.File)
	return ok && term.IsTerminal(int(f.Fd()))
}

// showImport shows how far an import is until ctx ends: a bar on a terminal, else lines.
func showImport(ctx context.Context, out io.Writer, job importJob) {
	if isTerminal(out) {
		showImportBar(ctx, out, job)
		return
	}
	ticker := time.NewTicker(lineInterval)
	defer ticker.Stop()
	for {
		select {
		case <-ticker.C:
			fmt.Fprintln(out, job.progress())
		case <-ctx.Done():
			return
		}
	}
}

func showImportBar(ctx context.Context, out io.Writer, job importJob) {
	_, total := job.bytes()
	bar := progressbar.NewOptions64(max(total, 1),
		progressbar.OptionSetWriter(out),
		progressbar.OptionSetDescription("importing"),
		progressbar.OptionShowBytes(true),
		progressbar.OptionSetWidth(30),
		progressbar.OptionSetSpinnerChangeInterval(0), // no goroutine of its own
	)
	ticker := time.NewTicker(barInterval)
	defer ticker.Stop()
	for {
		// The bar writes to a terminal; if that fails there is nobody to tell.
		done, _ := job.bytes()
		_ = bar.Set64(done)
		select {
		case <-ticker.C:
		case <-ctx.Done():
			done, _ = job.bytes()
			_ = bar.Set64(done)
			_ = bar.Exit()
			fmt.Fprintln(out)
			return
		}
	}
}

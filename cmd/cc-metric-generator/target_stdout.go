package main

import (
	"bufio"
	"context"
	"fmt"
	"io"
)

// maxPrinted bounds a message of a target that sets no limit itself.
const maxPrinted = 64 << 20

// writerTarget prints the messages, an empty line after each.
type writerTarget struct {
	out   *bufio.Writer
	tally *tally
}

func newWriterTarget(out io.Writer, t *tally) *writerTarget {
	return &writerTarget{out: bufio.NewWriterSize(out, 64<<10), tally: t}
}

func (*writerTarget) maxMessage() int { return maxPrinted }

func (w *writerTarget) send(_ context.Context, m message) error {
	w.tally.sent(m)
	// A bufio.Writer keeps its first error, so the last write reports for both.
	w.out.Write(m.body)
	if err := w.out.WriteByte('\n'); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

func (w *writerTarget) flush(context.Context) error {
	if err := w.out.Flush(); err != nil {
		return fmt.Errorf("write to standard output: %w", err)
	}
	return nil
}

func (*writerTarget) close() {}

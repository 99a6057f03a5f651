package main

import (
	"context"
	"sync/atomic"

	"cc-metric-store/ingest/original"
)

// importBody is the size of the bodies in which samples are written: an entry of the log
// holds one.
const importBody = 384 << 10

// importTarget takes the lines of an import.
type importTarget interface {
	// write returns when the lines are kept and visible. What of them was refused, such as
	// samples of the future, is no error: it is said. It tries again for as long as that may help.
	write(ctx context.Context, lines []byte) (refused *refusedLines, err error)
}

// refusedLines says what the store did not take of a body.
type refusedLines struct {
	lines  int // as far as it is known
	reason string
}

// importSender sends lines to a target: while one body is on its way, the next one is made. One
// goroutine uses it, but for written.
type importSender struct {
	target importTarget
	state  *importState // of what was imported before; nil: everything is

	written atomic.Int64 // samples that are kept

	lines    []byte
	samples  int64
	finished []original.File // whose samples are in lines, or before
	spare    []byte
	onItsWay chan error // the outcome of a body; nil: there is none
	refused  map[string]int
}

func newImportSender() importSender { return importSender{refused: map[string]int{}} }

// into says where the lines go.
func (i *importSender) into(target importTarget) { i.target = target }

// kept returns how many samples are kept. It is safe for concurrent use.
func (i *importSender) kept() int64 { return i.written.Load() }

// added counts a line that was appended to lines, and sends them if they are enough.
func (i *importSender) added(ctx context.Context) error {
	if i.samples++; len(i.lines) < importBody {
		return nil
	}
	return i.flush(ctx)
}

// flush sends what is there on its way, when what was before is kept.
func (i *importSender) flush(ctx context.Context) error {
	if err := i.await(); err != nil {
		return err
	}
	lines, samples, finished, done := i.lines, i.samples, i.finished, make(chan error, 1)
	i.lines, i.spare = i.spare[:0], lines
	i.samples, i.finished, i.onItsWay = 0, nil, done
	go func() { done <- i.write(ctx, lines, samples, finished) }() // await waits for it
	return nil
}

// await waits for the body that is on its way.
func (i *importSender) await() error {
	if i.onItsWay == nil {
		return nil
	}
	err := <-i.onItsWay
	i.onItsWay = nil
	return err
}

// maxRefusals bounds the reasons that are told apart.
const maxRefusals = 20

func (i *importSender) write(ctx context.Context, lines []byte, samples int64, finished []original.File) error {
	if len(lines) > 0 {
		refused, err := i.target.write(ctx, lines)
		if err != nil {
			return err
		}
		if refused != nil {
			if _, ok := i.refused[refused.reason]; !ok && len(i.refused) == maxRefusals {
				refused.reason = "for other reasons"
			}
			i.refused[refused.reason] += refused.lines
			samples -= int64(refused.lines)
		}
		i.written.Add(samples)
	}
	return i.state.record(finished)
}

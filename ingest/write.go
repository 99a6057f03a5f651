package ingest

import (
	"context"
	"fmt"
	"io"
	"time"

	"cc-metric-store/ingest/lineproto"
	"cc-metric-store/store"
)

// pathWrite is what a log line says of where lines came from that were written
// over REST.
const pathWrite = "/api/write"

// detailTooLong says what is wrong with a line that no entry holds.
func detailTooLong() string { return fmt.Sprintf("more than the limit of %d bytes", lineproto.MaxLine) }

// shortWrite is the length up to which a body, if it is known, takes less memory.
const shortWrite = 64 << 10

// Write appends the lines of body, until io.EOF, to the log and returns when
// they are visible in the store. Lines without a cluster tag belong to the
// given cluster. It fails with a store.RefusedError if some lines were refused,
// in which case all others are stored; with the error of body if that cannot be
// read, in which case its complete lines are stored; or because the log cannot
// be reached or lags. To send the same lines again is harmless.
func (in *Ingest) Write(ctx context.Context, cluster string, body io.Reader) error {
	return newWrite(in, cluster).run(ctx, body)
}

// write is one body on its way.
type write struct {
	in      *Ingest
	cluster string
	budget  budget
	line    int // number of the next line
	pending []pendingEntry

	refused int // lines
	over    int // samples beyond a limit
	invalid int // samples that the store cannot hold
	first   int // the number of the first one, from 1
	detail  string
}

// writeMemory is what a write takes for as long as it reads its body.
type writeMemory struct {
	chunk      []byte // of writeChunk, or of shortWrite and one more
	compressed []byte
}

type pendingEntry struct {
	id        string       // if it is of this body alone
	joined    *joinedEntry // otherwise
	line      int          // number of its first line
	done      <-chan outcome
	published <-chan struct{} // nil: it is published
}

func newWrite(in *Ingest, cluster string) *write {
	return &write{in: in, cluster: cluster, budget: in.newBudget(), line: 1}
}

func (w *write) run(ctx context.Context, body io.Reader) error {
	defer w.forget()
	appendErr := w.append(ctx, body)
	// What was read is in the log: also a broken body waits for its good part.
	err := w.await(ctx)
	if appendErr != nil {
		return appendErr
	}
	return err
}

// append reads the body and publishes it in entries.
func (w *write) append(ctx context.Context, body io.Reader) error {
	if err := w.in.awaitStart(ctx, &w.budget); err != nil {
		return err
	}
	size, joined, err := w.in.entrySizes(ctx, &w.budget)
	if err != nil {
		return err
	}
	if whole, ok := body.(interface{ Whole() []byte }); ok && len(whole.Whole()) <= size {
		return w.appendWhole(ctx, whole.Whole(), joined)
	}
	pool, length := &w.in.writeMemory, size
	if short, ok := body.(interface{ Len() int }); ok && short.Len() <= shortWrite {
		pool, length = &w.in.shortMemory, shortWrite+1
	}
	memory := pool.Get().(*writeMemory)
	defer pool.Put(memory)
	return w.cut(ctx, body, memory.chunk[:length], func(lines []byte, first int, isAll bool) error {
		if isAll && areJoinable(lines, joined) {
			return w.join(ctx, lines, first, joined)
		}
		return w.publish(ctx, lines, first, &memory.compressed)
	})
}

// appendWhole publishes a body that is in memory and fits an entry. joined is the size of
// entries of several bodies.
func (w *write) appendWhole(ctx context.Context, lines []byte, joined int) error {
	switch {
	case len(lines) == 0:
		return nil
	case areJoinable(lines, joined):
		return w.join(ctx, lines, 1, joined)
	}
	memory := w.in.shortMemory.Get().(*writeMemory)
	defer w.in.shortMemory.Put(memory)
	return w.publish(ctx, lines, 1, &memory.compressed)
}

// entrySizes returns the size of the entries that the log takes, as far as it is known, and
// that of entries of several bodies: any log takes those.
func (in *Ingest) entrySizes(ctx context.Context, b *budget) (size, joined int, err error) {
	const least = lineproto.MaxLine + 1 // with its newline
	if l, _, _ := in.state.current(); l == nil && in.outbox != nil {
		return writeChunk, least, nil // cut again if that is too much
	}
	l, err := in.awaitLogUntil(ctx, b, time.Time{})
	if err != nil {
		return 0, 0, err
	}
	limit := int(l.nc.MaxPayload()) - headerRoom
	if limit < least {
		return 0, 0, fmt.Errorf("append to %s: its messages hold %d bytes, too few for a line of %d: raise max_payload of the nats-server to %d or more",
			in.where(l), l.nc.MaxPayload(), lineproto.MaxLine, least+headerRoom)
	}
	size = min(writeChunk, limit)
	return size, size, nil
}

// publish appends one entry to the log and records that its outcome is awaited.
func (w *write) publish(ctx context.Context, data []byte, first int, scratch *[]byte) error {
	if len(w.pending) > 0 {
		w.budget.renew()
	}
	own, done := oneWriter()
	id, err := w.in.publish(ctx, &w.budget, &outgoing{writers: own, cluster: w.cluster, data: data, scratch: scratch})
	if err != nil {
		return err
	}
	w.pending = append(w.pending, pendingEntry{id: id, line: first, done: done})
	return nil
}

// join gives all of the body to the joiner and records that its outcome is awaited.
func (w *write) join(ctx context.Context, lines []byte, first, size int) error {
	e, done, err := w.in.joiner.add(ctx, &w.budget, w.cluster, lines, size)
	if err != nil {
		return err
	}
	w.pending = append(w.pending, pendingEntry{joined: e, line: first, done: done, published: e.published})
	return nil
}

func (w *write) refuse(line int, detail string) {
	if w.refused == 0 || line < w.first {
		w.first, w.detail = line, detail
	}
	w.refused++
}

// await returns when all entries are visible.
func (w *write) await(ctx context.Context) error {
	for i, p := range w.pending {
		if i > 0 {
			w.budget.renew()
		}
		o, err := w.in.await(ctx, &w.budget, p.done, p.published)
		if err != nil {
			return err
		}
		w.addOutcome(o, p.line)
	}
	return w.result()
}

// addOutcome adds up what became of an entry, whose first line has the given number.
func (w *write) addOutcome(o outcome, line int) {
	w.over += o.over
	w.invalid += o.invalid
	if o.refused > 0 {
		w.refuse(line+o.first-1, o.detail)
		w.refused += o.refused - 1
	}
}

// result returns an error if something of the body was refused.
func (w *write) result() error {
	e := store.RefusedError{Lines: w.refused + w.over + w.invalid, First: w.first, Reason: w.detail}
	switch {
	case e.Lines == 0:
		return nil
	case w.refused > 0:
	case w.over > 0:
		e.Reason = fmt.Sprintf("%d samples are of more series, hosts or metrics than the store takes (max-series-per-host, max-hosts, max-new-series, metrics)", w.over)
	default:
		e.Reason = fmt.Sprintf("%d samples have a time or a value that the store cannot hold", w.invalid)
	}
	return &e
}

func (w *write) forget() {
	for _, p := range w.pending {
		if p.joined != nil {
			w.in.joiner.leave(p.joined)
			continue
		}
		w.in.waiters.remove(p.id)
	}
}

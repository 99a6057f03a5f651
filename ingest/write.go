package ingest

import (
	"bytes"
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
	id   string
	line int // number of its first line
	done <-chan outcome
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
	size, err := w.in.chunkSize(ctx, &w.budget)
	if err != nil {
		return err
	}
	pool := &w.in.writeMemory
	if short, ok := body.(interface{ Len() int }); ok && short.Len() <= shortWrite {
		pool, size = &w.in.shortMemory, shortWrite+1
	}
	memory := pool.Get().(*writeMemory)
	defer pool.Put(memory)
	return w.cut(ctx, body, memory.chunk[:size], func(lines []byte, first int) error {
		return w.publish(ctx, lines, first, &memory.compressed)
	})
}

// cut reads the body into buf, which is longer than the longest line, and emits it in
// parts that end with a line, with the number of their first one. Only the end of the
// body ends its last line: where it breaks off, the line may be a part of another
// one, such as a value without its last digits. A line that buf does not hold is
// refused.
func (w *write) cut(ctx context.Context, body io.Reader, buf []byte, emit func(lines []byte, first int) error) error {
	src := &source{r: body}
	n, skipping := 0, false
	for {
		if err := ctx.Err(); err != nil {
			return err
		}
		m, _ := io.ReadFull(src, buf[n:])
		n += m
		end := src.err == io.EOF // a wrapped one is a fault
		chunk := buf[:n]
		if skipping {
			chunk = w.skipLine(chunk, &skipping)
		}
		cut := len(chunk)
		if !end {
			cut = lineproto.CompleteLines(chunk)
		}
		if cut > 0 {
			first := w.line
			w.line += bytes.Count(chunk[:cut], []byte{'\n'})
			if err := emit(chunk[:cut], first); err != nil {
				return err
			}
		}
		switch {
		case end:
			return nil
		case src.err != nil:
			return src.err
		}
		rest := lineproto.TrimMarks(chunk[cut:]) // they are no part of the line, as they are none where entries are read
		if len(rest) > lineproto.MaxLine {       // buf is larger, so that there is always room to read on
			w.refuse(w.line, detailTooLong())
			w.in.counters.notStored[lineproto.TooLong].Add(1)
			w.in.reports.recordLong(rest, w.cluster)
			rest, skipping = nil, true
		}
		n = copy(buf, rest)
	}
}

// source keeps the error with which a body ends. io.ReadFull makes
// io.ErrUnexpectedEOF of a proper end, and a broken body may end with the same.
type source struct {
	r   io.Reader
	err error
}

func (s *source) Read(p []byte) (n int, err error) {
	if s.err == nil {
		n, s.err = s.r.Read(p)
	}
	return n, s.err
}

// chunkSize returns the size of the entries that the log takes, as far as it is
// known.
func (in *Ingest) chunkSize(ctx context.Context, b *budget) (int, error) {
	if l, _, _ := in.state.current(); l == nil && in.outbox != nil {
		return writeChunk, nil // cut again if that is too much
	}
	l, err := in.awaitLogUntil(ctx, b, time.Time{})
	if err != nil {
		return 0, err
	}
	const least = lineproto.MaxLine + 1 // with its newline
	limit := int(l.nc.MaxPayload()) - headerRoom
	if limit < least {
		return 0, fmt.Errorf("append to %s: its messages hold %d bytes, too few for a line of %d: raise max_payload of the nats-server to %d or more",
			in.where(l), l.nc.MaxPayload(), lineproto.MaxLine, least+headerRoom)
	}
	return min(writeChunk, limit), nil
}

// skipLine cuts the rest of a line that was too long off the chunk.
func (w *write) skipLine(chunk []byte, skipping *bool) []byte {
	i := bytes.IndexByte(chunk, '\n')
	if i < 0 {
		return nil
	}
	*skipping = false
	w.line++
	return chunk[i+1:]
}

// publish appends one entry to the log and records that its outcome is awaited.
func (w *write) publish(ctx context.Context, data []byte, first int, scratch *[]byte) error {
	if len(w.pending) > 0 {
		w.budget.renew()
	}
	id, done, err := w.in.publish(ctx, &w.budget, &outgoing{cluster: w.cluster, data: data, scratch: scratch})
	if err != nil {
		return err
	}
	w.pending = append(w.pending, pendingEntry{id, first, done})
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
		o, err := w.in.await(ctx, &w.budget, p.done)
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
		w.in.waiters.remove(p.id)
	}
}

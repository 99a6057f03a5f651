package ingest

import (
	"bytes"
	"context"
	"crypto/rand"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"time"

	"github.com/nats-io/nats.go"

	"cc-metric-store/store"
)

// headerCluster carries the default cluster of lines written over REST.
const headerCluster = "Cc-Cluster"

const (
	// A body is cut into entries of about this size.
	writeChunk = 512 << 10
	// headerRoom is what the headers of an entry may take of a message.
	headerRoom = 4 << 10
	// How long a writer waits for the log, and then to see what it wrote. The
	// collector's sink gives up after 5 s.
	writeTimeout = 4 * time.Second
)

// Write appends the lines of body, until io.EOF, to the log and returns when
// they are visible in the store. Lines without a cluster tag belong to the
// given cluster. It fails with a store.RefusedError if some lines were refused,
// in which case all others are stored; with the error of body if that cannot be
// read; or because the log cannot be reached or lags.
func (in *Ingest) Write(ctx context.Context, cluster string, body io.Reader) error {
	w := &write{in: in, cluster: cluster, line: 1}
	defer w.forget()
	readErr := w.append(ctx, body)
	// What was read is in the log: also a broken body waits for its good part.
	err := w.await(ctx)
	if readErr != nil {
		return readErr
	}
	return err
}

// write is one body on its way.
type write struct {
	in      *Ingest
	cluster string
	line    int // number of the next line
	pending []pendingEntry

	refused int // lines
	first   int // the number of the first one, from 1
	detail  string
}

type pendingEntry struct {
	id   string
	line int // number of its first line
	done <-chan outcome
}

// append reads the body and publishes it in entries that end with a line.
func (w *write) append(ctx context.Context, body io.Reader) error {
	l, err := w.in.awaitLog(ctx)
	if err != nil {
		return err
	}
	size := writeChunk
	if limit := int(l.nc.MaxPayload()) - headerRoom; limit < size {
		size = limit
	}
	buf := make([]byte, size)
	n, skipping := 0, false
	for {
		m, readErr := io.ReadFull(body, buf[n:])
		n += m
		end := readErr != nil // io.ErrUnexpectedEOF and io.EOF too
		chunk := buf[:n]
		if skipping {
			chunk = w.skipLine(chunk, &skipping)
		}
		cut := len(chunk)
		if !end {
			cut = lastLine(chunk)
		}
		if cut > 0 {
			if err := w.publish(ctx, l, chunk[:cut]); err != nil {
				return err
			}
		}
		rest := chunk[cut:]
		if !end && len(rest) > MaxLine {
			w.refuse(w.line, fmt.Sprintf("more than the limit of %d bytes", MaxLine))
			w.in.counters.notStored[tooLong].Add(1)
			rest, skipping = nil, true
		}
		n = copy(buf, rest)
		switch {
		case errors.Is(readErr, io.EOF), errors.Is(readErr, io.ErrUnexpectedEOF):
			return nil
		case readErr != nil:
			return readErr
		}
	}
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

// publish appends one entry to the log and notes that its outcome is awaited.
func (w *write) publish(ctx context.Context, l *logStream, data []byte) error {
	m := nats.NewMsg(l.writes)
	m.Data = data
	if w.cluster != "" {
		m.Header.Set(headerCluster, w.cluster)
	}
	first := w.line
	w.line += bytes.Count(data, newline)
	id, done, err := w.in.publish(ctx, l, m)
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
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for _, p := range w.pending {
		select {
		case o := <-p.done:
			if o.refused > 0 {
				w.refuse(p.line+o.first-1, o.detail)
				w.refused += o.refused - 1
			}
		case <-ctx.Done():
			return w.in.invisible(ctx)
		}
	}
	if w.refused > 0 {
		return &store.RefusedError{Lines: w.refused, First: w.first, Reason: w.detail}
	}
	return nil
}

func (w *write) forget() {
	for _, p := range w.pending {
		w.in.waiters.remove(p.id)
	}
}

// invisible explains why something that is in the log is not seen yet.
func (in *Ingest) invisible(ctx context.Context) error {
	if errors.Is(ctx.Err(), context.Canceled) {
		return ctx.Err()
	}
	s := in.Stats()
	return fmt.Errorf("the lines are in the log but not visible yet (the store is %d entries behind): do not send them again", s.LagEntries)
}

// Free appends a free to the log and returns when it has taken effect, with the
// number of series' blocks freed. before is in Unix seconds; store.Free tells
// what a selector is.
func (in *Ingest) Free(ctx context.Context, selectors [][]string, before int64) (int, error) {
	l, err := in.awaitLog(ctx)
	if err != nil {
		return 0, err
	}
	m := nats.NewMsg(l.frees)
	if m.Data, err = json.Marshal(freeRequest{selectors, before}); err != nil {
		return 0, fmt.Errorf("encode the free: %w", err)
	}
	id, done, err := in.publish(ctx, l, m)
	if err != nil {
		return 0, err
	}
	defer in.waiters.remove(id)
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	select {
	case o := <-done:
		return o.freed, nil
	case <-ctx.Done():
		return 0, in.invisible(ctx)
	}
}

// awaitLog returns the log, for which it waits a while.
func (in *Ingest) awaitLog(ctx context.Context) (*logStream, error) {
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for {
		l, reached, problem := in.state.current()
		if l != nil {
			return l, nil
		}
		select {
		case <-reached:
		case <-ctx.Done():
			return nil, fmt.Errorf("the log is not reached, nothing was written: %w", problem)
		}
	}
}

// publish appends m to the log, with an id under which it can be repeated and
// awaited, and returns when the log has acknowledged it.
func (in *Ingest) publish(ctx context.Context, l *logStream, m *nats.Msg) (id string, done <-chan outcome, err error) {
	id = rand.Text()
	m.Header.Set(nats.MsgIdHdr, id)
	done = in.waiters.add(id)
	ctx, cancel := context.WithTimeout(ctx, writeTimeout)
	defer cancel()
	for attempt := 0; ; attempt++ {
		_, err = l.js.PublishMsg(ctx, m)
		if err == nil {
			return id, done, nil
		}
		select {
		case <-time.After(reconnectDelay(attempt)):
		case <-ctx.Done():
			in.waiters.remove(id)
			return "", nil, fmt.Errorf("the log did not acknowledge the write: %w", err)
		}
	}
}

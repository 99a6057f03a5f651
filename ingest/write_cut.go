package ingest

import (
	"bytes"
	"context"
	"io"

	"cc-metric-store/ingest/lineproto"
)

// cut reads the body into buf, which is longer than the longest line, and emits it in
// parts that end with a line, with the number of their first one; isAll says that there is
// only one part. Only the end of the body ends its last line: where it breaks off, the line
// may be a part of another one, such as a value without its last digits. A line that buf
// does not hold is refused.
func (w *write) cut(ctx context.Context, body io.Reader, buf []byte, emit func(lines []byte, first int, isAll bool) error) error {
	src := &source{r: body}
	n, skipping, emitted := 0, false, false
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
			if err := emit(chunk[:cut], first, end && !emitted); err != nil {
				return err
			}
			emitted = true
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

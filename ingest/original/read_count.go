package original

import (
	"context"
	"io"
	"os"
	"sync/atomic"
)

// contextReader ends when its context does.
type contextReader struct {
	ctx context.Context
	io.ReadSeeker
}

func (r *contextReader) Read(p []byte) (int, error) {
	if err := r.ctx.Err(); err != nil {
		return 0, err
	}
	return r.ReadSeeker.Read(p)
}

// countingReader counts what is read of a file, so that somebody who looks on sees how far a large one is.
type countingReader struct {
	contextReader
	to     *atomic.Int64
	left   int64 // of the size that the file had when it was found
	passes int64 // in which it is read
}

func (r *Reader) count(ctx context.Context, file *os.File, f File) *countingReader {
	c := &countingReader{contextReader{ctx, file}, &r.bytes, f.Size, 1}
	if f.Kind == JSON {
		c.passes = 2
	}
	return c
}

func (r *countingReader) Read(p []byte) (int, error) {
	n, err := r.contextReader.Read(p)
	r.add(int64(n) / r.passes)
	return n, err
}

func (r *countingReader) add(n int64) {
	n = min(n, r.left)
	r.left -= n
	r.to.Add(n)
}

// end counts what was not read.
func (r *countingReader) end() { r.add(r.left) }

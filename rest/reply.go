package rest

import (
	"fmt"
	"net/http"
	"strconv"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/labstack/echo/v4"
)

const (
	// chunkBytes is the size from which on a part of an answer is sent. It bounds what
	// an answer takes in memory.
	chunkBytes = 64 << 10
	// chunkSlack is room for what is appended between two calls of spill.
	chunkSlack = 32 << 10
	// gzipBytes is the size below which compressing is not worth the effort.
	gzipBytes = 16 << 10
)

// replyPools keep the buffers and compressors of replies for the next ones.
type replyPools struct {
	buffers, zippers sync.Pool
}

func newReplyPools() *replyPools {
	return &replyPools{
		buffers: sync.Pool{New: func() any {
			b := make([]byte, 0, chunkBytes+chunkSlack)
			return &b
		}},
		zippers: sync.Pool{New: func() any {
			// Digits hardly repeat: the search for repetitions more than doubles
			// the time of an answer and takes a seventh off its size.
			z, err := gzip.NewWriterLevel(nil, gzip.HuffmanOnly)
			if err != nil {
				panic(err) // the level is a constant
			}
			return z
		}},
	}
}

// reply is an answer, mostly JSON, of any size under construction. Encoders append to buf and call
// spill from time to time, which sends buf when it fills a chunk. It belongs to one
// goroutine.
type reply struct {
	buf []byte

	times timesAppender

	c       echo.Context
	pools   *replyPools
	buffer  *[]byte // from the pool: what buf was at the beginning
	zip     bool    // see wantsGzip
	zipper  *gzip.Writer
	client  *client
	turn    *turn
	isPart  bool // of another reply, which its goroutine sends
	started bool // the header is sent
	// contentType is that of the answer.
	contentType string
	err         error // of the first chunk that could not be sent
}

// newReply returns an empty answer, once there is memory for it. The caller calls release
// in the end.
func (a *api) newReply(c echo.Context) (*reply, error) {
	t, err := a.gates.replies.enter(c.Request().Context(), clientOf(c), patience)
	if err != nil {
		return nil, busy(c.Request().Context(), err, "answers under way")
	}
	r := &reply{c: c, pools: a.replies, buffer: a.replies.buffers.Get().(*[]byte), client: clientOf(c), turn: t, contentType: echo.MIMEApplicationJSON}
	r.buf = (*r.buffer)[:0]
	r.zip = wantsGzip(c.Request())
	return r, nil
}

// newPart returns an empty part of an answer, which another goroutine may make. Its buf grows
// with what is appended. The caller calls release in the end.
func (r *reply) newPart() *reply {
	p := &reply{pools: r.pools, buffer: r.pools.buffers.Get().(*[]byte), isPart: true}
	p.buf = (*p.buffer)[:0]
	return p
}

// join appends a part, and sends chunk after chunk.
func (r *reply) join(p *reply) error { return r.append(p.buf) }

// append appends text of any length, and sends chunk after chunk.
func (r *reply) append(text []byte) error {
	for rest := text; len(rest) > 0; {
		n := min(len(rest), max(chunkBytes-len(r.buf), 1))
		r.buf = append(r.buf, rest[:n]...)
		rest = rest[n:]
		if err := r.spill(); err != nil {
			return err
		}
	}
	return nil
}

// spill sends buf if it fills a chunk. It returns an error if the client cannot be
// reached.
func (r *reply) spill() error {
	if len(r.buf) >= chunkBytes && !r.isPart {
		r.send()
	}
	return r.err
}

// finish sends the rest of the answer. If nothing was sent before, the header has its
// length.
func (r *reply) finish() error {
	if !r.started && !(r.zip && len(r.buf) > gzipBytes) {
		r.zip = false
		r.c.Response().Header().Set(echo.HeaderContentLength, strconv.Itoa(len(r.buf)))
	}
	r.send()
	if r.zipper != nil && r.err == nil {
		_, err := r.client.measure(false, func() (int, error) { return 0, r.zipper.Close() })
		r.fail(err)
	}
	r.client.answerEnds()
	return r.err
}

// send sends buf and empties it.
func (r *reply) send() {
	if r.err != nil {
		return
	}
	out := r.c.Response()
	if !r.started {
		r.started = true
		r.start(out)
	}
	_, err := r.client.measure(false, func() (int, error) {
		if r.zipper != nil {
			return r.zipper.Write(r.buf)
		}
		return out.Write(r.buf)
	})
	r.fail(err)
	r.buf = r.buf[:0]
}

// fail keeps the first error of sending.
func (r *reply) fail(err error) {
	if err != nil && r.err == nil {
		r.err = refuse(statusGone, fmt.Errorf("send the answer: %w", err))
	}
}

// start sends the header.
func (r *reply) start(out *echo.Response) {
	h := out.Header()
	h.Set(echo.HeaderContentType, r.contentType)
	h.Add(echo.HeaderVary, echo.HeaderAcceptEncoding)
	if r.zip {
		h.Set(echo.HeaderContentEncoding, "gzip")
		r.zipper = r.pools.zippers.Get().(*gzip.Writer)
		r.zipper.Reset(out)
	}
	out.WriteHeader(http.StatusOK)
}

// release leaves the turn and gives the buffers back to the pools. The rest of an answer
// that is not finished is not sent.
func (r *reply) release() {
	r.turn.leave()
	if cap(r.buf) == cap(*r.buffer) { // one that had to grow is left to the garbage collector
		r.pools.buffers.Put(r.buffer)
	}
	if r.zipper != nil {
		r.zipper.Reset(nil)
		r.pools.zippers.Put(r.zipper)
	}
	r.buf, r.zipper = nil, nil
}

package rest

import (
	"bufio"
	"bytes"
	"compress/flate"
	"compress/zlib"
	"context"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"
	"sync"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/labstack/echo/v4"
)

// body is the body of a request, decompressed. It keeps the first error of reading it, so
// that a handler can tell that from other errors. It belongs to one goroutine.
type body struct {
	ctx     context.Context
	client  *client
	patient bool // it waits for its turns without a bound
	sent    *sentBody
	decoder io.Reader
	left    int64 // bytes that may still be decoded
	fault   error // a refusal
	turns   []*turn
	end     func() // releases the decoder
	buffers *bodyBuffers
	small   *[smallBody]byte // of buffers, nil: none is in use
	medium  *[mediumBody]byte
}

// sentBody is a body as it is sent. Its Read fails when the client is too slow.
type sentBody struct {
	client *client
	from   io.Reader
	bytes  int64 // that were read
	ended  bool  // there are no more
}

// Read implements io.Reader.
func (s *sentBody) Read(p []byte) (int, error) {
	n, err := s.client.measure(true, func() (int, error) { return s.from.Read(p) })
	s.bytes += int64(n)
	if err == io.EOF && !s.ended {
		s.ended = true
		s.client.sentAll()
	}
	return n, err
}

// openBody returns the body of the request. The caller calls close. While too many bodies
// are in memory, a patient one waits, and others are refused after a while.
func (a *api) openBody(c echo.Context, patient bool) (*body, error) {
	r := c.Request()
	cl := clientOf(c)
	// MaxBytesReader gets the writer below echo's, which can close the connection of a
	// client that goes on sending.
	sent := &sentBody{client: cl, from: http.MaxBytesReader(c.Response().Writer, r.Body, maxSent)}
	b := &body{ctx: r.Context(), client: cl, patient: patient, sent: sent, decoder: sent, left: maxDecoded, end: func() {}, buffers: &a.gates.buffers}
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get(echo.HeaderContentEncoding)))
	if encoding != "" && encoding != "identity" {
		if err := b.decode(a.gates, encoding); err != nil {
			b.close()
			if status, ok := errors.AsType[*refusal](err); ok && status.status == http.StatusUnsupportedMediaType {
				c.Response().Header().Set(echo.HeaderAcceptEncoding, "gzip, deflate, zstd")
			}
			return nil, err
		}
	}
	b.decoder = &bomReader{r: b.decoder}
	return b, nil
}

// decode sets up the decoder of an encoding, once there is memory for it.
func (b *body) decode(g *gates, encoding string) (err error) {
	window := g.bodies
	switch encoding {
	case "gzip", "x-gzip", "deflate":
	case "zstd":
		window = g.zstd
	default:
		return refuse(http.StatusUnsupportedMediaType,
			fmt.Errorf("content encoding %q is none of gzip, deflate, zstd and identity", clip(encoding)))
	}
	if err := b.enter(window); err != nil {
		return err
	}
	switch encoding {
	case "gzip", "x-gzip":
		b.decoder, err = gzip.NewReader(b.sent)
	case "deflate":
		b.decoder, err = newInflater(b.sent)
	case "zstd":
		var z *zstd.Decoder
		z, err = zstd.NewReader(b.sent, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err == nil {
			b.decoder, b.end = z, z.Close
		}
	}
	if err != nil {
		return readFault(err)
	}
	return nil
}

// newInflater returns a reader of what clients send as deflate: a zlib stream, which the
// name stands for (RFC 9110), or the bare deflate stream inside one.
func newInflater(sent io.Reader) (io.Reader, error) {
	buffered := bufio.NewReader(sent)
	head, err := buffered.Peek(2)
	if err != nil {
		return nil, err
	}
	if head[0]&0x0f == 8 && (int(head[0])<<8|int(head[1]))%31 == 0 {
		return zlib.NewReader(buffered)
	}
	return flate.NewReader(buffered), nil
}

// enter waits for a turn of the gate, which the body has until close, unless it has one.
// Gates are entered in the order of the struct gates, so that no two bodies wait for each
// other.
func (b *body) enter(g *gate) error {
	for _, t := range b.turns {
		if t.gate == g {
			return nil
		}
	}
	most := patience
	if b.patient {
		most = 0
	}
	t, err := g.enter(b.ctx, b.client, most)
	if err != nil {
		return busy(b.ctx, err, "bodies of this size in memory")
	}
	b.turns = append(b.turns, t)
	return nil
}

// close leaves all turns, and releases the decoder and what lines or text has returned.
func (b *body) close() {
	b.end()
	b.end = func() {}
	if b.small != nil {
		b.buffers.small.Put(b.small)
	}
	if b.medium != nil {
		b.buffers.medium.Put(b.medium)
	}
	b.small, b.medium = nil, nil
	for _, t := range b.turns {
		t.leave()
	}
	b.turns = nil
}

// Read returns a refusal for every error but io.EOF.
func (b *body) Read(p []byte) (int, error) {
	if b.fault != nil {
		return 0, b.fault
	}
	n, err := b.decoder.Read(p)
	b.left -= int64(n)
	switch {
	case b.left < 0:
		b.fault = refuse(http.StatusRequestEntityTooLarge,
			fmt.Errorf("the body decodes to more than %d MiB: send it in parts", maxDecoded>>20))
		return 0, b.fault
	case err != nil && err != io.EOF:
		b.fault = readFault(err)
		return n, b.fault
	case err == io.EOF && !b.sent.ended:
		_, _ = io.Copy(io.Discard, b.sent) // what follows the end of a compressed stream means nothing
	}
	return n, err
}

// fill reads into buf, from n on, until buf is full or the body ends. It returns how much
// of buf is filled. done says that nothing follows: the body has ended, or has a fault.
func (b *body) fill(buf []byte, n int) (filled int, done bool) {
	for n < len(buf) {
		m, err := b.Read(buf[n:])
		n += m
		if err != nil {
			return n, true
		}
	}
	return n, false
}

// lines returns the body of a write, once there is memory for it. A short one is read
// first, so that a slow client does not keep what others need. What it returns may be used until
// close is called.
func (b *body) lines(g *gates) (io.Reader, error) {
	b.small = obtain[[smallBody]byte](&b.buffers.small)
	buf := b.small[:]
	n, done := b.fill(buf, 0)
	if !done {
		if err := b.enter(g.bodies); err != nil {
			return nil, err
		}
		b.medium = obtain[[mediumBody]byte](&b.buffers.medium)
		copy(b.medium[:], buf)
		buf = b.medium[:]
		n, done = b.fill(buf, n)
	}
	text := bytes.NewReader(buf[:n])
	switch {
	case !done:
		if err := b.enter(g.writes); err != nil {
			return nil, err
		}
		return io.MultiReader(text, b), nil
	case b.fault != nil:
		return shortBody{io.MultiReader(text, b), n}, nil
	}
	return wholeBody{text, buf[:n]}, nil
}

// bodyBuffers is memory for bodies that is used again. It is safe for concurrent use.
type bodyBuffers struct{ small, medium sync.Pool }

func obtain[T any](p *sync.Pool) *T {
	if have, ok := p.Get().(*T); ok {
		return have
	}
	return new(T)
}

// wholeBody is a body that was read to its end.
type wholeBody struct {
	*bytes.Reader
	text []byte
}

// Whole returns all of it.
func (w wholeBody) Whole() []byte { return w.text }

// shortBody is a body that was read, as far as it goes. Its length is known.
type shortBody struct {
	io.Reader
	length int
}

// Len returns how many bytes can be read.
func (s shortBody) Len() int { return s.length }

// readFault returns the refusal for an error of reading a body.
func readFault(err error) error {
	if known, ok := errors.AsType[*refusal](err); ok {
		return known
	}
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge,
			fmt.Errorf("the body is larger than %d MiB: send it in parts", maxSent>>20))
	}
	if errors.Is(err, errSlow) {
		return refuse(http.StatusRequestTimeout, fmt.Errorf("read the body: %w", err))
	}
	return refuse(http.StatusBadRequest, fmt.Errorf("read the body: %w", err))
}

// busy returns the refusal of a request whose turn did not come: the client is to ask
// again. what says which requests there are too many of.
func busy(request context.Context, err error, what string) error {
	if request.Err() != nil {
		return request.Err()
	}
	return refuse(http.StatusServiceUnavailable, fmt.Errorf("%w (%s; %v is the longest wait): ask again in %s s, or for less", errBusy, what, patience, retryAfter))
}

// clip shortens what a client sent for a message.
func clip(s string) string {
	const most = 100
	if len(s) <= most {
		return s
	}
	return strings.ToValidUTF8(s[:most], "") + "..."
}

package rest

import (
	"bufio"
	"compress/flate"
	"compress/zlib"
	"errors"
	"fmt"
	"io"
	"net/http"
	"strings"

	"github.com/klauspost/compress/gzip"
	"github.com/klauspost/compress/zstd"
	"github.com/labstack/echo/v4"
)

const (
	// maxSent bounds a body as it is sent, maxDecoded what it decodes to.
	maxSent    = 64 << 20
	maxDecoded = 256 << 20
	// maxZstdWindow is what an encoder of a web client may ask for (RFC 9659).
	maxZstdWindow = 8 << 20
)

// body is the decoded body of a request. It keeps the first error that reading
// it gave, so that a handler can tell it from errors of its own.
type body struct {
	decoder io.Reader
	left    int64
	fault   error // a refusal
	close   func()
}

// openBody returns the body of the request. The caller calls close.
func openBody(c echo.Context) (*body, error) {
	r := c.Request()
	// The writer below echo's, for it can close the connection of a client
	// that goes on sending.
	sent := http.MaxBytesReader(c.Response().Writer, r.Body, maxSent)
	b := &body{left: maxDecoded, close: func() {}}
	encoding := strings.ToLower(strings.TrimSpace(r.Header.Get(echo.HeaderContentEncoding)))
	var err error
	switch encoding {
	case "", "identity":
		b.decoder = sent
	case "gzip", "x-gzip":
		b.decoder, err = gzip.NewReader(sent)
	case "deflate":
		b.decoder, err = newInflater(sent)
	case "zstd":
		var z *zstd.Decoder
		z, err = zstd.NewReader(sent, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err == nil {
			b.decoder, b.close = z, z.Close
		}
	default:
		c.Response().Header().Set(echo.HeaderAcceptEncoding, "gzip, deflate, zstd")
		return nil, refuse(http.StatusUnsupportedMediaType,
			fmt.Errorf("content encoding %q is none of gzip, deflate, zstd and identity", encoding))
	}
	if err != nil {
		return nil, readFault(err)
	}
	b.decoder = &markless{r: b.decoder}
	return b, nil
}

// newInflater reads what clients send as deflate: a zlib stream, which is what
// the name stands for, or the bare one inside of it.
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
	}
	return n, err
}

func readFault(err error) error {
	if _, ok := errors.AsType[*http.MaxBytesError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge,
			fmt.Errorf("the body is larger than %d MiB: send it in parts", maxSent>>20))
	}
	return refuse(http.StatusBadRequest, fmt.Errorf("read the body: %w", err))
}

package rest

import (
	"bytes"
	"compress/flate"
	"compress/gzip"
	"compress/zlib"
	"context"
	"errors"
	"io"
	"log/slog"
	"net/http/httptest"
	"testing"

	"github.com/klauspost/compress/zstd"
)

// keepingLog keeps the newest body and its cluster.
type keepingLog struct {
	*testLog
	cluster string
	body    []byte
	err     error // with which it ended
}

func (l *keepingLog) Write(_ context.Context, cluster string, body io.Reader) error {
	l.cluster = cluster
	l.body, l.err = io.ReadAll(body)
	return l.err
}

// decodings are the reference for whole bodies, by content encoding: the standard
// library, and for zstd, which it does not have, the one decoder there is, which gets
// the body in one piece.
var decodings = map[string]func(body []byte) ([]byte, error){
	"":         func(body []byte) ([]byte, error) { return body, nil },
	"identity": func(body []byte) ([]byte, error) { return body, nil },
	"gzip": func(body []byte) ([]byte, error) {
		r, err := gzip.NewReader(bytes.NewReader(body))
		if err != nil {
			return nil, err
		}
		return io.ReadAll(r)
	},
	"deflate": func(body []byte) ([]byte, error) {
		if len(body) < 2 {
			return nil, io.ErrUnexpectedEOF
		}
		if r, err := zlib.NewReader(bytes.NewReader(body)); err == nil || errors.Is(err, zlib.ErrDictionary) {
			if err != nil {
				return nil, err
			}
			return io.ReadAll(r)
		}
		return io.ReadAll(flate.NewReader(bytes.NewReader(body)))
	},
	"zstd": func(body []byte) ([]byte, error) {
		r, err := zstd.NewReader(nil, zstd.WithDecoderConcurrency(1), zstd.WithDecoderMaxWindow(maxZstdWindow))
		if err != nil {
			return nil, err
		}
		defer r.Close()
		return r.DecodeAll(body, nil)
	},
}

// FuzzWrite sends bodies, as they are or compressed and perhaps cut, and holds what
// reaches the log, and the answer, against the reference.
func FuzzWrite(f *testing.F) {
	encodings := []string{"", "identity", "gzip", "deflate", "zstd", "br"}
	lines := []byte("cpu_load,hostname=h value=1 1760000040\nflops,hostname=h,type=core,type-id=1 value=-2.5e3\n")
	for i := range encodings {
		f.Add(lines, uint8(i), false, uint16(0))
		f.Add(lines, uint8(i), true, uint16(0))
		f.Add(lines, uint8(i), true, uint16(30))
		f.Add([]byte{}, uint8(i), true, uint16(0))
		if form := encodings[i]; decodings[form] != nil {
			f.Add(encoded(f, form, lines), uint8(i), false, uint16(0))
		}
	}
	log := &keepingLog{testLog: &testLog{store: newStore(f)}}
	server, err := New(Config{Addr: "127.0.0.1:0", Logger: slog.New(slog.DiscardHandler)}, log.store, log)
	if err != nil {
		f.Fatal(err)
	}
	f.Fuzz(func(t *testing.T, body []byte, encoding uint8, compress bool, cut uint16) {
		form := encodings[int(encoding)%len(encodings)]
		decode := decodings[form]
		if compress && decode != nil {
			body = encoded(t, form, body)
			body = body[:len(body)-min(len(body), int(cut))]
		}
		request := httptest.NewRequestWithContext(t.Context(), "POST", "/api/write/?cluster=c", bytes.NewReader(body))
		request.Header.Set("Content-Encoding", form)
		answer := httptest.NewRecorder()
		*log = keepingLog{testLog: log.testLog}
		server.handler.ServeHTTP(answer, request)
		if decode == nil {
			if answer.Code != 415 || log.cluster != "" {
				t.Fatalf("encoding %q: %d %s", form, answer.Code, answer.Body)
			}
			return
		}
		want, err := decode(body)
		switch {
		case err == nil && (answer.Code != 200 || answer.Body.Len() > 0):
			t.Fatalf("%q of %q: %d %s", body, form, answer.Code, answer.Body)
		case err == nil && (log.cluster != "c" || log.err != nil || !bytes.Equal(log.body, want)):
			t.Fatalf("%q of %q: cluster %q got %q (%v), want %q", body, form, log.cluster, log.body, log.err, want)
		case err != nil && (answer.Code != 400 || !bytes.Contains(answer.Body.Bytes(), []byte("read the body"))):
			t.Fatalf("%q of %q: %d %s, want what %v makes", body, form, answer.Code, answer.Body, err)
		case err != nil && log.cluster != "" && log.err == nil:
			t.Fatalf("%q of %q: the log got %q as if it were whole, but %v", body, form, log.body, err)
		}
	})
}

// encoded compresses a body by a content encoding.
func encoded(t testing.TB, encoding string, body []byte) []byte {
	t.Helper()
	switch encoding {
	case "gzip", "zstd":
		return compressed(t, encoding, bytes.NewReader(body))
	case "deflate":
		form := "zlib"
		if len(body)%2 == 0 {
			form = "flate"
		}
		return compressed(t, form, bytes.NewReader(body))
	}
	return body
}

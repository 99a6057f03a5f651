package rest

import (
	"bytes"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"strings"

	"github.com/labstack/echo/v4"

	"cc-metric-store/rest/promapi"
)

// prometheusPath is below which the API of Prometheus is.
const prometheusPath = "/api/v1/"

// addPrometheus adds the API of Prometheus, for tokens with a role of the class query. Its
// requests have a gate of their own, with so many places.
func (a *api) addPrometheus(e *echo.Echo, cfg Config, methods []string, m ...echo.MiddlewareFunc) error {
	c := cfg.Prometheus
	c.Logger = cfg.Logger
	handler, err := promapi.New(c, a.store)
	if err != nil {
		return err
	}
	if a.auth != nil {
		m = append([]echo.MiddlewareFunc{a.auth.require(classQuery)}, m...)
	}
	add(e, prometheusPath+"*", methods, func(c echo.Context) error { return a.prometheus(c, handler) }, m...)
	return nil
}

// prometheus answers a request below /api/v1/.
func (a *api) prometheus(c echo.Context, handler *promapi.API) error {
	r := c.Request()
	b, err := a.openBody(c, false)
	if err != nil {
		return err
	}
	defer b.close()
	form, err := b.form(a.gates)
	if err != nil {
		return err
	}
	out := &replyWriter{}
	if out.reply, err = a.newReply(c); err != nil {
		return err
	}
	defer out.reply.release()
	path := strings.TrimSuffix(strings.TrimPrefix(r.URL.Path, prometheusPath), "/")
	if !promapi.IsCheap(path) {
		t, err := a.enterGate(c, a.gates.prometheus, 0, "queries of Prometheus' API")
		if err != nil {
			return err
		}
		defer t.leave()
	}
	a.setCompleteUntil(c)
	inner := r.Clone(r.Context())
	inner.URL.Path = path
	inner.Body = io.NopCloser(bytes.NewReader(form))
	handler.ServeHTTP(out, inner)
	if out.fault != nil {
		return refuse(out.status, out.fault)
	}
	return out.reply.finish()
}

// replyWriter is an http.ResponseWriter that sends what a handler writes as a reply. Its status
// comes before anything else is written, and what is written with an error's status is its message.
type replyWriter struct {
	reply  *reply
	header http.Header
	status int
	fault  error
}

// Header implements http.ResponseWriter. Fields are not sent: all replies are JSON.
func (w *replyWriter) Header() http.Header {
	if w.header == nil {
		w.header = http.Header{}
	}
	return w.header
}

// WriteHeader implements http.ResponseWriter.
func (w *replyWriter) WriteHeader(status int) { w.status = status }

// Write implements http.ResponseWriter.
func (w *replyWriter) Write(p []byte) (int, error) {
	if w.status >= http.StatusBadRequest {
		w.fault = answeredError(bytes.Clone(p))
		return len(p), nil
	}
	if err := w.reply.append(p); err != nil {
		return 0, err
	}
	return len(p), nil
}

// answeredError is an error whose answer has been made.
type answeredError []byte

// Error returns the answer, for the access log.
func (e answeredError) Error() string { return string(bytes.TrimSpace(e)) }

// prometheusError returns the body of an answer to a request below /api/v1/ that failed.
func prometheusError(status int, cause error) []byte {
	if body, ok := errors.AsType[answeredError](cause); ok {
		return body
	}
	return promapi.ErrorBody(status, cause)
}

// maxForm bounds a form: it holds the text of an expression, with a list of hosts.
const maxForm = largeBody

// parseForm returns the parameters of a form.
func parseForm(text []byte) (url.Values, error) { return url.ParseQuery(string(text)) }

// form reads a body that is a form. It waits for a turn before it takes more memory.
func (b *body) form(g *gates) ([]byte, error) {
	buf := make([]byte, smallBody)
	n, done := b.fill(buf, 0)
	for !done {
		if n == maxForm+1 {
			return nil, refuse(http.StatusRequestEntityTooLarge, fmt.Errorf("the form is larger than %d MiB: ask for less", maxForm>>20))
		}
		size, gate := mediumBody, g.bodies
		if n >= mediumBody {
			size, gate = maxForm+1, g.large
		}
		if err := b.enter(gate); err != nil {
			return nil, err
		}
		next := make([]byte, size)
		copy(next, buf)
		buf = next
		n, done = b.fill(buf, n)
	}
	if b.fault != nil {
		return nil, b.fault
	}
	return buf[:n], nil
}

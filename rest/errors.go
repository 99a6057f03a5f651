package rest

import (
	"context"
	"encoding/json"
	"errors"
	"net/http"
	"strings"

	"github.com/labstack/echo/v4"
)

var (
	errNotFound = errors.New("404 page not found")
	//lint:ignore ST1005 these are the words that clients know
	errMethod = errors.New("Method Not Allowed")
	errPanic  = errors.New("internal error: the log says more")
)

// statusGone is the status, in the access log and the metrics, of a request whose client
// went away before it had an answer.
const statusGone = 499

// refusal is an error with the status of its answer.
type refusal struct {
	status int
	cause  error
}

// refuse returns an error that is answered with the status.
func refuse(status int, cause error) error { return &refusal{status, cause} }

func (r *refusal) Error() string { return r.cause.Error() }

func (r *refusal) Unwrap() error { return r.cause }

// statusOf returns the status of the answer to a request that failed. What is no refusal
// is a 500.
func statusOf(r *http.Request, err error) int {
	known, ok := errors.AsType[*refusal](err)
	if r.Context().Err() != nil && (errors.Is(err, context.Canceled) || !ok || known.status >= http.StatusInternalServerError) {
		return statusGone // the error may be a consequence of that
	}
	if ok {
		return known.status
	}
	return http.StatusInternalServerError
}

// answerError sends an error in the form that its path has: an object below
// /api, text elsewhere.
func answerError(c echo.Context, status int, cause error) error {
	h := c.Response().Header()
	h.Del(echo.HeaderContentEncoding)
	if errors.Is(cause, errBusy) || errors.Is(cause, errBehind) {
		h.Set(echo.HeaderRetryAfter, retryAfter)
	}
	if body, ok := influxError(c.Request().URL.Path, status, cause); ok {
		return c.Blob(status, echo.MIMEApplicationJSON, body)
	}
	if !isAPI(c.Request().URL.Path) {
		h.Set(echo.HeaderXContentTypeOptions, "nosniff")
		return c.String(status, cause.Error()+"\n")
	}
	if strings.HasPrefix(c.Request().URL.Path, prometheusPath) {
		return c.Blob(status, echo.MIMEApplicationJSON, prometheusError(status, cause))
	}
	body, err := json.Marshal(struct {
		Status string `json:"status"`
		Error  string `json:"error"`
	}{http.StatusText(status), cause.Error()})
	if err != nil {
		return err
	}
	return c.Blob(status, echo.MIMEApplicationJSON, append(body, '\n'))
}

// isAPI reports whether errors of the path are objects.
func isAPI(path string) bool {
	return path == "/api" || strings.HasPrefix(path, "/api/")
}

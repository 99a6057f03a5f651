package promapi

import (
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"net/http"

	"github.com/prometheus/prometheus/promql"

	"cc-metric-store/store"
)

// Error is an error with the status of its answer.
type Error struct {
	Status int
	cause  error
}

// NewError returns an error that is answered with the status.
func NewError(status int, cause error) *Error { return &Error{status, cause} }

func (e *Error) Error() string { return e.cause.Error() }

func (e *Error) Unwrap() error { return e.cause }

// StatusGone is the status of a request whose client went away before it had an answer.
const StatusGone = 499

// ErrorBody returns the body of an answer to a request that failed, in the form that clients of
// Prometheus know.
func ErrorBody(status int, cause error) []byte {
	body, err := json.Marshal(struct {
		Status    string `json:"status"`
		ErrorType string `json:"errorType"`
		Error     string `json:"error"`
	}{"error", errorType(status, cause), cause.Error()})
	if err != nil {
		panic(err) // every string has a JSON form
	}
	return append(body, '\n')
}

// errorType returns Prometheus' word for the kind of an error.
func errorType(status int, cause error) string {
	switch status {
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "not_found"
	case http.StatusUnprocessableEntity:
		return "execution"
	case http.StatusInternalServerError:
		return "internal"
	case StatusGone:
		return "canceled"
	case http.StatusServiceUnavailable:
		if _, ok := errors.AsType[promql.ErrQueryTimeout](cause); ok || errors.Is(cause, context.DeadlineExceeded) {
			return "timeout"
		}
		return "unavailable"
	}
	return "bad_data"
}

// badData returns the error of a request that cannot be meant.
func badData(cause error) error { return NewError(http.StatusBadRequest, cause) }

// evaluationError returns the error of an evaluation with the status of its answer.
func evaluationError(ctx context.Context, err error) error {
	if known, ok := errors.AsType[*Error](err); ok {
		return known
	}
	_, timeout := errors.AsType[promql.ErrQueryTimeout](err)
	_, canceled := errors.AsType[promql.ErrQueryCanceled](err)
	_, internal := errors.AsType[promql.ErrStorage](err)
	switch {
	case canceled, errors.Is(err, context.Canceled), ctx.Err() != nil:
		return NewError(StatusGone, err)
	case timeout, errors.Is(err, context.DeadlineExceeded):
		return NewError(http.StatusServiceUnavailable, fmt.Errorf("the request timed out: %w", err))
	case errors.Is(err, store.ErrRecallsBusy):
		return NewError(http.StatusServiceUnavailable, err)
	case internal:
		return NewError(http.StatusInternalServerError, err)
	}
	return NewError(http.StatusUnprocessableEntity, explainLimit(err))
}

// explainLimit says in a request's own terms what was too much.
func explainLimit(err error) error {
	if tooMany, ok := errors.AsType[*store.SelectError](err); ok {
		return tooMany
	}
	if tooLong, ok := errors.AsType[*store.ReadError](err); ok {
		return tooLong
	}
	return err
}

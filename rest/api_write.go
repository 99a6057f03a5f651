package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strings"
	"unicode"
	"unicode/utf8"

	"github.com/labstack/echo/v4"

	"cc-metric-store/store"
)

// write answers /api/write: it appends the lines of the body to the log.
func (a *api) write(c echo.Context) error {
	if err := a.writeLines(c, rawParameter(c.Request().URL.RawQuery, "cluster")); err != nil {
		return err
	}
	// Without a body: collectors do not read it, and would have to connect again.
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	h.Set(echo.HeaderContentLength, "0")
	return c.NoContent(http.StatusOK)
}

// writeLines appends the lines of the body to the log, and puts the position into the header of the answer. cluster
// is that of lines that name none.
func (a *api) writeLines(c echo.Context, cluster string) error {
	if err := checkName("cluster", cluster); err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	b, err := a.openBody(c, true)
	if err != nil {
		return err
	}
	defer b.close()
	lines, err := b.lines(a.gates)
	if err != nil {
		return err
	}
	err = a.log.Write(c.Request().Context(), cluster, lines)
	if err != nil || b.fault != nil {
		return writeFault(err, b.fault)
	}
	a.setPosition(c)
	return nil
}

// checkName returns why a name from a URL cannot be shown, or sent to the log, as it is.
func checkName(what, name string) error {
	switch {
	case len(name) > maxName:
		return fmt.Errorf("'%s' has %d bytes, at most %d are possible", what, len(name), maxName)
	case !utf8.ValidString(name):
		return fmt.Errorf("'%s' is not valid UTF-8: %q", what, clip(name))
	case strings.ContainsFunc(name, unicode.IsControl):
		return fmt.Errorf("'%s' holds control characters: %q", what, clip(name))
	}
	return nil
}

// writeFault returns the refusal of a write that failed: for its body, for its lines, or
// for the log. bodyFault is nil if the body could be read.
func writeFault(err, bodyFault error) error {
	if bodyFault != nil {
		return bodyFault
	}
	if _, ok := errors.AsType[*store.RefusedError](err); ok {
		return refuse(http.StatusBadRequest, err)
	}
	return logFault(err)
}

// logFault returns the refusal of an entry that the log does not take.
func logFault(err error) error {
	if _, ok := errors.AsType[*store.TooLargeError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge, err)
	}
	return refuse(http.StatusServiceUnavailable, err)
}

// rawParameter returns the value of a URL parameter as it was sent. It is not decoded,
// as clients do not encode the names of clusters.
func rawParameter(query, name string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}

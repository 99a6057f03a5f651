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

func (a *api) write(c echo.Context) error {
	cluster := rawParameter(c.Request().URL.RawQuery, "cluster")
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
	// No body: collectors do not read it, and would lose their connection.
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	h.Set(echo.HeaderContentLength, "0")
	return c.NoContent(http.StatusOK)
}

// checkName refuses a name from a URL that could not be shown, or not be sent to the
// log, as it is.
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

// writeFault says whose fault a failed write is: the body's, its lines', or
// ours.
func writeFault(err, bodyFault error) error {
	if bodyFault != nil {
		return bodyFault
	}
	if _, ok := errors.AsType[*store.RefusedError](err); ok {
		return refuse(http.StatusBadRequest, err)
	}
	return logFault(err)
}

// logFault says whose fault it is that the log did not take something.
func logFault(err error) error {
	if _, ok := errors.AsType[*store.TooLargeError](err); ok {
		return refuse(http.StatusRequestEntityTooLarge, err)
	}
	return refuse(http.StatusServiceUnavailable, err)
}

// rawParameter returns the value of a URL parameter as it was sent: cluster
// names are not percent-decoded.
func rawParameter(query, name string) string {
	for pair := range strings.SplitSeq(query, "&") {
		if key, value, _ := strings.Cut(pair, "="); key == name {
			return value
		}
	}
	return ""
}

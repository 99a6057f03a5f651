package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"
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

func (a *api) free(c echo.Context) error {
	to := c.QueryParam("to")
	if to == "" {
		return refuse(http.StatusBadRequest, errors.New("'to' is a required query parameter"))
	}
	before, err := strconv.ParseInt(to, 10, 64)
	if err != nil {
		return refuse(http.StatusBadRequest, fmt.Errorf("'to' is no Unix time in seconds: %w", err))
	}
	if err := store.CheckSeconds("'to'", before); err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	b, err := a.openBody(c, false)
	if err != nil {
		return err
	}
	defer b.close()
	var selectors [][]string
	err = a.decodeJSON(b, &selectors, false, func(found contents) error {
		if n := found.arrays - 1; n > store.MaxSelectors {
			return refuse(http.StatusRequestEntityTooLarge, fmt.Errorf("%d selectors are more than the limit of %d", n, store.MaxSelectors))
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("read the selectors: %w", err)
	}
	if selectors, err = a.compact(selectors); err != nil {
		return err
	}
	freed, err := a.log.Free(c.Request().Context(), selectors, before)
	if err != nil {
		return logFault(err)
	}
	return c.String(http.StatusOK, fmt.Sprintf("buffers freed: %d\n", freed))
}

// compact returns the selectors that go into the log: each once, and none that
// another one covers.
func (a *api) compact(selectors [][]string) ([][]string, error) {
	for i, s := range selectors {
		if s == nil {
			// An empty selector frees everything, so it has to be meant.
			return nil, refuse(http.StatusBadRequest, fmt.Errorf("selector %d is null, want an array of strings", i))
		}
	}
	selectors = store.CompactSelectors(selectors)
	text, err := json.Marshal(selectors)
	if err != nil {
		return nil, fmt.Errorf("encode the selectors: %w", err)
	}
	if len(selectors) > maxSelectors || len(text) > maxSelectorBytes {
		return nil, refuse(http.StatusRequestEntityTooLarge, fmt.Errorf(
			"%d different selectors of %d bytes: at most %d of %d KiB in all are possible in one request", len(selectors), len(text), maxSelectors, maxSelectorBytes>>10))
	}
	return selectors, nil
}

package rest

import (
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"

	"cc-metric-store/store"

	"github.com/labstack/echo/v4"
)

func (a *api) write(c echo.Context) error {
	b, err := openBody(c)
	if err != nil {
		return err
	}
	defer b.close()
	r := c.Request()
	err = a.log.Write(r.Context(), rawParameter(r.URL.RawQuery, "cluster"), b)
	if err != nil || b.fault != nil {
		return writeFault(err, b.fault)
	}
	// No body: collectors do not read it, and would lose their connection.
	h := c.Response().Header()
	h.Set(echo.HeaderContentType, echo.MIMEApplicationJSON)
	h.Set(echo.HeaderContentLength, "0")
	return c.NoContent(http.StatusOK)
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
	b, err := openBody(c)
	if err != nil {
		return err
	}
	defer b.close()
	var selectors [][]string
	if err := decodeJSON(b, &selectors, false); err != nil {
		return fmt.Errorf("read the selectors: %w", err)
	}
	for i, s := range selectors {
		if s == nil {
			// An empty selector frees everything, so it has to be meant.
			return refuse(http.StatusBadRequest, fmt.Errorf("selector %d is null, want an array of strings", i))
		}
	}
	freed, err := a.log.Free(c.Request().Context(), selectors, before)
	if err != nil {
		return refuse(http.StatusServiceUnavailable, err)
	}
	return c.String(http.StatusOK, fmt.Sprintf("buffers freed: %d\n", freed))
}

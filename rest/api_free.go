package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"strconv"

	"github.com/labstack/echo/v4"

	"cc-metric-store/store"
)

// free answers /api/free: it appends a free request to the log.
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
	selectors, err := a.readSelectors(b)
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
	a.setPosition(c)
	return c.String(http.StatusOK, fmt.Sprintf("buffers freed: %d\n", freed))
}

// readSelectors reads a list of selectors.
func (a *api) readSelectors(b *body) ([][]string, error) {
	text, found, err := a.readJSON(b)
	if err != nil {
		return nil, err
	}
	if n := found.arrays - 1; n > store.MaxSelectors {
		return nil, refuse(http.StatusRequestEntityTooLarge, fmt.Errorf("%d selectors are more than the limit of %d", n, store.MaxSelectors))
	}
	var selectors [][]string
	err = parseJSON(text, &selectors, false)
	return selectors, err
}

// compact returns the selectors that go into the log: each one once, and none that another
// one covers.
func (a *api) compact(selectors [][]string) ([][]string, error) {
	for i, s := range selectors {
		if s == nil {
			// It would be an empty one, which frees everything.
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

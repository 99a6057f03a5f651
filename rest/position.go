package rest

import (
	"context"
	"errors"
	"fmt"
	"net/http"
	"strconv"
	"strings"
	"time"

	"github.com/labstack/echo/v4"

	"cc-metric-store/store"
)

// Several nodes read one log, each for itself: one of them may not have yet what was written to
// another. So the answer to a change names a position in the log, and a request with that header
// waits until this node has come there.
const (
	headerPosition = "X-Log-Position"
	// positionWait is how long a request waits: far longer than the nodes differ, unless one of
	// them is cut off.
	positionWait = 2 * time.Second
)

// setPosition puts the position of a change that has been made into its answer.
func (a *api) setPosition(c echo.Context) {
	if p, ok := a.log.Position(); ok {
		c.Response().Header().Set(headerPosition, formatPosition(p))
	}
}

// awaitPosition lets a request wait for the position in its header, if it has one.
func (a *api) awaitPosition(next echo.HandlerFunc) echo.HandlerFunc {
	return func(c echo.Context) error {
		text := c.Request().Header.Get(headerPosition)
		if text == "" {
			return next(c)
		}
		p, err := parsePosition(text)
		if err != nil {
			return refuse(http.StatusBadRequest, err)
		}
		ctx, cancel := context.WithTimeout(c.Request().Context(), positionWait)
		defer cancel()
		if err := a.log.AwaitPosition(ctx, p); err != nil {
			return refuse(http.StatusServiceUnavailable, fmt.Errorf("%w: position %s of the log after %v (%w)", errBehind, text, positionWait, err))
		}
		return next(c)
	}
}

// errBehind says that another node may answer better now, and this one in a moment.
var errBehind = errors.New("this node has not come to what is asked for")

// formatPosition returns a position as text: when the log was created, in Unix ns, and the number
// of the entry.
func formatPosition(p store.LogPosition) string {
	return strconv.FormatInt(p.Created.UnixNano(), 10) + "." + strconv.FormatUint(p.Entry.Seq, 10)
}

func parsePosition(text string) (p store.LogPosition, err error) {
	created, entry, _ := strings.Cut(text, ".")
	ns, err := strconv.ParseInt(created, 10, 64)
	if err == nil {
		p.Entry.Seq, err = strconv.ParseUint(entry, 10, 64)
	}
	if err != nil {
		return p, fmt.Errorf("%s: %q is not what the answer to a write has", headerPosition, clip(text))
	}
	p.Created = time.Unix(0, ns)
	return p, nil
}

package rest

import (
	"encoding/binary"
	"encoding/hex"
	"math/rand/v2"

	"github.com/labstack/echo/v4"
)

// maxRequestID bounds an id that a client sends: it is answered and logged.
const maxRequestID = 128

// nameRequest answers with the id of the request, which requestID returns from then on: the
// one that the client sent, if it can be logged, otherwise a new one.
func nameRequest(c echo.Context) {
	sent := c.Request().Header[echo.HeaderXRequestID]
	id := ""
	if len(sent) == 1 && soundRequestID(sent[0]) {
		id = sent[0]
	} else {
		var random [8]byte
		binary.BigEndian.PutUint64(random[:], rand.Uint64())
		id = hex.EncodeToString(random[:]) // it is unique, not secret
	}
	c.Response().Header()[echo.HeaderXRequestID] = []string{id}
}

// soundRequestID reports whether an id is short and has printable ASCII without blanks alone.
func soundRequestID(id string) bool {
	for i := range len(id) {
		if id[i] <= ' ' || id[i] > '~' {
			return false
		}
	}
	return id != "" && len(id) <= maxRequestID
}

// requestID returns the id of a request, for the log.
func requestID(c echo.Context) string {
	return c.Response().Header().Get(echo.HeaderXRequestID)
}

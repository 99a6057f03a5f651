package rest

import (
	"encoding/json"
	"errors"
	"fmt"
	"net/http"
	"net/url"
	"regexp"
	"strings"

	"github.com/labstack/echo/v4"
)

// Clients of InfluxDB, version 1 and 2, can write here: the paths are theirs, and so are the forms of answers
// and errors. The database or bucket is the cluster of lines that name none. What they say of the precision of times is
// left alone: the magnitude of a time says what it is in, and some clients say something else than they send.
const (
	influxWrite1  = "/write"
	influxQuery1  = "/query"
	influxPath2   = "/api/v2/"
	influxWrite2  = influxPath2 + "write"
	influxVersion = "1.8.10" // as clients of version 1 expect it, and those of version 2 accept it

	headerInfluxVersion = "X-Influxdb-Version"
)

// addInflux adds the paths that clients of InfluxDB use.
func (a *api) addInflux(e *echo.Echo, get []string) {
	version := func(next echo.HandlerFunc) echo.HandlerFunc {
		return func(c echo.Context) error {
			c.Response().Header().Set(headerInfluxVersion, influxVersion)
			return next(c)
		}
	}
	both := []echo.MiddlewareFunc{version}
	if a.auth != nil {
		both = append(both, a.auth.requireBy(influxToken, classWrite))
	}
	write := func(path, database string) {
		add(e, path, []string{http.MethodPost}, func(c echo.Context) error {
			// One that cannot be read could be the one that names the cluster.
			parameters, err := url.ParseQuery(c.Request().URL.RawQuery)
			if err != nil {
				return refuse(http.StatusBadRequest, fmt.Errorf("read the parameters of the URL: %w", err))
			}
			if err := a.writeLines(c, parameters.Get(database)); err != nil {
				return err
			}
			return c.NoContent(http.StatusNoContent)
		}, both...)
	}
	write(influxWrite1, "db")
	write(influxWrite2, "bucket")
	write(influxWrite2+"/*", "bucket")
	add(e, influxQuery1, []string{http.MethodGet, http.MethodPost}, a.influxQuery, both...)
	add(e, "/ping", append(get, http.MethodPost), func(c echo.Context) error { return c.NoContent(http.StatusNoContent) }, version)
	add(e, "/health", get, a.influxHealth, version)
}

// influxToken returns the token of a request: as everywhere, as "Token ...", or as a password, which
// clients of version 1 may send as a parameter.
func influxToken(r *http.Request) string {
	if token, ok := strings.CutPrefix(r.Header.Get(echo.HeaderAuthorization), "Token "); ok {
		return token
	}
	if _, password, ok := r.BasicAuth(); ok {
		return password
	}
	if token := bearerToken(r); token != "" || strings.HasPrefix(r.URL.Path, influxPath2) {
		return token
	}
	return r.URL.Query().Get("p")
}

var createDatabase = regexp.MustCompile(`(?i)^\s*create\s+database\s[^;]*;?\s*$`)

// influxQuery answers the statement that clients send before they write: databases need not be made.
func (a *api) influxQuery(c echo.Context) error {
	statement := c.QueryParam("q")
	if c.Request().Method == http.MethodPost {
		b, err := a.openBody(c, false)
		if err != nil {
			return err
		}
		defer b.close()
		text, err := b.form(a.gates)
		if err != nil {
			return err
		}
		if form, err := parseForm(text); err == nil && form.Has("q") {
			statement = form.Get("q")
		}
	}
	if !createDatabase.MatchString(statement) {
		return refuse(http.StatusBadRequest, fmt.Errorf("the statement %q is not CREATE DATABASE, the only one that is known: samples are asked for at /api/query and /api/v1/query", clip(statement)))
	}
	return c.JSONBlob(http.StatusOK, []byte(`{"results":[{"statement_id":0}]}`+"\n"))
}

// influxHealth answers whether requests may be sent here.
func (a *api) influxHealth(c echo.Context) error {
	type health struct {
		Name    string   `json:"name"`
		Message string   `json:"message"`
		Status  string   `json:"status"`
		Checks  []string `json:"checks"`
		Version string   `json:"version"`
	}
	h, status := health{"influxdb", "ready for queries and writes", "pass", []string{}, influxVersion}, http.StatusOK
	if err := a.log.Serving(); err != nil {
		h.Message, h.Status, status = err.Error(), "fail", http.StatusServiceUnavailable
	}
	return c.JSON(status, h)
}

// influxError returns the body of an answer to a request of a client of InfluxDB that failed, false if the path
// is none of theirs.
func influxError(path string, status int, cause error) (body []byte, ok bool) {
	var object any
	switch {
	case strings.HasPrefix(path, influxPath2):
		object = struct {
			Code    string `json:"code"`
			Message string `json:"message"`
		}{influxCode(status), cause.Error()}
	case path == influxWrite1 || path == influxQuery1:
		object = struct {
			Error string `json:"error"`
		}{cause.Error()}
	default:
		return nil, false
	}
	body, err := json.Marshal(object)
	if err != nil {
		panic(errors.Join(errors.New("every string has a JSON form"), err))
	}
	return append(body, '\n'), true
}

// influxCode returns InfluxDB's word for a status.
func influxCode(status int) string {
	switch status {
	case http.StatusBadRequest, http.StatusUnsupportedMediaType, http.StatusRequestTimeout:
		return "invalid"
	case http.StatusUnauthorized:
		return "unauthorized"
	case http.StatusForbidden:
		return "forbidden"
	case http.StatusNotFound:
		return "not found"
	case http.StatusMethodNotAllowed:
		return "method not allowed"
	case http.StatusRequestEntityTooLarge:
		return "request too large"
	case http.StatusServiceUnavailable:
		return "unavailable"
	}
	return "internal error"
}

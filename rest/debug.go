package rest

import (
	"errors"
	"maps"
	"net/http"
	"slices"
	"strconv"
	"strings"

	"cc-metric-store/store"

	"github.com/labstack/echo/v4"
)

// debug lists the buffers at and below a level of the store, or with the parameter
// unknown-metrics what is not in the store.
func (a *api) debug(c echo.Context) error {
	if c.QueryParams().Has("unknown-metrics") {
		return c.JSON(http.StatusOK, unknownMetrics(a.log.UnknownMetrics()))
	}
	var selector []string
	if s := c.QueryParam("selector"); s != "" {
		selector = strings.Split(s, ":")
	}
	level, err := a.store.Dump(selector)
	if err != nil {
		return dumpFault(err)
	}
	r := a.newReply(c)
	defer r.release()
	r.buf = append(r.buf, `{"data":`...)
	if err := r.level(level, 0); err != nil {
		return err
	}
	r.buf = append(r.buf, "}\n"...)
	return r.finish()
}

// unknownMetric is one metric that lines have and that is not configured.
type unknownMetric struct {
	Metric  string `json:"metric"` // empty: all beyond those that are known by name
	Lines   int64  `json:"lines"`
	Cluster string `json:"cluster"` // of the first line
	Host    string `json:"hostname"`
}

func unknownMetrics(list []store.UnknownMetric) (answer struct {
	Metrics []unknownMetric `json:"unknown-metrics"`
}) {
	answer.Metrics = make([]unknownMetric, len(list))
	for i, m := range list {
		answer.Metrics[i] = unknownMetric{m.Name, m.Lines, m.Cluster, m.Host}
	}
	return answer
}

func dumpFault(err error) error {
	if _, ok := errors.AsType[*store.NotFoundError](err); ok {
		return refuse(http.StatusBadRequest, err)
	}
	return err
}

// level appends a level as an object: its metrics, then the levels below.
func (r *reply) level(l *store.Level, depth int) error {
	r.buf = append(r.buf, '{')
	first := true
	member := func(name string) error {
		if !first {
			r.buf = append(r.buf, ',')
		}
		first = false
		r.newLine(depth + 1)
		r.buf = appendString(r.buf, name)
		r.buf = append(r.buf, ':')
		return r.spill()
	}
	for _, name := range slices.Sorted(maps.Keys(l.Metrics)) {
		if err := member(name); err != nil {
			return err
		}
		r.buffers(l.Metrics[name])
	}
	for _, name := range slices.Sorted(maps.Keys(l.Children)) {
		if err := member(name); err != nil {
			return err
		}
		if err := r.level(l.Children[name], depth+1); err != nil {
			return err
		}
	}
	if !first {
		r.newLine(depth)
	}
	r.buf = append(r.buf, '}')
	return nil
}

func (r *reply) newLine(depth int) {
	r.buf = append(r.buf, '\n')
	for range depth {
		r.buf = append(r.buf, '\t')
	}
}

func (r *reply) buffers(list []store.Buffer) {
	r.buf = append(r.buf, '[')
	for i, b := range list {
		if i > 0 {
			r.buf = append(r.buf, ',')
		}
		r.buf = append(r.buf, `{"start":`...)
		r.buf = strconv.AppendInt(r.buf, b.Start, 10)
		r.buf = append(r.buf, `,"len":`...)
		r.buf = strconv.AppendInt(r.buf, b.Len, 10)
		r.buf = append(r.buf, `,"end":`...)
		r.buf = strconv.AppendInt(r.buf, b.End, 10)
		r.buf = append(r.buf, '}')
	}
	r.buf = append(r.buf, ']')
}

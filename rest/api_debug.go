package rest

import (
	"errors"
	"net/http"
	"strconv"
	"strings"

	"github.com/labstack/echo/v4"

	"cc-metric-store/store"
)

// debug answers /api/debug: it lists the buffers at and below a level of the store, or
// with the parameter unknown-metrics the metrics that are not stored.
func (a *api) debug(c echo.Context) error {
	if c.QueryParams().Has("unknown-metrics") {
		return c.JSON(http.StatusOK, unknownMetrics(a.log.UnknownMetrics()))
	}
	var selector []string
	if s := c.QueryParam("selector"); s != "" {
		selector = strings.Split(s, ":")
	}
	r, err := a.newReply(c)
	if err != nil {
		return err
	}
	defer r.release()
	t, err := a.enterQueries(c, turnCost)
	if err != nil {
		return err
	}
	defer func() { t.leave() }()
	r.buf = append(r.buf, `{"data":{`...)
	tree := levels{reply: r, skip: len(selector)}
	ctx := c.Request().Context()
	err = a.store.Dump(ctx, selector, func(d *store.Dumped) (err error) {
		if t, err = t.yield(ctx); err != nil {
			return err
		}
		return tree.add(d)
	})
	if err != nil {
		return dumpFault(err)
	}
	tree.closeTo(0)
	if tree.begun {
		r.newLine(0)
	}
	r.buf = append(r.buf, "}}\n"...)
	return r.finish()
}

// unknownMetric is a metric of lines that is not configured.
type unknownMetric struct {
	Metric  string `json:"metric"` // empty: all that are not known by name
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

// dumpFault returns the refusal of a selector that leads nowhere, and other errors as they
// are.
func dumpFault(err error) error {
	if _, ok := errors.AsType[*store.NotFoundError](err); ok {
		return refuse(http.StatusBadRequest, err)
	}
	return err
}

// levels appends series as nested objects: of a level first its metrics, then the levels
// below. The series come in the order of store.Store.Dump.
type levels struct {
	*reply
	skip   int      // how many levels of each path are left out
	path   []string // of the level that is open
	metric string   // the last member of the open level, if that is a metric
	begun  bool     // the open level has a member
}

// add appends a series. Two of one name are joined.
func (l *levels) add(d *store.Dumped) error {
	path := d.Path[l.skip:]
	common := 0
	for common < min(len(path), len(l.path)) && path[common] == l.path[common] {
		common++
	}
	if common == len(path) && common == len(l.path) && l.begun && l.metric == d.Metric {
		l.buf[len(l.buf)-1] = ',' // in place of the bracket
		return l.buffers(d.Buffers)
	}
	l.closeTo(common)
	for _, name := range path[common:] {
		l.member(name)
		l.buf = append(l.buf, '{')
		l.path, l.begun = append(l.path, name), false
	}
	l.member(d.Metric)
	l.metric = d.Metric
	l.buf = append(l.buf, '[')
	return l.buffers(d.Buffers)
}

// member begins a member of the open level.
func (l *levels) member(name string) {
	if l.begun {
		l.buf = append(l.buf, ',')
	}
	l.begun, l.metric = true, ""
	l.newLine(len(l.path) + 1)
	l.buf = appendString(l.buf, name)
	l.buf = append(l.buf, ':')
}

// closeTo closes the levels below a depth.
func (l *levels) closeTo(depth int) {
	for len(l.path) > depth {
		l.newLine(len(l.path))
		l.buf = append(l.buf, '}')
		l.path = l.path[:len(l.path)-1]
		l.begun, l.metric = true, ""
	}
}

// newLine appends a newline and the indentation of a depth.
func (r *reply) newLine(depth int) {
	r.buf = append(r.buf, '\n')
	for range depth {
		r.buf = append(r.buf, '\t')
	}
}

// buffersPerSpill is how many buffers fit the slack of a chunk.
const buffersPerSpill = 256

// buffers appends the rest of a list, with its bracket.
func (r *reply) buffers(list []store.Buffer) error {
	for i, b := range list {
		if i%buffersPerSpill == 0 && i > 0 {
			if err := r.spill(); err != nil {
				return err
			}
		}
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
	if err := r.spill(); err != nil {
		return err
	}
	r.buf = append(r.buf, ']')
	return nil
}

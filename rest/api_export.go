package rest

import (
	"fmt"
	"math"
	"net/http"
	"net/url"
	"strconv"
	"time"

	"github.com/labstack/echo/v4"

	"cc-metric-store/rest/export"
	"cc-metric-store/store"
)

// exportTimeout bounds an export from its first byte on. Its client is cut off before if it is slow.
const exportTimeout = 24 * time.Hour

// exportRequest is what the parameters of /api/export ask for.
type exportRequest struct {
	selection store.ExportSelection
	format    export.Format
}

// export answers /api/export: it streams all stored samples of a selection, host after host. If
// something fails after the first byte, the answer breaks off.
func (a *api) export(c echo.Context) error {
	req, err := readExport(c.QueryParams())
	if err != nil {
		return refuse(http.StatusBadRequest, err)
	}
	// Before the store is read: what comes meanwhile may be in the answer or not.
	c.Response().Header().Set(headerCompleteUntil, strconv.FormatInt(max(a.log.CompleteUntil().Unix(), 0), 10))
	if c.Request().Method == http.MethodHead {
		c.Response().Header().Set(echo.HeaderContentType, req.format.ContentType())
		return c.NoContent(http.StatusOK)
	}
	r, err := a.newReply(c)
	if err != nil {
		return err
	}
	defer r.release()
	r.contentType = req.format.ContentType()
	r.client.allow(exportTimeout)
	t, err := a.enterQueries(c, turnCost)
	if err != nil {
		return err
	}
	defer func() { t.leave() }()
	ctx := c.Request().Context()
	e := export.NewEncoder(req.format)
	r.buf = append(r.buf, e.Header()...)
	var values []float64
	err = a.store.Export(ctx, &req.selection, func(id *store.SeriesID, run *store.Run) (err error) {
		if t, err = t.yield(ctx); err != nil {
			return err
		}
		p := &id.Part
		series := export.Series{Cluster: id.Cluster, Host: id.Host, Metric: id.Metric, Type: p.Type, TypeID: p.ID, Subtype: p.Subtype, SubtypeID: p.SubID}
		values = run.AppendTo(values[:0])
		row := export.Row{Start: run.Start, Step: run.Step, Values: values}
		for len(row.Values) > 0 {
			if r.buf, row, err = e.Append(r.buf, &series, row); err == nil {
				err = r.spill()
			}
			if err != nil {
				return err
			}
		}
		return nil
	})
	if err != nil {
		return fmt.Errorf("export: %w", err)
	}
	return r.finish()
}

// readExport reads the parameters. One that is not known is an error: an answer of more than was
// asked for would be a surprise.
func readExport(values url.Values) (*exportRequest, error) {
	req := &exportRequest{selection: store.ExportSelection{From: math.MinInt64, To: math.MaxInt64}}
	s := &req.selection
	for name, list := range values {
		if len(list) > 1 && (name == "from" || name == "to" || name == "format") {
			return nil, fmt.Errorf("the parameter %s is given %d times, once is possible", name, len(list))
		}
		var err error
		switch name {
		case "cluster":
			s.Clusters = list
		case "host":
			s.Hosts = list
		case "metric":
			s.Metrics = list
		case "type":
			for _, kind := range list {
				if kind == "node" {
					kind = ""
				}
				s.Types = append(s.Types, kind)
			}
		case "from":
			s.From, err = readSeconds(name, list[0])
		case "to":
			s.To, err = readSeconds(name, list[0])
		case "format":
			req.format, err = export.ParseFormat(list[0])
		default:
			err = fmt.Errorf("there is no parameter %.100q: there are cluster, host, metric, type, from, to and format", name)
		}
		if err != nil {
			return nil, err
		}
	}
	if s.From > s.To {
		return nil, store.ErrInvalidTimeRange
	}
	return req, nil
}

// readSeconds reads a time.
func readSeconds(name, text string) (int64, error) {
	t, err := strconv.ParseInt(text, 10, 64)
	switch {
	case err != nil:
		return 0, fmt.Errorf("%s %.100q is no time in Unix seconds", name, text)
	case t < -store.MaxTime || t > store.MaxTime:
		return 0, fmt.Errorf("%s %d lies more than %d years from 1970: it is in Unix seconds", name, t, store.MaxTime/(365*24*3600))
	}
	return t, nil
}

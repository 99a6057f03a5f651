package promapi

import (
	"context"
	"errors"
	"net/http"
	"runtime"
	"strings"

	"cc-metric-store/store"
)

// Version is the version of Prometheus whose API and language these are, which clients ask for.
const Version = "3.16.0"

// endpoint returns the handler of a path, nil if there is none, and the label that the path names.
func (a *API) endpoint(path string) (h handler, label string) {
	switch path {
	case "query":
		return a.query, ""
	case "query_range":
		return a.queryRange, ""
	case "series":
		return a.series, ""
	case "labels":
		return a.labelNames, ""
	case "metadata":
		return a.metadata, ""
	case "status/buildinfo":
		return a.buildInfo, ""
	case "rules":
		return fixed(`{"groups":[]}`), ""
	case "alerts":
		return fixed(`{"alerts":[]}`), ""
	case "query_exemplars":
		return func(context.Context, *parameters, *answer) error {
			return NewError(http.StatusNotFound, errors.New("there are no exemplars"))
		}, ""
	}
	if label := labelName(path); label != "" {
		return a.labelValues, label
	}
	return nil, ""
}

// labelName returns the name in label/NAME/values, empty for other paths.
func labelName(path string) string {
	rest, ok := strings.CutPrefix(path, "label/")
	name, ok2 := strings.CutSuffix(rest, "/values")
	if !ok || !ok2 {
		return ""
	}
	return name
}

// fixed returns the handler of an endpoint that answers the same for ever.
func fixed(data string) handler {
	return func(_ context.Context, _ *parameters, out *answer) error {
		out.begin()
		out.buf = append(out.buf, data...)
		out.end(notes{})
		return nil
	}
}

// buildInfo answers status/buildinfo. By it, clients know what they may ask.
func (a *API) buildInfo(_ context.Context, _ *parameters, out *answer) error {
	out.begin()
	out.buf = append(out.buf, `{"version":"`+Version+`","revision":"","branch":"","buildUser":"","buildDate":"","goVersion":`...)
	out.string(runtime.Version())
	out.buf = append(out.buf, '}')
	out.end(notes{})
	return nil
}

// metadata answers metadata: all metrics are gauges, as nothing says which ones count.
func (a *API) metadata(ctx context.Context, p *parameters, out *answer) error {
	limit, err := p.limit("limit")
	if err != nil {
		return err
	}
	if _, err := p.limit("limit_per_metric"); err != nil { // there is one of each
		return err
	}
	wanted, one := p.values.Get("metric"), p.values.Has("metric")
	out.begin()
	out.buf = append(out.buf, '{')
	n := 0
	for _, m := range a.store.Metrics() {
		if one && wanted != "" && m.Name != wanted {
			continue
		}
		if limit > 0 && n >= limit {
			break
		}
		if n++; n > 1 {
			out.buf = append(out.buf, ',')
		}
		out.string(m.Name)
		out.buf = append(out.buf, `:[{"type":"gauge","help":`...)
		out.string(help(&m))
		out.buf = append(out.buf, `,"unit":""}]`...)
		if !out.spill(ctx) {
			return nil
		}
	}
	out.buf = append(out.buf, '}')
	out.end(notes{})
	return nil
}

// help describes a metric.
func help(m *store.NamedMetric) string {
	text := "every " + seconds(m.Frequency)
	switch m.Aggregation {
	case store.AggregateSum:
		return text + "; parts combine by sum"
	case store.AggregateAvg:
		return text + "; parts combine by avg"
	}
	return text + "; parts do not combine"
}

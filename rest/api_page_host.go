package rest

import (
	"encoding/json"
	"fmt"
	"net/http"
	"slices"
	"strings"

	"github.com/labstack/echo/v4"

	"cc-metric-store/store"
)

// hostMetrics is the answer of /api/page/host: what can be asked of a host.
type hostMetrics struct {
	Cluster string       `json:"cluster"`
	Host    string       `json:"host"`
	Newest  int64        `json:"newest"`  // time of the newest sample in memory, Unix seconds; 0: there is none
	Metrics []hostMetric `json:"metrics"` // in order of their names
}

// hostMetric is a metric of a host.
type hostMetric struct {
	Metric      string `json:"metric"`
	Interval    int64  `json:"interval"`    // seconds, 0: it is not configured any more
	Aggregation string `json:"aggregation"` // sum, avg, or empty
	// Own says that the host itself has a series of it.
	Own   bool        `json:"own"`
	Parts []partsList `json:"parts"`
}

// partsList are the parts of one type that have the metric, and the second levels below them.
type partsList struct {
	Type     string   `json:"type"`
	IDs      []string `json:"ids"`
	Subtypes []string `json:"subtypes,omitempty"`
	SubIDs   []string `json:"subtype-ids,omitempty"`
}

// pageHost answers /api/page/host.
func (a *api) pageHost(c echo.Context) error {
	cluster, err := nameParameter(c, "cluster")
	if err != nil {
		return err
	}
	host, err := nameParameter(c, "host")
	if err != nil {
		return err
	}
	matchers, err := equalTo(cluster, host)
	if err != nil {
		return err
	}
	bounds := store.SelectBounds{Most: store.MaxSelected}
	for name, edge := range map[string]*int64{"from": &bounds.From, "to": &bounds.To} {
		if text := c.QueryParam(name); text != "" {
			if *edge, err = readSeconds(name, text); err != nil {
				return refuse(http.StatusBadRequest, err)
			}
		}
	}
	r, err := a.newReply(c)
	if err != nil {
		return err
	}
	defer r.release()
	t, err := a.enterQueries(c, smallSeries*seriesCost) // the host may have any number of series
	if err != nil {
		return err
	}
	defer t.leave()
	series, err := a.store.SelectIn(c.Request().Context(), bounds, matchers...)
	if err != nil {
		return fmt.Errorf("list the series of host %q of cluster %q: %w", host, cluster, err)
	}
	if len(series) == 0 {
		return refuse(http.StatusNotFound, fmt.Errorf("there are no samples of host %q of cluster %q in memory, nor in the files of the archive for this time", host, cluster))
	}
	body, err := json.Marshal(hostMetrics{cluster, host, a.store.Newest(cluster, host), a.listMetrics(series)})
	if err != nil {
		return fmt.Errorf("encode the metrics of host %q: %w", host, err)
	}
	return r.finishTagged(body)
}

func equalTo(cluster, host string) (out []*store.Matcher, err error) {
	for _, m := range []struct {
		label store.Label
		value string
	}{{store.LabelCluster, cluster}, {store.LabelHost, host}} {
		one, err := store.NewMatcher(store.MatchEqual, m.label, m.value)
		if err != nil {
			return nil, err
		}
		out = append(out, one)
	}
	return out, nil
}

// listMetrics groups the series of one host, which are in the order of store.Select: so equal
// types follow one another.
func (a *api) listMetrics(series []store.SeriesID) []hostMetric {
	byName := map[string]*hostMetric{}
	for i := range series {
		id := &series[i]
		m := byName[id.Metric]
		if m == nil {
			m = &hostMetric{Metric: id.Metric, Parts: []partsList{}}
			if config, ok := a.store.Configured(id.Metric); ok {
				m.Interval, m.Aggregation = config.Frequency, aggregationName(config.Aggregation)
			}
			byName[id.Metric] = m
		}
		m.add(id.Part)
	}
	list := make([]hostMetric, 0, len(byName))
	for _, m := range byName {
		list = append(list, *m)
	}
	slices.SortFunc(list, func(a, b hostMetric) int { return strings.Compare(a.Metric, b.Metric) })
	return list
}

func (m *hostMetric) add(p store.Part) {
	if p == (store.Part{}) {
		m.Own = true
		return
	}
	n := len(m.Parts)
	if n == 0 || m.Parts[n-1].Type != p.Type {
		m.Parts = append(m.Parts, partsList{Type: p.Type, IDs: []string{}})
		n++
	}
	of := &m.Parts[n-1]
	if k := len(of.IDs); k == 0 || of.IDs[k-1] != p.ID {
		of.IDs = append(of.IDs, p.ID)
	}
	if p.Subtype != "" {
		addOnce(&of.Subtypes, p.Subtype)
		addOnce(&of.SubIDs, p.SubID)
	}
}

// maxSubIDs bounds the names of second levels that are listed of a type.
const maxSubIDs = 256

func addOnce(list *[]string, name string) {
	if len(*list) < maxSubIDs && !slices.Contains(*list, name) {
		*list = append(*list, name)
	}
}

// aggregationName returns an aggregation as it stands in the configuration.
func aggregationName(a store.Aggregation) string {
	switch a {
	case store.AggregateSum:
		return "sum"
	case store.AggregateAvg:
		return "avg"
	}
	return ""
}

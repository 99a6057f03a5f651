package main

import (
	"errors"
	"fmt"
	"math"
	"net/url"
	"strconv"
	"strings"
	"time"

	"cc-metric-store/store"
)

// exportSelection is what -select asks for, as the parameters of the endpoint.
type exportSelection url.Values

// add takes the text of one -select, such as cluster=fritz,host=f0001,host=f0002,from=2025-10-09T08:00:00Z.
func (s exportSelection) add(text string) error {
	for item := range strings.SplitSeq(text, ",") {
		name, value, ok := strings.Cut(item, "=")
		value, err := url.PathUnescape(value)
		if !ok || err != nil {
			return fmt.Errorf("%q is not of the form NAME=VALUE, with %%2C for a comma and %%25 for %% in it", item)
		}
		switch name {
		case "cluster", "host", "metric", "type":
		case "from", "to":
			if len(s[name]) > 0 {
				return fmt.Errorf("%s is given twice", name)
			}
			t, err := parseTime(value)
			if err != nil {
				return fmt.Errorf("%s: %w", name, err)
			}
			value = strconv.FormatInt(t, 10)
		default:
			return fmt.Errorf("there is no %q to select by: there are cluster, host, metric, type, from and to", name)
		}
		s[name] = append(s[name], value)
	}
	return nil
}

// parseTime reads Unix seconds, or a time as in RFC 3339.
func parseTime(text string) (int64, error) {
	if t, err := strconv.ParseInt(text, 10, 64); err == nil {
		if t < -store.MaxTime || t > store.MaxTime {
			return 0, fmt.Errorf("%d is no time in Unix seconds", t)
		}
		return t, nil
	}
	t, err := time.Parse(time.RFC3339, text)
	if err != nil {
		return 0, fmt.Errorf("%q is neither a time in Unix seconds nor one like 2025-10-09T08:00:00Z", text)
	}
	return t.Unix(), nil
}

// forStore returns the selection for a store.
func (s exportSelection) forStore() (*store.ExportSelection, error) {
	sel := &store.ExportSelection{Clusters: s["cluster"], Hosts: s["host"], Metrics: s["metric"], From: math.MinInt64, To: math.MaxInt64}
	for _, kind := range s["type"] {
		if kind == "node" {
			kind = ""
		}
		sel.Types = append(sel.Types, kind)
	}
	for name, to := range map[string]*int64{"from": &sel.From, "to": &sel.To} {
		if list := s[name]; len(list) > 0 {
			t, err := strconv.ParseInt(list[0], 10, 64)
			if err != nil {
				return nil, err
			}
			*to = t
		}
	}
	if sel.From > sel.To {
		return nil, errors.New("-select: to is before from")
	}
	return sel, nil
}

package export

import (
	"encoding/json"
	"errors"
	"fmt"
	"math"
)

// appendString appends a string as JSON.
func appendString(b []byte, s string) []byte {
	quoted, err := json.Marshal(s)
	if err != nil {
		panic(err) // a string has no fault
	}
	return append(b, quoted...)
}

// MaxObject bounds an object of JSONLines, in bytes: seven names of 64 KiB, each byte of them escaped, and the values.
const MaxObject = 8 << 20

// ParseObject reads a line of JSONLines. What has been read before is used again for the values.
func ParseObject(line []byte, into *Row) (Series, error) {
	var o struct {
		Cluster   string     `json:"cluster"`
		Host      string     `json:"hostname"`
		Metric    string     `json:"metric"`
		Type      string     `json:"type"`
		TypeID    string     `json:"type-id"`
		Subtype   string     `json:"stype"`
		SubtypeID string     `json:"stype-id"`
		Interval  int64      `json:"interval"`
		Start     int64      `json:"start"`
		Values    []*float64 `json:"values"`
	}
	if err := json.Unmarshal(line, &o); err != nil {
		return Series{}, fmt.Errorf("read an object of samples: %w", err)
	}
	if o.Interval < 1 || o.Metric == "" {
		return Series{}, errors.New("read an object of samples: it has no interval or no metric")
	}
	into.Start, into.Step, into.Values = o.Start, o.Interval, into.Values[:0]
	for _, v := range o.Values {
		if v == nil {
			into.Values = append(into.Values, math.NaN())
		} else {
			into.Values = append(into.Values, *v)
		}
	}
	return Series{o.Cluster, o.Host, o.Metric, o.Type, o.TypeID, o.Subtype, o.SubtypeID}, nil
}

// Package export writes samples as text: as lines of the line protocol, as CSV or as lines of JSON. It
// is pure: it opens nothing and starts nothing.
package export

import (
	"fmt"
	"strings"
)

// Format is a form of text.
type Format int

const (
	// LineProtocol is a line for each sample, as collectors send it.
	LineProtocol Format = iota
	// CSV is a header and a record for each sample, as RFC 4180 describes it, but that lines end with \n.
	CSV
	// JSONLines is an object on a line of its own for each row of samples of a series.
	JSONLines
	formats
)

// String is how parameters and flags call the format, and how its files end.
func (f Format) String() string { return [...]string{"lp", "csv", "jsonl"}[f] }

// ContentType is the media type of the format.
func (f Format) ContentType() string {
	return [...]string{"text/plain; charset=utf-8", "text/csv; charset=utf-8", "application/x-ndjson"}[f]
}

// ParseFormat is the reverse of Format.String.
func ParseFormat(name string) (Format, error) {
	var names []string
	for f := range formats {
		if name == f.String() {
			return f, nil
		}
		names = append(names, f.String())
	}
	return 0, fmt.Errorf("there is no format %.100q: use one of %s", name, strings.Join(names, ", "))
}

// Series names a series by its tags. Those that it does not have are empty: the host itself has no type.
type Series struct {
	Cluster, Host, Metric            string
	Type, TypeID, Subtype, SubtypeID string
}

// Row is consecutive samples of a series; NaN is a gap.
type Row struct {
	Start  int64 // of the first one, Unix seconds
	Step   int64 // seconds from one to the next
	Values []float64
}

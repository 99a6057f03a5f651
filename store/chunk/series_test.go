package chunk

import (
	"bufio"
	"compress/gzip"
	"fmt"
	"io"
	"math"
	"os"
	"slices"
	"strconv"
	"strings"
	"sync"
)

// realFile holds a day of a job on 32 nodes as line protocol.
const realFile = "../../test/testdata/emmy-job-1403244.lp.gz"

// interval is that of all series in realFile, in seconds.
const interval = 60

// series are the values of a metric on a host, one a slot.
type series struct {
	metric, host string
	values       []float64
}

// realSeries returns the series of realFile on the slots that the store would
// choose.
var realSeries = sync.OnceValues(func() ([]series, error) { return openSeries(realFile) })

// openSeries reads a file of line protocol, compressed by gzip or not.
func openSeries(path string) (all []series, err error) {
	f, err := os.Open(path)
	if err != nil {
		return nil, fmt.Errorf("open samples: %w", err)
	}
	defer f.Close()
	var lines io.Reader = f
	if strings.HasSuffix(path, ".gz") {
		if lines, err = gzip.NewReader(f); err != nil {
			return nil, fmt.Errorf("read samples of %s: %w", path, err)
		}
	}
	if all, err = readSeries(lines); err != nil {
		return nil, fmt.Errorf("read samples of %s: %w", path, err)
	}
	return all, nil
}

func readSeries(r io.Reader) ([]series, error) {
	origin := make(map[string]int64) // by host
	index := make(map[string]int)    // by metric and tags
	var all []series
	for lines := bufio.NewScanner(r); ; {
		if !lines.Scan() {
			slices.SortStableFunc(all, func(a, b series) int { return strings.Compare(a.host, b.host) })
			return all, lines.Err()
		}
		fields := strings.Fields(lines.Text())
		if len(fields) == 0 {
			continue
		}
		if len(fields) != 3 {
			return nil, fmt.Errorf("line %q: want 3 fields", lines.Text())
		}
		key := fields[0]
		value, err := strconv.ParseFloat(strings.TrimPrefix(fields[1], "value="), 64)
		if err != nil {
			return nil, err
		}
		t, err := strconv.ParseInt(fields[2], 10, 64)
		if err != nil {
			return nil, err
		}
		_, host, _ := strings.Cut(key, "hostname=")
		host, _, _ = strings.Cut(host, ",")
		if _, ok := origin[host]; !ok {
			origin[host] = t - interval/2
		}
		i, ok := index[key]
		if !ok {
			i = len(all)
			index[key] = i
			metric, _, _ := strings.Cut(key, ",")
			all = append(all, series{metric: metric, host: host})
		}
		s := &all[i]
		for slot := int((t - origin[host]) / interval); slot >= len(s.values); {
			s.values = append(s.values, math.NaN())
		}
		s.values[(t-origin[host])/interval] = value
	}
}

// hostGroup is what the series of a host have in the same slots, a column each.
type hostGroup struct {
	series  []series
	columns [][]float64
}

// groupsOf cuts the series of each host, which follow each other, into groups of so many slots, as the
// store does.
func groupsOf(all []series, slots int) []hostGroup {
	var groups []hostGroup
	for len(all) > 0 {
		n, length := 0, 0
		for n < len(all) && all[n].host == all[0].host {
			length = max(length, len(all[n].values))
			n++
		}
		for from := 0; from < length; from += slots {
			g := hostGroup{series: all[:n]}
			for _, s := range all[:n] {
				values := each(slots, func(int) float64 { return math.NaN() })
				copy(values, s.values[min(from, len(s.values)):])
				g.columns = append(g.columns, values)
			}
			groups = append(groups, g)
		}
		all = all[n:]
	}
	return groups
}

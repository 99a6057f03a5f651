package lineproto

import (
	"math"
	"testing"

	"cc-metric-store/store"
)

// learnAll stores and learns what was decoded, as the pipeline does.
func learnAll(s *store.Store, c *SeriesCache, d *Decoded) {
	for i := range d.Batches {
		c.Learn(d, i, s.Append(&d.Batches[i]))
	}
}

// value returns the newest value of a node metric in the hour after from, NaN
// without one.
func value(t *testing.T, s *store.Store, cluster, host, metric string, from int64) float64 {
	t.Helper()
	rows, err := s.Query(&store.Query{Cluster: cluster, Host: host, Metric: metric, From: from, To: from + 3600, Unpadded: true})
	if err != nil {
		t.Fatal(err)
	}
	if len(rows) == 0 || len(rows[0].Values) == 0 {
		return math.NaN()
	}
	return rows[0].Values[len(rows[0].Values)-1]
}

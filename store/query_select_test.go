package store

import (
	"errors"
	"fmt"
	"math"
	"testing"
)

// TestLevels has samples of one metric at several levels of a host: cell by cell the
// first level that has a sample answers.
func TestLevels(t *testing.T) {
	gap := math.NaN()
	core := func(i int) Part { return Part{Type: "core", ID: fmt.Sprint(i)} }
	socket := Part{Type: "socket", ID: "0"}
	port := Part{Type: "network", ID: "mlx5_0:1"}
	disk := func(sub string) Part { return Part{Type: "socket", ID: "0", Subtype: "disk", SubID: sub} }
	type sample struct {
		part   Part
		values []float64 // by cell
	}
	for _, tt := range []struct {
		name    string
		metric  string
		samples []sample
		query   Query
		want    []float64 // nil: invalid aggregation
	}{
		{"a collector with new tags", "flops", []sample{{Part{}, []float64{30, 30, 30}}, {port, []float64{gap, gap, gap, 30, 30}}}, Query{}, []float64{30, 30, 30, 30, 30}},
		{"without an aggregation", "load", []sample{{Part{}, []float64{30, 30, 30}}, {port, []float64{gap, gap, gap, 30, 30}}}, Query{}, []float64{30, 30, 30, 30, 30}},
		{"a stray line", "flops", []sample{{Part{}, []float64{gap, 1}}, {core(0), []float64{20, 20, 20, 20, 20}}, {core(1), []float64{8, 8, 8, 8, 8}}}, Query{}, []float64{28, 1, 28, 28, 28}},
		{"of an average", "clock", []sample{{Part{}, []float64{gap, 1}}, {core(0), []float64{20, 20, 20, 20, 20}}, {core(1), []float64{8, 8, 8, 8, 8}}}, Query{}, []float64{14, 1, 14, 14, 14}},
		{"what cannot be combined", "load", []sample{{Part{}, []float64{gap, 1}}, {core(0), []float64{20, 20, 20, 20, 20}}, {core(1), []float64{8, 8, 8, 8, 8}}}, Query{}, []float64{gap, 1, gap, gap, gap}},
		{"what cannot be combined, alone in the window", "load", []sample{{Part{}, []float64{gap, gap, gap, gap, gap, 1}}, {core(0), []float64{20}}, {core(1), []float64{8}}}, Query{}, nil},
		{"nothing in the window", "load", []sample{{Part{}, []float64{gap, gap, gap, gap, gap, 1}}, {core(0), []float64{gap, gap, gap, gap, gap, 1}}, {core(1), []float64{gap, gap, gap, gap, gap, 1}}}, Query{}, []float64{gap, gap, gap, gap, gap}},
		{"sockets until yesterday", "flops", []sample{{socket, []float64{5, 6}}, {core(0), []float64{gap, 1, 1, 1, gap}}, {core(1), []float64{2, 2, 2, 2, 2}}}, Query{}, []float64{5, 6, 3, 3, gap}},
		{"a part and its second level", "flops", []sample{{socket, []float64{5, gap, 7}}, {disk("a"), []float64{1, 1, 1, 1}}, {disk("b"), []float64{1, 1, 1, 1}}}, Query{Type: "socket", TypeIDs: []string{"0"}}, []float64{5, 2, 7, 2, gap}},
		{"parts of different levels", "clock", []sample{{Part{Type: "socket", ID: "1"}, []float64{9, 9, 9, 9}}, {socket, []float64{1, gap, 1}}, {disk("a"), []float64{3, 3, 3}}, {disk("b"), []float64{6, 6, gap}}},
			Query{Type: "socket", TypeIDs: []string{"0", "1"}, Aggregate: true}, []float64{5, 6, 5, gap, gap}},
	} {
		t.Run(tt.name, func(t *testing.T) {
			s := newStore(t, Config{})
			for _, one := range tt.samples {
				for i, v := range one.values {
					if !math.IsNaN(v) {
						put(t, s, "h", one.part, tt.metric, t0+60*int64(i), v)
					}
				}
			}
			q := tt.query
			q.Cluster, q.Host, q.Metric, q.From, q.To, q.NoStats = "c", "h", tt.metric, t0, t0+300, true
			if tt.want == nil {
				if got, err := s.Query(&q); !errors.Is(err, ErrInvalidAggregation) {
					t.Errorf("%+v, %v", got, err)
				}
				return
			}
			expectSeries(t, s, &q, []Series{{From: q.From, To: q.To, Resolution: 60, Values: tt.want}})
		})
	}
}
